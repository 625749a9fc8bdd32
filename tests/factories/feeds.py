"""Feed files for tests: rows with sensible invented values, written as the contract's CSV."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence
from typing import Any

from victim_gateway.feeds.case_events import CASE_EVENTS_FEED
from victim_gateway.feeds.columns import REFERRAL_FEED

_numbers = itertools.count(1)
_LETTERS = str.maketrans("0123456789", "abcdefghij")


def feed_row(**changes: str) -> dict[str, str]:
    """A referral of an adult who may be phoned and has agreed; each row another person unless told."""
    number = next(_numbers)
    row = {
        "feed_reference": f"TST-{number:06d}",
        "force": "Staffordshire Police",
        "crime_number": f"21/{number:06d}/26",
        "recorded_as": "crime",
        "offence": "Burglary",
        "occurred_from": "2026-03-01T20:00:00",
        "reported_at": "2026-03-02T09:00:00",
        "transferred_at": "2026-03-03T09:00:00",
        "district": "Stafford",
        "victim_type": "person",
        "victim_reference": f"P{number:08d}",
        "given_name": "Robin",
        # letters alone: a digit in a name is worth a warning
        "family_name": f"Example{str(number).translate(_LETTERS)}",
        "date_of_birth": "1985-06-07",
        "sex": "F",
        "phone": f"07700 900{number % 1000:03d}",
        "email": f"robin{number}@example.org",
        "address_line_1": f"{number} Test Street",
        "postcode": "ST16 2LL",
        "preferred_contact": "phone",
        "safe_to_contact": "yes",
        "consent_to_referral": "yes",
    }
    return {**row, **changes}


def event_row(feed_reference: str, event: str = "suspect_arrested", **changes: str) -> dict[str, str]:
    """An arrest, learned on the day it happened."""
    row = {
        "feed_reference": feed_reference,
        "event": event,
        "occurred_at": "2026-03-04T10:00:00",
        "recorded_at": "2026-03-04T12:00:00",
        "source": "police",
        "note": "",
    }
    return {**row, **changes}


def narrow_file(*rows: dict[str, Any]) -> io.BytesIO:
    """The rows as a referral file that has only the columns of the first row."""
    return _written(list(rows[0]), rows)


def feed_file(*rows: dict[str, Any], events: bool = False) -> io.BytesIO:
    """The rows as a file; columns are the feed's own, and any others that a row has."""
    feed = CASE_EVENTS_FEED if events else REFERRAL_FEED
    columns = [
        *feed.columns,
        *dict.fromkeys(name for row in rows for name in row if name not in feed.columns),
    ]
    return _written(columns, rows)


def _written(columns: list[str], rows: Sequence[dict[str, Any]]) -> io.BytesIO:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return io.BytesIO(text.getvalue().encode())
