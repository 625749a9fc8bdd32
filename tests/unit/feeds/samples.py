"""Invented rows and files for the tests of feeds; nobody in them exists."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.area_profile import load_area
from victim_gateway.feeds.columns import REFERRAL_FEED
from victim_gateway.feeds.places import place_names_of
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.feeds.reading import FeedFile, RawRow, examine_file, read_rows
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.schemas.referral_rows import parse_referral_row

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
IMPORTED_AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
MEGABYTE = 1 << 20
PLACES = place_names_of(load_area("staffordshire"))

GOOD = {"feed_reference": "STF-1", "offence": "Burglary", "reported_at": "2026-03-01T10:00:00"}


def csv_bytes(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, encoding: str = "utf-8", line_end: str = "\r\n"
) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def feed_of(*rows: Mapping[str, str]) -> bytes:
    """A referral file with the columns of all the rows."""
    header = list(dict.fromkeys(column for row in rows for column in row))
    return csv_bytes(header, [[row.get(column, "") for column in header] for row in rows])


def read_all(data: bytes) -> tuple[FeedFile, list[RawRow | RejectedRow]]:
    stream = io.BytesIO(data)
    file = examine_file(stream, REFERRAL_FEED, max_bytes=50 * MEGABYTE)
    return file, list(read_rows(stream, file, REFERRAL_FEED))


def parse(**cells: str) -> Accepted[ReferralRow] | RejectedRow:
    return parse_referral_row({**GOOD, **cells}, number=2, imported_at=IMPORTED_AT, places=PLACES)


def accepted(**cells: str) -> tuple[ReferralRow, list[tuple[str, str]]]:
    """The row, and its warnings as (column, code)."""
    outcome = parse(**cells)
    assert isinstance(outcome, Accepted), outcome
    return outcome.row, [(warning.column, warning.code) for warning in outcome.warnings]


def set_aside(**cells: str) -> list[tuple[str, str]]:
    """Why the row was set aside, as (column, code)."""
    outcome = parse(**cells)
    assert isinstance(outcome, RejectedRow), outcome
    return [(reason.column, reason.code) for reason in outcome.reasons]


def lost(column: str, text: str, **others: str) -> str:
    """The code of the one warning, after checking that the cell was emptied and kept as given."""
    row, warnings = accepted(**{column: text}, **others)
    value: Any = getattr(row, column)
    assert value is None
    assert row.raw[column] == text
    [(warned, code)] = warnings
    assert warned == column
    return code
