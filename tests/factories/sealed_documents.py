"""What an import seals about a person and a referral, set in a test without a file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Person, Referral, Task
from victim_gateway.vocabulary import TaskKind

_IMPORTER = Actor.worker("test import")


def seal_documents(
    referral_id: UUID, *, person: dict[str, Any] | None = None, referral: dict[str, Any] | None = None
) -> None:
    """Add these values to the person's and the referral's document, as an import leaves them."""
    with transaction(_IMPORTER) as session:
        row = session.get_one(Referral, referral_id)
        owner = session.get_one(Person, row.person_id)
        key = encrypted_rows.open_key(session, owner.key_id)
        document = encrypted_rows.unseal_row(key, "referral", row.id, row.sealed)
        row.sealed = encrypted_rows.seal_row(key, "referral", row.id, document | (referral or {}))
        document = encrypted_rows.unseal_row(key, "person", owner.id, owner.sealed)
        owner.sealed = encrypted_rows.seal_row(key, "person", owner.id, document | (person or {}))


def sealed_documents(referral_id: UUID) -> tuple[dict[str, Any], dict[str, Any]]:
    """The person's document and the referral's, opened."""
    with transaction(_IMPORTER) as session:
        row = session.get_one(Referral, referral_id)
        owner = session.get_one(Person, row.person_id)
        key = encrypted_rows.open_key(session, owner.key_id)
        return (
            encrypted_rows.unseal_row(key, "person", owner.id, owner.sealed),
            encrypted_rows.unseal_row(key, "referral", row.id, row.sealed),
        )


def feed_conflict(referral_id: UUID, *columns: str, at: Any) -> UUID:
    """An open task that asks about these columns of the feed."""
    with transaction(_IMPORTER) as session:
        task = Task(
            kind=TaskKind.FEED_CONFLICT,
            referral_id=referral_id,
            dedupe_key=f"feed-conflict:{referral_id}",
            details={"fields": sorted(columns)},
            created_at=at,
        )
        session.add(task)
        session.flush()
        return task.id
