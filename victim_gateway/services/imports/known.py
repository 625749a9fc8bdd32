"""The people of one piece of an import: those already known, and those it brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway import bulk, crypto, sealing
from victim_gateway.crypto import BlindIndex
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.models import Consent, Person, SafeContactPlan, WrappedKey
from victim_gateway.services.people import PERSON_FIELDS, index_values, victim_reference_hash
from victim_gateway.transactions import keyring
from victim_gateway.vocabulary import Channel, ConsentHow, ConsentPurpose, SafeAnswer

CONTACT_FIELDS = ("phone", "email", "address_line_1", "address_line_2", "town", "postcode")


def person_document(row: ReferralRow) -> dict[str, Any]:
    """What is sealed of a person, from a row; blanks are left out."""
    given = {name: getattr(row, name) for name in PERSON_FIELDS}
    if row.date_of_birth is not None:
        given["date_of_birth"] = row.date_of_birth.isoformat()
    return {name: value for name, value in given.items() if value is not None}


def plan_document(
    row: ReferralRow, safe: SafeAnswer, document: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """The safe channels and the sealed plan that a feed's answer amounts to.

    A yes covers the preferred channel only, and only the number or address it was said of: what nobody
    has said is safe is not.
    """
    preferred = row.preferred_contact if row.preferred_contact in tuple(Channel) else None
    safe_channels = [preferred] if safe is SafeAnswer.YES and preferred else []
    other = SafeAnswer.NO if safe is SafeAnswer.NO else SafeAnswer.UNKNOWN
    channels = {
        channel: (SafeAnswer.YES if channel in safe_channels else other).value
        for channel in (*(channel.value for channel in Channel), "voicemail")
    }
    plan = {"channels": channels, "number": document.get("phone"), "email": document.get("email")}
    if row.safe_contact_note:
        plan["words"] = row.safe_contact_note
    return safe_channels, plan


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
    corrected: frozenset[str] = frozenset()
    changed: bool = False
    plan_id: UUID | None = None
    plan_version: int = 0
    safe: SafeAnswer = SafeAnswer.UNKNOWN
    consent: bool | None = None
    new_plan: dict[str, Any] | None = None
    new_consent: dict[str, Any] | None = None
    # A number or address changed, or an answer about safety does: a person must ask before it is used.
    must_ask: bool = False
    hashes: dict[str, Any] = field(default_factory=dict)

    def learn(
        self, row: ReferralRow, at: datetime, referral_id: UUID, *, skip: frozenset[str] = frozenset()
    ) -> None:
        """Take over what a row tells. What a caseworker corrected stays; what is blank takes nothing away."""
        told = person_document(row)
        before = {name: self.document.get(name) for name in CONTACT_FIELDS}
        for name, value in told.items():
            if name not in self.corrected and name not in skip and self.document.get(name) != value:
                self.document[name] = value
                self.changed = True
        self._learn_safety(row, before, at)
        self._learn_consent(row, at, referral_id)

    def _learn_safety(self, row: ReferralRow, before: Mapping[str, Any], at: datetime) -> None:
        said = SafeAnswer(row.safe_to_contact or "unknown")
        if self.plan_version == 0:
            self._plan(row, said, at)
            return
        contact_changed = any(
            before[name] is not None and before[name] != self.document.get(name) for name in CONTACT_FIELDS
        )
        stricter = said is SafeAnswer.NO and self.safe is not SafeAnswer.NO
        if stricter:
            self._plan(row, SafeAnswer.NO, at)
        elif contact_changed and self.safe is SafeAnswer.YES:
            # The yes was said of the old number or address; nobody has said it of the new one.
            self._plan(row, SafeAnswer.UNKNOWN, at)
        looser = said is SafeAnswer.YES and self.safe is not SafeAnswer.YES
        self.must_ask = self.must_ask or stricter or contact_changed or looser

    def _plan(self, row: ReferralRow, safe: SafeAnswer, at: datetime) -> None:
        safe_channels, document = plan_document(row, safe, self.document)
        if self.new_plan is None:
            self.plan_version += 1
        self.safe = safe
        self.new_plan = {
            "version": self.plan_version,
            "safe": safe,
            "safe_channels": safe_channels,
            "document": document,
            "checked_at": (row.transferred_at or row.reported_at) if safe is SafeAnswer.YES else None,
            "recorded_at": at,
        }

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
                corrected=frozenset(person.corrected_fields),
            )
            self._by_id[person.id] = known
            if person.victim_reference_hash is not None:
                self._by_hash[person.victim_reference_hash] = known
        self._load_plans_and_consents()

    def _load_plans_and_consents(self) -> None:
        ids = list(self._by_id)
        plans = self._session.execute(
            select(
                SafeContactPlan.person_id, SafeContactPlan.id, SafeContactPlan.version, SafeContactPlan.safe
            ).where(SafeContactPlan.person_id.in_(ids), SafeContactPlan.superseded_at.is_(None))
        )
        for plan in plans:
            known = self._by_id[plan.person_id]
            known.plan_id, known.plan_version, known.safe = plan.id, plan.version, plan.safe
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
        changed = [known for known in self._by_id.values() if known.new_plan is not None]
        superseded = [known.plan_id for known in changed if known.plan_id is not None]
        if superseded:
            self._session.execute(
                update(SafeContactPlan)
                .where(SafeContactPlan.id.in_(superseded))
                .values(superseded_at=self._at)
            )
        rows = []
        for known in changed:
            plan = dict(known.new_plan or {})
            plan_id = uuid4()
            document = plan.pop("document")
            rows.append(
                {
                    "id": plan_id,
                    "person_id": known.id,
                    "sealed": sealing.seal(known.key, "safe_contact_plan", plan_id, document),
                    "stated_by": "police_feed",
                    **plan,
                }
            )
        bulk.insert_rows(self._session, SafeContactPlan, rows)

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
