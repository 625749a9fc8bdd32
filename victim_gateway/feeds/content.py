"""Canonical bytes of a row, independent of the file's layout."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

_AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def content_key(raw: Mapping[str, str], known_columns: Collection[str] | None = None) -> bytes:
    """Canonical bytes of a row, for the caller to hash: rows with equal content give equal bytes.

    Order of columns and white space around cells don't count. With `known_columns` only those do, and one that is
    blank is not one that is absent: a changed column that the service does not know makes no update.
    """
    columns = raw.keys() if known_columns is None else known_columns
    said = [(column, raw.get(column, "").strip()) for column in sorted(columns)]
    if known_columns is None:
        said = [(column, text) for column, text in said if text]
    return _AS_JSON(said).encode()
