"""A usable row with everything that can be computed before the database is asked.

Prepared while the database writes the rows before it: the keys, hashes and sealed values of a month take as
long as writing them does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from victim_gateway.crypto import BlindIndex
from victim_gateway.database import encrypted_rows
from victim_gateway.feeds.facts import ReferralFacts, referral_facts
from victim_gateway.feeds.problems import Accepted, Problem, problem_documents
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.imported_person import ImportedPerson, prepare_new_person
from victim_gateway.services.imports.row_mapping import (
    hash_row_content,
    referral_columns,
    referral_document,
)
from victim_gateway.vocabulary import RowOutcome


@dataclass
class PreparedRow:
    """A row prepared as if its referral and its victim were new.

    What is sealed is sealed under the key of `new_person`; for a person already stored it is sealed again.
    """

    row: ReferralRow
    warnings: tuple[Problem, ...]
    content_hash: bytes
    referral_id: UUID
    new_person: ImportedPerson
    facts: ReferralFacts
    columns: dict[str, Any]
    sealed_referral: bytes
    sealed_raw: bytes
    kept_as_given: Mapping[str, str] = field(default_factory=dict)

    def mark_learned_at(self, at: datetime) -> None:
        """Count the row as learned at the moment its chunk is written, not at that of its reading."""
        self.facts = self.facts.learned_at(at)
        for consent in self.new_person.new_consents:
            consent["recorded_at"] = at

    def seal_under(self, person: ImportedPerson, referral_id: UUID | None = None) -> None:
        """Seal the row again under this person's key, for the referral it belongs to."""
        self.referral_id = referral_id or self.referral_id
        self.sealed_referral, self.sealed_raw = _seal_documents(person.key, self.referral_id, self.row)


def prepare_row(item: Accepted[ReferralRow], batch: RunningBatch, index: BlindIndex) -> PreparedRow:
    """Compute everything of a row that needs no database."""
    row, referral_id = item.row, new_row_id()
    person = prepare_new_person(row, batch, index)
    person.apply_row(row, batch, referral_id)
    person.seal(index)
    sealed_referral, sealed_raw = _seal_documents(person.key, referral_id, row)
    return PreparedRow(
        row=row,
        warnings=item.warnings,
        content_hash=hash_row_content(row.raw, index, row.columns),
        referral_id=referral_id,
        new_person=person,
        facts=referral_facts(row, imported_at=batch.imported_at, with_history=batch.history),
        columns=referral_columns(row, index),
        sealed_referral=sealed_referral,
        sealed_raw=sealed_raw,
    )


def prepare_row_values(
    item: PreparedRow,
    parsed: Accepted[ReferralRow],
    batch: RunningBatch,
    index: BlindIndex,
    *,
    kept_as_given: Mapping[str, str],
) -> PreparedRow:
    """The same row with other typed values: its facts and columns follow from those.

    `kept_as_given` are texts that could not be read and changed nothing: they are kept to be shown.
    """
    return replace(
        item,
        row=parsed.row,
        warnings=parsed.warnings,
        kept_as_given=kept_as_given,
        facts=referral_facts(parsed.row, imported_at=batch.imported_at, with_history=batch.history),
        columns=referral_columns(parsed.row, index),
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


def _seal_documents(key: bytes, referral_id: UUID, row: ReferralRow) -> tuple[bytes, bytes]:
    return (
        encrypted_rows.seal_row(key, "referral", referral_id, referral_document(row)),
        encrypted_rows.seal_row(key, "import_row", referral_id, dict(row.raw)),
    )
