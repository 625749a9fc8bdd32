"""Canonical bytes of a row, independent of the file's layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from victim_gateway.json_encoding import encode_json


def content_key(raw: Mapping[str, str], known_columns: Collection[str] | None = None) -> bytes:
    """Canonical bytes of a row, for the caller to hash: rows with equal content give equal bytes.

    Order of columns and white space around cells don't count. With `known_columns` only those do, and one that is
    blank is not one that is absent: a changed column that the service does not know makes no update.
    """
    if known_columns is not None:
        return encode_json(
            [(column, raw.get(column, "").strip()) for column in _in_order(frozenset(known_columns))]
        )
    said = [(column, raw[column].strip()) for column in sorted(raw)]
    return encode_json([(column, text) for column, text in said if text])


# The same set for each row of a file.
@lru_cache(maxsize=64)
def _in_order(columns: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(columns))
