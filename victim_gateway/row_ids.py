"""Keys of new rows: UUID version 7, which rise with time, so that new rows lie together in every index."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_row_id() -> UUID:
    """A key for a new row: the millisecond of its making, then 74 random bits.

    Random keys spread over the whole of an index, so that each row of an import changes a page of its own; the
    larger the table the more of them have to be read, written and logged. The moment that the key tells is stored
    in the row anyway. SQL has the same as `new_row_id()`.
    """
    return uuid7()
