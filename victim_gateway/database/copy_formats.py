"""The binary format of COPY, column by column: a fraction of the work of text for the driver and the server.

The driver writes single values in C. It adapts each element of an array by itself and asks of each document which
type it is, so that those are written here, as the bytes that the server reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct, pack
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from victim_gateway.json_encoding import encode_json

# Subclasses before their bases: an Enum of ours is a String, a BigInteger an Integer.
_SINGLE_VALUES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (String, "text"),
    (Uuid, "uuid"),
    (DateTime, "timestamptz"),
    (Date, "date"),
    (Boolean, "bool"),
    (BigInteger, "int8"),
    (SmallInteger, "int2"),
    (Integer, "int4"),
    (LargeBinary, "bytea"),
)
# The server's numbers of the types of an array's elements.
_INT4, _TEXT, _BYTEA = 23, 25, 17
_LENGTH = Struct("!i").pack
# One dimension, no element absent, the elements' type, how many there are, the first has number one.
_ARRAY_HEAD = Struct("!iiiii").pack
_JSONB_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class CopyFormat:
    """How one column is written: as which type, by the driver, or as bytes made here."""

    type_name: str
    make_bytes: Callable[[Any], bytes] | None = None


def copy_format(kind: TypeEngine[Any]) -> CopyFormat:
    """The format of a column of this type. Raises TypeError for a type that no bulk insert has written so far."""
    if isinstance(kind, JSONB):
        return CopyFormat("bytea", _document_bytes)
    if isinstance(kind, ARRAY):
        # What the driver takes for bytes is what stands between the lengths, whatever the column is.
        return CopyFormat("bytea", _array_maker(kind.item_type))
    for known, name in _SINGLE_VALUES:
        if isinstance(kind, known):
            return CopyFormat(name)
    raise TypeError(f"no format to copy {kind!r}")


def _array_maker(item: TypeEngine[Any]) -> Callable[[Any], bytes]:
    if isinstance(item, Integer) and not isinstance(item, BigInteger | SmallInteger):
        return _integer_array_bytes
    if isinstance(item, LargeBinary):
        return _byte_array_bytes
    if isinstance(item, String):
        return _text_array_bytes
    raise TypeError(f"no format to copy arrays of {item!r}")


def _document_bytes(document: Any) -> bytes:
    return _JSONB_VERSION + encode_json(document)


def _integer_array_bytes(numbers: Sequence[int]) -> bytes:
    count = len(numbers)
    if count == 0:
        return _empty_array(_INT4)
    # Before each number its length.
    parts = [4] * (2 * count)
    parts[1::2] = numbers
    return pack(f"!{5 + 2 * count}i", 1, 0, _INT4, count, 1, *parts)


def _byte_array_bytes(values: Sequence[bytes]) -> bytes:
    if not values:
        return _empty_array(_BYTEA)
    return _ARRAY_HEAD(1, 0, _BYTEA, len(values), 1) + b"".join(
        [part for value in values for part in (_LENGTH(len(value)), value)]
    )


def _text_array_bytes(values: Sequence[str]) -> bytes:
    return _short_text_array(tuple(values))


# Arrays of text hold codes and names of columns: few, and the same again and again.
@lru_cache(maxsize=1024)
def _short_text_array(values: tuple[str, ...]) -> bytes:
    if not values:
        return _empty_array(_TEXT)
    parts = [value.encode() for value in values]
    return _ARRAY_HEAD(1, 0, _TEXT, len(parts), 1) + b"".join(_LENGTH(len(part)) + part for part in parts)


@lru_cache
def _empty_array(element_type: int) -> bytes:
    return pack("!iii", 0, 0, element_type)
