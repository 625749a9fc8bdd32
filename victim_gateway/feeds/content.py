"""Canonical bytes of a row, independent of the file's layout."""

from __future__ import annotations

import json
from collections.abc import Mapping

from victim_gateway.feeds.case_events import CASE_EVENT_COLUMNS
from victim_gateway.feeds.columns import REFERRAL_COLUMNS

_KNOWN = frozenset(REFERRAL_COLUMNS) | frozenset(CASE_EVENT_COLUMNS)
_AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def content_key(raw: Mapping[str, str]) -> bytes:
    """Canonical bytes of a row, for the caller to hash: rows with equal content give equal bytes.

    Order of columns and white space around cells don't count, and a blank cell is as good as none.
    Unknown columns don't count either: the day of an extract says nothing of a victim.
    """
    said = sorted(
        [(column, text) for column, cell in raw.items() if column in _KNOWN and (text := cell.strip())]
    )
    return _AS_JSON(said).encode()
