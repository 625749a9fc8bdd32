"""A usable row on its way in, with all that can be worked out of it before the database is asked.

Made while the database writes the rows before it: the keys, hashes and sealed values of a month take as long
as writing them does.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from victim_gateway.crypto import BlindIndex
from victim_gateway.database import encrypted_rows
from victim_gateway.feeds.content import content_key
from victim_gateway.feeds.facts import ReferralFacts, referral_facts
from victim_gateway.feeds.problems import Accepted, Problem, RejectedRow
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.imported_person import ImportedPerson, new_person
from victim_gateway.services.imports.row_mapping import problem_documents, referral_columns, referral_document
from victim_gateway.vocabulary import RowOutcome


@dataclass
class PreparedRow:
    """A row prepared as if its referral were new and its victim somebody new.

    What is sealed is sealed under the key of that newcomer: of a person already known it is sealed again.
    """

    row: ReferralRow
    warnings: tuple[Problem, ...]
    content_hash: bytes
    referral_id: UUID
    newcomer: ImportedPerson
    facts: ReferralFacts
    columns: dict[str, Any]
    sealed_referral: bytes
    sealed_raw: bytes

    def seal_under(self, person: ImportedPerson, referral_id: UUID | None = None) -> None:
        """Make what is sealed of the row openable with this person's key, for the referral it tells of."""
        self.referral_id = referral_id or self.referral_id
        self.sealed_referral, self.sealed_raw = _sealed(person.key, self.referral_id, self.row, self.warnings)


@dataclass
class LeftAside:
    """A row that can't be used, with the hash of what it says."""

    row: RejectedRow
    content_hash: bytes


def prepare_row(
    item: Accepted[ReferralRow] | RejectedRow, batch: RunningBatch, index: BlindIndex
) -> PreparedRow | LeftAside:
    """Work out all that needs no database."""
    if isinstance(item, RejectedRow):
        return LeftAside(item, index.hash_value("feed_row", content_key(item.raw).decode("utf-8", "replace")))
    row, referral_id = item.row, uuid4()
    person = new_person(row, index)
    person.learn(row, batch.imported_at, referral_id)
    person.close(index)
    sealed_referral, sealed_raw = _sealed(person.key, referral_id, row, item.warnings)
    return PreparedRow(
        row=row,
        warnings=item.warnings,
        content_hash=index.hash_value("feed_row", content_key(row.raw).decode()),
        referral_id=referral_id,
        newcomer=person,
        facts=referral_facts(row, imported_at=batch.imported_at, with_history=batch.history),
        columns=referral_columns(row, index),
        sealed_referral=sealed_referral,
        sealed_raw=sealed_raw,
    )


def used_row_values(
    batch: RunningBatch,
    item: PreparedRow,
    outcome: RowOutcome,
    *,
    referral_id: UUID,
    key_id: UUID,
    sealed: bytes,
    changed_fields: Collection[str] = (),
) -> dict[str, Any]:
    """One row of `ImportRow` for a row that was used; `sealed` is the row as given, under its person's key."""
    return {
        "batch_id": batch.id,
        "row_number": item.row.number,
        "force": item.row.force,
        "feed_reference": item.row.feed_reference,
        "content_hash": item.content_hash,
        "outcome": outcome,
        "reasons": problem_documents(item.warnings),
        "changed_fields": sorted(changed_fields),
        "referral_id": referral_id,
        "key_id": key_id,
        "sealed": sealed,
    }


def _sealed(
    key: bytes, referral_id: UUID, row: ReferralRow, warnings: tuple[Problem, ...]
) -> tuple[bytes, bytes]:
    return (
        encrypted_rows.seal_row(key, "referral", referral_id, referral_document(row, warnings)),
        encrypted_rows.seal_row(key, "import_row", referral_id, dict(row.raw)),
    )
