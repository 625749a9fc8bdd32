"""Encrypting and decrypting documents in rows: one key per person, per handover and per import batch."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from victim_gateway import crypto
from victim_gateway.crypto import SealBroken
from victim_gateway.database import bulk_insert
from victim_gateway.database.current import current_keyring
from victim_gateway.models import WrappedKey
from victim_gateway.row_ids import new_row_id

_KEY_MISSING = "a key was destroyed or is not for this reader"


def bound_to(table: str, row_id: UUID) -> str:
    """The binding of a sealed value to its row: moved to another row it does not open."""
    return f"{table}:{row_id}"


def new_key(
    session: Session, purpose: str, subject_id: UUID, at: datetime, organisation_id: UUID | None = None
) -> tuple[UUID, bytes]:
    """Create and store a key for a `person`, a `handover` (with its reader), a `batch`, a `draft` or an `incident`.

    Gives its id and the key.
    """
    key_id, key = new_row_id(), crypto.new_data_key()
    keyring_id, wrapped = current_keyring().wrap_key(key, bound_to("wrapped_key", key_id))
    session.execute(
        insert(WrappedKey).values(
            id=key_id,
            purpose=purpose,
            subject_id=subject_id,
            organisation_id=organisation_id,
            keyring_id=keyring_id,
            wrapped=wrapped,
            created_at=at,
        )
    )
    return key_id, key


def open_key(session: Session, key_id: UUID) -> bytes:
    """Unwrap one key. Raises SealBroken when it was destroyed or the reader has no right to it."""
    return open_keys(session, [key_id])[key_id]


def open_wrapped_key(key_id: UUID, keyring_id: str | None, wrapped: bytes | None) -> bytes:
    """Unwrap a key that was read with its row. Raises SealBroken when it was destroyed or is not the reader's."""
    if keyring_id is None or wrapped is None:
        raise SealBroken("a key was destroyed or is not for this reader")
    return current_keyring().unwrap_key(keyring_id, wrapped, bound_to("wrapped_key", key_id))


def open_keys(session: Session, key_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """Unwrap several keys with one query; raises SealBroken when one is gone or not the reader's."""
    rows = session.execute(
        select(WrappedKey.id, WrappedKey.keyring_id, WrappedKey.wrapped).where(
            bulk_insert.column_in(WrappedKey.id, set(key_ids))
        )
    ).all()
    found = {row.id: row for row in rows}
    if set(key_ids) - found.keys():
        raise SealBroken(_KEY_MISSING)
    return {key_id: unwrap_row_key(key_id, row.keyring_id, row.wrapped) for key_id, row in found.items()}


def unwrap_row_key(key_id: UUID, keyring_id: str | None, wrapped: bytes | None) -> bytes:
    """Unwrap a key that was read beside what it opens. Raises SealBroken when it was destroyed or not found."""
    if keyring_id is None or wrapped is None:
        raise SealBroken(_KEY_MISSING)
    return current_keyring().unwrap_key(keyring_id, wrapped, bound_to("wrapped_key", key_id))


def seal_row(key: bytes, table: str, row_id: UUID, document: Any) -> bytes:
    """Seal a JSON document into one row of one table."""
    return crypto.seal_document(key, document, bound_to(table, row_id))


def unseal_row(key: bytes, table: str, row_id: UUID, sealed: bytes) -> Any:
    """Decrypt the output of `seal_row`. Raises SealBroken for another row's value or another key."""
    return crypto.unseal_document(key, sealed, bound_to(table, row_id))


def seal_bytes(key: bytes, table: str, row_id: UUID, number: int, plain: bytes) -> bytes:
    """Seal one numbered chunk of a file."""
    return crypto.encrypt_bytes(key, plain, f"{bound_to(table, row_id)}:{number}")


def unseal_bytes(key: bytes, table: str, row_id: UUID, number: int, sealed: bytes) -> bytes:
    """Open a chunk; raises SealBroken for another file's chunk, or one out of order."""
    return crypto.decrypt_bytes(key, sealed, f"{bound_to(table, row_id)}:{number}")
