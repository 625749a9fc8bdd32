"""Canonical bytes of a row, independent of the file's layout."""

from __future__ import annotations

import json
from collections.abc import Mapping

_AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def content_key(raw: Mapping[str, str]) -> bytes:
    """Canonical bytes of a row, for the caller to hash: rows with equal content give equal bytes.

    Order of columns and white space around cells don't count, and a blank cell is as good as none.
    Unknown columns do count: a changed one is a changed row.
    """
    said = sorted([(column, text) for column, cell in raw.items() if (text := cell.strip())])
    return _AS_JSON(said).encode()
