"""Files that commands write: readable by this account only, whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from victim_gateway.cli import Failed
from victim_gateway.cli._output import write_file


def test_a_file_is_readable_by_its_account_only_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    before = os.umask(0)
    try:
        write_file(path, [b"a,b\r\n", b"c,d\r\n"])
    finally:
        os.umask(before)
    assert path.read_bytes() == b"a,b\r\nc,d\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_was_open_to_others_is_so_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_file(path, [b"new"])
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)


def test_a_failure_half_way_leaves_the_earlier_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_file(path, chunks())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_file(link, [b"new"])
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe, received = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_file(pipe, [b"a", b"b"])
    reader.join(10)
    assert received == [b"ab"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="No such file or directory"):
        write_file(tmp_path / "none" / "rows.csv", [b"a"])
