"""A person in memory during an import, with the changes the rows make."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from victim_gateway import crypto
from victim_gateway.crypto import BlindIndex
from victim_gateway.database import encrypted_rows
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.identity_match import contradicts
from victim_gateway.rules.safe_adult_changes import keep_not_safe
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.safe_contact_merge import OpenedPlan, first_plan, next_plan
from victim_gateway.services.people.person_hashes import (
    PERSON_FIELDS,
    person_index_values,
    victim_reference_hash,
)

# Of `field_batches`: all the fields that it does not name.
_OTHER_FIELDS = "*"


def person_document(row: ReferralRow) -> dict[str, Any]:
    """What is sealed of a person, from a row; blanks are left out."""
    values = {name: getattr(row, name) for name in PERSON_FIELDS}
    if row.date_of_birth is not None:
        values["date_of_birth"] = row.date_of_birth.isoformat()
    values["deceased"] = row.deceased or None
    return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class SealedPersonRow:
    """A person as stored: sealed, and the keyed hashes to find them by. The plan only where it is new."""

    sealed: bytes
    hashes: Mapping[str, Any]
    plan_id: UUID | None
    sealed_plan: bytes | None


@dataclass
class ImportedPerson:
    """One person; `is_new` until saved. `corrected_fields` are those of `document` that a caseworker corrected."""

    id: UUID
    key_id: UUID
    key: bytes
    kind: str
    document: dict[str, Any]
    is_new: bool
    victim_reference_hash: bytes | None = None
    restricted: bool = False
    # Of a known person: since when, by any of their records, and the birth date before the chunk.
    known_since: datetime | None = None
    birth_date_before: date | None = None
    corrected_fields: frozenset[str] = frozenset()
    # The number of the batch that brought each field; "*" stands for those that are not named.
    field_batches: dict[str, int] = field(default_factory=dict)
    changed: bool = False
    plan_id: UUID | None = None
    plan_version: int = 0
    plan: OpenedPlan | None = None
    has_new_plan: bool = False
    consent: bool | None = None
    new_consents: list[dict[str, Any]] = field(default_factory=list)
    # A number, an address or an answer about safety changed with the last row: a caseworker must ask before
    # it is used.
    must_ask: bool = False
    # Takes an adult who answers a suspect's phone out of the safe ones; None where no suspect is known.
    keep_suspects_out: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    # What is stored, worked out by `seal`; None once another row is applied.
    sealed_row: SealedPersonRow | None = None

    def is_other_victim_than(self, reference_hash: bytes | None) -> bool:
        """Whether the force names another victim: one person never becomes another by an update."""
        return (
            self.victim_reference_hash is not None
            and reference_hash is not None
            and self.victim_reference_hash != reference_hash
        )

    def is_contradicted_by(self, other: ImportedPerson) -> bool:
        """Whether name and birth date say that this is somebody else, whatever key the two share."""
        return contradicts(self.document, other.document)

    def forget_reference(self) -> None:
        """Keep the person without the force's reference, which is another person's."""
        self.victim_reference_hash, self.sealed_row = None, None

    def corrections_contradicted_by(self, other: ImportedPerson) -> frozenset[str]:
        """The fields that a caseworker has corrected and for which the feed gives another value."""
        return frozenset(
            name
            for name in self.corrected_fields
            if name in other.document and other.document[name] != self.document.get(name)
        )

    def apply_row(
        self,
        row: ReferralRow,
        batch: RunningBatch,
        referral_id: UUID,
        *,
        changed: Collection[str] | None = None,
    ) -> None:
        """Apply the values of a row. What a caseworker corrected stays; what is blank takes nothing away.

        `changed` names the columns that an update changed, None for a new referral. Of an update only those
        count: another referral may have brought newer ones since. A value that changed to blank or to
        something unreadable leaves the field empty, not as it was. What a later file brought stands.
        """
        self.sealed_row, self.must_ask = None, False
        given_values, before = person_document(row), dict(self.document)
        if not before:
            self.field_batches = {_OTHER_FIELDS: batch.number}
        is_new_document = not before and changed is None and not self.corrected_fields
        if is_new_document:
            # Nothing can be newer or corrected: most rows are of somebody new, and need no look at each field.
            self.document.update((name, given_values[name]) for name in PERSON_FIELDS if name in given_values)
        for name in () if is_new_document else PERSON_FIELDS:
            if name in self.corrected_fields or (changed is not None and name not in changed):
                continue
            if self._is_from_a_later_file(name, batch.number):
                continue
            if name in given_values:
                self.document[name] = given_values[name]
            elif changed is not None:
                self.document.pop(name, None)
            else:
                continue
            if self.field_batches.get(_OTHER_FIELDS) != batch.number:
                self.field_batches[name] = batch.number
        self.document = keep_not_safe(before, self.document)
        has_suspects_adult = self._forbid_suspects_adult()
        self.changed = self.changed or self.document != before
        self._apply_safety(row, before, changed)
        self.must_ask |= has_suspects_adult
        if changed is None or "consent_to_referral" in changed:
            self._apply_consent(row, batch.imported_at, referral_id)

    def _forbid_suspects_adult(self) -> bool:
        given = self.document
        self.document = self.keep_suspects_out(given) if self.keep_suspects_out is not None else given
        return self.document != given

    def _is_from_a_later_file(self, name: str, batch_number: int) -> bool:
        said_by = self.field_batches.get(name, self.field_batches.get(_OTHER_FIELDS, 0))
        return name in self.document and said_by > batch_number

    def _apply_safety(
        self, row: ReferralRow, before: Mapping[str, Any], changed: Collection[str] | None
    ) -> None:
        if self.plan is None:
            self._set_plan(first_plan(row, self.document))
            return
        plan, must_ask = next_plan(self.plan, row, before=before, after=self.document, changed=changed)
        if plan is not None:
            self._set_plan(plan)
        self.must_ask = must_ask

    def _set_plan(self, plan: OpenedPlan) -> None:
        if not self.has_new_plan:
            self.plan_version += 1
        self.plan, self.has_new_plan = plan, True

    def _apply_consent(self, row: ReferralRow, at: datetime, referral_id: UUID) -> None:
        if row.consent_to_referral not in ("yes", "no"):
            return
        agreed = row.consent_to_referral == "yes"
        # A feed may bring a first answer or a no; it never turns a recorded no into a yes.
        if self.consent is None or (self.consent and not agreed):
            self.consent = agreed
            self.new_consents.append(
                {
                    "agreed": agreed,
                    "given_at": min(row.transferred_at or row.reported_at, at),
                    "recorded_at": at,
                    "referral_id": referral_id,
                }
            )

    def seal(self, index: BlindIndex) -> SealedPersonRow:
        """Seal the document and hash what the person may be found by; once, until another row is applied."""
        if self.sealed_row is None:
            plan_id = new_row_id() if self.plan and self.has_new_plan else None
            self.sealed_row = SealedPersonRow(
                sealed=encrypted_rows.seal_row(self.key, "person", self.id, self.document),
                hashes={
                    **person_index_values(index, self.document),
                    "victim_reference_hash": self.victim_reference_hash,
                },
                plan_id=plan_id,
                sealed_plan=encrypted_rows.seal_row(
                    self.key, "safe_contact_plan", plan_id, self.plan.document
                )
                if self.plan and plan_id
                else None,
            )
        return self.sealed_row


def prepare_new_person(row: ReferralRow, batch: RunningBatch, index: BlindIndex) -> ImportedPerson:
    """The person of a row as if they were not known yet, with a key of their own; no row is applied so far."""
    return ImportedPerson(
        id=new_row_id(),
        key_id=new_row_id(),
        key=crypto.new_data_key(),
        kind="business" if row.victim_type == "business" else "person",
        document={},
        is_new=True,
        victim_reference_hash=victim_reference_hash(
            index, row.force or batch.own_force, row.victim_reference
        ),
    )
