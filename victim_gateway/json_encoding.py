"""Compact JSON bytes of documents that are sealed, hashed or stored: by a library in Rust, thousands in one import."""

from __future__ import annotations

import json
from typing import Any

import orjson

_encode_slowly = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode_json(document: Any) -> bytes:
    """The document as compact UTF-8, always the same bytes: stored hashes of rows are compared with these.

    Raises TypeError or UnicodeEncodeError for what JSON can't hold.
    """
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        # Numbers beyond 64 bits, and keys that are members of enumerations, the standard library can write.
        return _encode_slowly(document).encode()
