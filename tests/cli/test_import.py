"""`gateway import`: its summary, its exit status, and being killed half-way."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from pathlib import Path

import psycopg
import pytest

from config import Settings
from tests.factories.feeds import feed_file, feed_row
from tests.plumbing.programs import RunGateway, environment_of, forked_gateway

# Two chunks, of which the second takes long enough to be killed in it.
ROWS = 4_000 if os.environ.get("CI") else 2_000
KEYS = {
    "batch",
    "rows",
    "imported",
    "updated",
    "unchanged",
    "set_aside",
    "held",
    "warnings",
    "repeat_victims",
    "seconds",
}


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / "feed.csv"
    path.write_bytes(feed_file(feed_row(), feed_row(reported_at="soon"), feed_row()).getvalue())
    return path


def test_the_summary_is_one_json_document_and_rows_set_aside_are_status_3(
    run_gateway: RunGateway, feed: Path
) -> None:
    done = run_gateway("import", "police-feed", feed, "--json")

    assert done.returncode == 3
    summary = json.loads(done.stdout)
    assert set(summary) == KEYS
    assert (summary["rows"], summary["imported"], summary["set_aside"]) == (3, 2, 1)

    aside = run_gateway("import", "rejected", str(summary["batch"]))
    rows = list(csv.DictReader(io.StringIO(aside.stdout.removeprefix("\ufeff"))))
    assert [(row["row"], row["reported_at"]) for row in rows] == [("3", "soon")]
    assert "reported_at" in rows[0]["reason"]


def test_a_clean_file_is_status_0_and_says_so_in_words(run_gateway: RunGateway, tmp_path: Path) -> None:
    path = tmp_path / "clean.csv"
    path.write_bytes(feed_file(feed_row()).getvalue())
    done = run_gateway("import", "police-feed", path)
    assert (done.returncode, "imported" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n", b"a;b;c\n1;2;3\n", b"offence,reported_at\nx,2026-01-01\n"]
)
def test_what_is_no_feed_is_status_2_with_one_line(
    run_gateway: RunGateway, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    done = run_gateway("import", "police-feed", path)
    assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (2, "", 1)
    assert "odd.csv" in done.stderr


def test_a_missing_file_and_a_missing_batch_are_status_2(run_gateway: RunGateway, tmp_path: Path) -> None:
    assert run_gateway("import", "police-feed", tmp_path / "none.csv").returncode == 2
    missing = run_gateway("import", "rejected", "41")
    assert (missing.returncode, len(missing.stderr.strip().splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("import", "rejected", "first"), "'first'"),
        (("import", "police-feed"), "FILE"),
        (("import", "everything"), "'everything'"),
        (("compliance", "report", "--from", "2018-10-01"), "--to"),
        (("compliance", "report", "--format", "pdf"), "'pdf'"),
    ],
)
def test_wrong_use_is_status_2_with_one_line_that_names_it(
    run_gateway: RunGateway, arguments: tuple[str, ...], named: str
) -> None:
    done = run_gateway(*arguments)
    assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (2, "", 1)
    assert named in done.stderr


def test_rows_that_cannot_be_written_where_asked_are_status_1_with_one_line(
    run_gateway: RunGateway, feed: Path, tmp_path: Path
) -> None:
    summary = json.loads(run_gateway("import", "police-feed", feed, "--json").stdout)
    done = run_gateway("import", "rejected", str(summary["batch"]), "-o", tmp_path / "none" / "rows.csv")
    assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (1, "", 1)
    assert "No such file" in done.stderr


def test_killed_half_way_and_run_again_it_completes_with_nothing_doubled(
    committed_settings: Settings, run_gateway: RunGateway, tmp_path: Path
) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(feed_file(*(feed_row() for _ in range(ROWS))).getvalue())
    url = str(committed_settings.database_owner_url).replace("+psycopg", "")
    process = forked_gateway(
        "import",
        "police-feed",
        path,
        environment=environment_of(committed_settings),
        log=tmp_path / "import.log",
    )
    with psycopg.connect(url, autocommit=True) as connection:
        ends = time.monotonic() + 60
        while time.monotonic() < ends and process.poll() is None:
            found = connection.execute("SELECT count(*) FROM referral").fetchone()
            if found and found[0]:
                break
            time.sleep(0.02)
        process.kill()
        process.wait(10)
        left = connection.execute("SELECT count(*) FROM referral").fetchone()
        assert left is not None
        assert 0 < left[0] < ROWS

        summary = json.loads(run_gateway("import", "police-feed", path, "--json").stdout)

        assert (summary["imported"], summary["unchanged"]) == (ROWS - left[0], left[0])
        counted = connection.execute(
            "SELECT (SELECT count(*) FROM referral), (SELECT count(DISTINCT feed_reference) FROM referral),"
            " (SELECT count(*) FROM person), (SELECT count(*) FROM case_event WHERE event = 'reported_to_police')"
        ).fetchone()
    assert counted == (ROWS, ROWS, ROWS, ROWS)
