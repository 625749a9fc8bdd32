"""What a row says, as bytes that are the same however its file is laid out."""

from __future__ import annotations

import json
from collections.abc import Mapping

_AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def content_key(raw: Mapping[str, str]) -> bytes:
    """Canonical bytes of a row, for the caller to hash: two rows that say the same give the same.

    Order of columns and white space around cells don't count, and a blank cell is as good as none.
    Unknown columns do count: a changed one is a changed row.
    """
    said = sorted([(column, text) for column, cell in raw.items() if (text := cell.strip())])
    return _AS_JSON(said).encode()
