"""The body of an upload while it arrives: bounded memory, the same bytes back, nothing readable on the disk."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plumbing.property_tests import examples
from victim_gateway.web.sealed_spool import CHUNK_BYTES, SealedSpool

AROUND_A_CHUNK = st.integers(CHUNK_BYTES - 3, CHUNK_BYTES + 3) | st.integers(0, 3 * CHUNK_BYTES)


@settings(max_examples=examples(50))
@given(st.lists(AROUND_A_CHUNK, max_size=4), st.integers(CHUNK_BYTES // 16, 2 * CHUNK_BYTES))
def test_what_is_written_is_read_twice_in_any_portions(sizes: list[int], portion: int) -> None:
    written = [bytes([number]) * size for number, size in enumerate(sizes)]
    with SealedSpool() as spool:
        for data in written:
            spool.write(data)
        assert spool.tell() == sum(sizes)
        for _ in range(2):
            spool.seek(0)
            assert b"".join(iter(lambda: spool.read(portion), b"")) == b"".join(written)


def test_nothing_that_was_written_stands_readable_on_the_disk() -> None:
    with SealedSpool() as spool:
        spool.write(b"Robin Testcase;" * 200_000)
        stored = os.pread(spool._sealed.fileno(), 10 * CHUNK_BYTES, 0)
    assert len(stored) > CHUNK_BYTES
    assert b"Testcase" not in stored


def test_memory_does_not_grow_with_the_file() -> None:
    with SealedSpool() as spool:
        for _ in range(20):
            spool.write(b"x" * CHUNK_BYTES)
            assert len(spool._last) < CHUNK_BYTES


def test_a_small_file_stays_off_the_disk() -> None:
    with SealedSpool() as spool:
        spool.write(b"a,b\r\n")
        assert os.fstat(spool._sealed.fileno()).st_size == 0


def test_only_places_from_the_start_are_known() -> None:
    with SealedSpool() as spool, pytest.raises(io.UnsupportedOperation):
        spool.seek(0, os.SEEK_END)
