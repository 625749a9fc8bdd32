"""The people of one piece of an import: those already known, and those it brings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway import bulk, crypto, sealing
from victim_gateway.crypto import BlindIndex
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.models import Consent, OnwardReferral, Person, SafeContactPlan, WrappedKey
from victim_gateway.services import onward_referrals, safe_answers
from victim_gateway.services.imports.plans import Plan, first_plan, next_plan
from victim_gateway.services.people import PERSON_FIELDS, index_values, victim_reference_hash
from victim_gateway.transactions import keyring
from victim_gateway.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import ConsentHow, ConsentPurpose


def person_document(row: ReferralRow) -> dict[str, Any]:
    """What is sealed of a person, from a row; blanks are left out."""
    given = {name: getattr(row, name) for name in PERSON_FIELDS}
    if row.date_of_birth is not None:
        given["date_of_birth"] = row.date_of_birth.isoformat()
    return {name: value for name, value in given.items() if value is not None}


@dataclass
class KnownPerson:
    """One person while a piece is worked on; `is_new` until saved."""

    id: UUID
    key_id: UUID
    key: bytes
    kind: str
    document: dict[str, Any]
    is_new: bool
    victim_reference_hash: bytes | None = None
    restricted: bool = False
    corrected: frozenset[str] = frozenset()
    changed: bool = False
    plan_id: UUID | None = None
    plan_version: int = 0
    plan: Plan | None = None
    has_new_plan: bool = False
    consent: bool | None = None
    new_consent: dict[str, Any] | None = None
    # A number or address changed, or an answer about safety does: a person must ask before it is used.
    must_ask: bool = False
    hashes: dict[str, Any] = field(default_factory=dict)

    def learn(
        self, row: ReferralRow, at: datetime, referral_id: UUID, *, changed: Collection[str] | None = None
    ) -> None:
        """Take over what a row tells. What a caseworker corrected stays; what is blank takes nothing away.

        `changed` names the columns that an update changed, None for a new referral. Of an update only those
        count: another referral may have told newer ones since. A value that changed to blank or to
        something unreadable leaves the field empty, not as it was.
        """
        told, before = person_document(row), dict(self.document)
        for name in PERSON_FIELDS:
            if name in self.corrected or (changed is not None and name not in changed):
                continue
            if name in told:
                self.document[name] = told[name]
            elif changed is not None:
                self.document.pop(name, None)
        self.changed = self.changed or self.document != before
        self._learn_safety(row, before, changed)
        if changed is None or "consent_to_referral" in changed:
            self._learn_consent(row, at, referral_id)

    def _learn_safety(
        self, row: ReferralRow, before: Mapping[str, Any], changed: Collection[str] | None
    ) -> None:
        if self.plan is None:
            self._put(first_plan(row, self.document))
            return
        plan, must_ask = next_plan(self.plan, row, before=before, after=self.document, changed=changed)
        if plan is not None:
            self._put(plan)
        self.must_ask = self.must_ask or must_ask

    def _put(self, plan: Plan) -> None:
        if not self.has_new_plan:
            self.plan_version += 1
        self.plan, self.has_new_plan = plan, True

    def _learn_consent(self, row: ReferralRow, at: datetime, referral_id: UUID) -> None:
        if row.consent_to_referral not in ("yes", "no"):
            return
        agreed = row.consent_to_referral == "yes"
        # A feed may bring a first answer or a no; it never turns a recorded no into a yes.
        if self.consent is None or (self.consent and not agreed):
            self.consent = agreed
            self.new_consent = {
                "agreed": agreed,
                "given_at": min(row.transferred_at or row.reported_at, at),
                "recorded_at": at,
                "referral_id": referral_id,
            }


class PeopleOfPiece:
    """Loads the people of a piece with a fixed number of queries, and saves them set-wise."""

    def __init__(self, session: Session, index: BlindIndex, at: datetime) -> None:
        self._session, self._index, self._at = session, index, at
        self._by_hash: dict[bytes, KnownPerson] = {}
        self._by_id: dict[UUID, KnownPerson] = {}

    def load(self, *, hashes: set[bytes], ids: set[UUID]) -> None:
        """Fetch and lock the people with these reference hashes or ids, with their plan and consent."""
        rows = self._session.scalars(
            select(Person)
            .where(Person.erased_at.is_(None), Person.victim_reference_hash.in_(hashes) | Person.id.in_(ids))
            .order_by(Person.id)
            .with_for_update()
        ).all()
        keys = sealing.open_keys(self._session, [person.key_id for person in rows]) if rows else {}
        for person in rows:
            known = KnownPerson(
                id=person.id,
                key_id=person.key_id,
                key=keys[person.key_id],
                kind=person.kind,
                document=sealing.unseal(keys[person.key_id], "person", person.id, person.sealed),
                is_new=False,
                victim_reference_hash=person.victim_reference_hash,
                restricted=person.restricted,
                corrected=frozenset(person.corrected_fields),
            )
            self._by_id[person.id] = known
            if person.victim_reference_hash is not None:
                self._by_hash[person.victim_reference_hash] = known
        self._load_plans_and_consents()

    def _load_plans_and_consents(self) -> None:
        ids = list(self._by_id)
        plans = self._session.scalars(
            select(SafeContactPlan).where(
                SafeContactPlan.person_id.in_(ids), SafeContactPlan.superseded_at.is_(None)
            )
        )
        for plan in plans:
            known = self._by_id[plan.person_id]
            document = sealing.unseal(known.key, "safe_contact_plan", plan.id, plan.sealed)
            known.plan_id, known.plan_version = plan.id, plan.version
            known.plan = Plan(plan.safe, document, plan.stated_by, plan.checked_at)
        consents = self._session.execute(
            select(Consent.person_id, Consent.agreed).where(
                Consent.person_id.in_(ids),
                Consent.purpose == ConsentPurpose.CONTACT,
                Consent.withdrawn_at.is_(None),
            )
        )
        for consent in consents:
            self._by_id[consent.person_id].consent = consent.agreed

    def by_id(self, person_id: UUID) -> KnownPerson:
        return self._by_id[person_id]

    def for_row(self, row: ReferralRow) -> KnownPerson:
        """The person a row is about: the one the force's reference names, or a new one."""
        wanted = self.reference_hash(row)
        if wanted is not None and wanted in self._by_hash:
            return self._by_hash[wanted]
        known = KnownPerson(
            id=uuid4(),
            key_id=uuid4(),
            key=crypto.new_data_key(),
            kind="business" if row.victim_type == "business" else "person",
            document={},
            is_new=True,
            victim_reference_hash=wanted,
        )
        self._by_id[known.id] = known
        if wanted is not None:
            self._by_hash[wanted] = known
        return known

    def reference_hash(self, row: ReferralRow) -> bytes | None:
        """The keyed hash of the force's reference of the victim; None when the row has none."""
        return victim_reference_hash(self._index, row.force, row.victim_reference)

    def save(self) -> None:
        """Write new people, changed people and their plans; consents name referrals and are saved after those."""
        for known in self._by_id.values():
            if known.is_new or known.changed:
                known.hashes = index_values(self._index, known.document)
                known.hashes["victim_reference_hash"] = known.victim_reference_hash
        self._save_new([known for known in self._by_id.values() if known.is_new])
        for known in self._by_id.values():
            if known.changed and not known.is_new:
                self._session.execute(
                    update(Person)
                    .where(Person.id == known.id)
                    .values(
                        sealed=sealing.seal(known.key, "person", known.id, known.document),
                        updated_at=self._at,
                        version=Person.version + 1,
                        **known.hashes,
                    )
                )
        self._save_plans()

    def _save_new(self, people: list[KnownPerson]) -> None:
        ring = keyring()
        keys, rows = [], []
        for known in people:
            keyring_id, wrapped = ring.wrap(known.key, sealing.bound_to("wrapped_key", known.key_id))
            keys.append(
                {
                    "id": known.key_id,
                    "purpose": "person",
                    "subject_id": known.id,
                    "keyring_id": keyring_id,
                    "wrapped": wrapped,
                    "created_at": self._at,
                }
            )
            rows.append(
                {
                    "id": known.id,
                    "kind": known.kind,
                    "key_id": known.key_id,
                    "sealed": sealing.seal(known.key, "person", known.id, known.document),
                    "corrected_fields": [],
                    "restricted": False,
                    "created_at": self._at,
                    "updated_at": self._at,
                    "version": 1,
                    **known.hashes,
                }
            )
        bulk.insert_rows(self._session, WrappedKey, keys)
        bulk.insert_rows(self._session, Person, rows)

    def _save_plans(self) -> None:
        changed = [(known, known.plan) for known in self._by_id.values() if known.plan and known.has_new_plan]
        superseded = [known.plan_id for known, _ in changed if known.plan_id is not None]
        if superseded:
            self._session.execute(
                update(SafeContactPlan)
                .where(SafeContactPlan.id.in_(superseded))
                .values(superseded_at=self._at)
            )
        rows = []
        for known, plan in changed:
            plan_id = uuid4()
            rows.append(
                {
                    "id": plan_id,
                    "person_id": known.id,
                    "version": known.plan_version,
                    "safe": plan.safe,
                    "safe_channels": safe_answers.safe_ways(plan.safe, plan.document),
                    "sealed": sealing.seal(known.key, "safe_contact_plan", plan_id, plan.document),
                    "stated_by": plan.stated_by,
                    "checked_at": plan.checked_at,
                    "recorded_at": self._at,
                }
            )
        bulk.insert_rows(self._session, SafeContactPlan, rows)
        self._tell_providers([known.id for known, _ in changed if not known.is_new])

    def _tell_providers(self, person_ids: Collection[UUID]) -> None:
        """A provider who is helping must not go by an answer that no longer holds."""
        if not person_ids:
            return
        helped = self._session.scalars(
            select(OnwardReferral.person_id)
            .where(OnwardReferral.person_id.in_(person_ids), OnwardReferral.state.in_(LIVE_ONWARD_STATES))
            .distinct()
            .order_by(OnwardReferral.person_id)
        ).all()
        for person_id in helped:
            onward_referrals.refresh_safe_contact(self._session, person_id, self._at)

    def save_consents(self) -> None:
        """Write the answers that the piece brought."""
        changed = [known for known in self._by_id.values() if known.new_consent is not None]
        if not changed:
            return
        self._session.execute(
            update(Consent)
            .where(
                Consent.person_id.in_([known.id for known in changed if not known.is_new]),
                Consent.purpose == ConsentPurpose.CONTACT,
                Consent.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=self._at)
        )
        rows = [
            {
                "id": uuid4(),
                "person_id": known.id,
                "purpose": ConsentPurpose.CONTACT,
                "how": ConsentHow.THROUGH_POLICE,
                **(known.new_consent or {}),
            }
            for known in changed
        ]
        bulk.insert_rows(self._session, Consent, rows)
