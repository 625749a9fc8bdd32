"""The people of one piece of an import: those already known, and those it brings."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from victim_gateway.crypto import BlindIndex
from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.current import current_keyring
from victim_gateway.models import Consent, OnwardReferral, Person, SafeContactPlan, WrappedKey
from victim_gateway.rules import safe_contact
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services import onward_referrals
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.imports.safe_contact_merge import OpenedPlan
from victim_gateway.services.referrals import consents
from victim_gateway.vocabulary import ConsentHow, ConsentPurpose


class PeopleLoader:
    """Loads the people of a piece with a fixed number of queries, and saves them set-wise."""

    def __init__(self, session: Session, index: BlindIndex, at: datetime) -> None:
        self._session, self._index, self._at = session, index, at
        self._by_hash: dict[bytes, ImportedPerson] = {}
        self._by_id: dict[UUID, ImportedPerson] = {}

    def load(self, *, hashes: set[bytes], ids: set[UUID]) -> None:
        """Fetch and lock the people with these reference hashes or ids, with their plan and consent."""
        rows = self._session.scalars(
            select(Person)
            .where(
                Person.erased_at.is_(None),
                bulk_insert.column_in(Person.victim_reference_hash, hashes)
                | bulk_insert.column_in(Person.id, ids),
            )
            .order_by(Person.id)
            .with_for_update()
        ).all()
        keys = encrypted_rows.open_keys(self._session, [person.key_id for person in rows]) if rows else {}
        for person in rows:
            known = ImportedPerson(
                id=person.id,
                key_id=person.key_id,
                key=keys[person.key_id],
                kind=person.kind,
                document=encrypted_rows.unseal_row(keys[person.key_id], "person", person.id, person.sealed),
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
                bulk_insert.column_in(SafeContactPlan.person_id, ids), SafeContactPlan.superseded_at.is_(None)
            )
        )
        for plan in plans:
            known = self._by_id[plan.person_id]
            document = encrypted_rows.unseal_row(known.key, "safe_contact_plan", plan.id, plan.sealed)
            known.plan_id, known.plan_version = plan.id, plan.version
            known.plan = OpenedPlan(plan.safe, document, plan.stated_by, plan.checked_at)
        for person_id, agreed in consents.contact_consents(self._session, ids).items():
            self._by_id[person_id].consent = agreed

    def everybody(self) -> list[ImportedPerson]:
        return list(self._by_id.values())

    def by_id(self, person_id: UUID) -> ImportedPerson:
        return self._by_id[person_id]

    def for_row(self, item: PreparedRow) -> ImportedPerson:
        """The person a row is about, who has learned it: the one the force's reference names, or its newcomer."""
        wanted = item.newcomer.victim_reference_hash
        known = self._by_hash.get(wanted) if wanted is not None else None
        if known is not None:
            known.learn(item.row, self._at, item.referral_id)
            item.seal_under(known)
            return known
        self._by_id[item.newcomer.id] = item.newcomer
        if wanted is not None:
            self._by_hash[wanted] = item.newcomer
        return item.newcomer

    def save(self) -> None:
        """Write new people, changed people and their plans; consents name referrals and are saved after those."""
        self._save_new([known for known in self._by_id.values() if known.is_new])
        self._save_changed([known for known in self._by_id.values() if known.changed and not known.is_new])
        self._save_plans()

    def _save_changed(self, people: list[ImportedPerson]) -> None:
        if not people:
            return
        rows = []
        for known in people:
            closed = known.close(self._index)
            rows.append({"person": known.id, "sealed": closed.sealed, **closed.hashes})
        table = Person.metadata.tables["person"]
        statement = (
            update(table)
            .where(table.c.id == bindparam("person"))
            .values(
                updated_at=self._at,
                version=table.c.version + 1,
                **{name: bindparam(name) for name in rows[0] if name != "person"},
            )
        )
        self._session.connection().execute(statement, rows)

    def _save_new(self, people: list[ImportedPerson]) -> None:
        ring = current_keyring()
        keys, rows = [], []
        for known in people:
            closed = known.close(self._index)
            keyring_id, wrapped = ring.wrap_key(
                known.key, encrypted_rows.bound_to("wrapped_key", known.key_id)
            )
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
                    "sealed": closed.sealed,
                    "corrected_fields": [],
                    "restricted": False,
                    "created_at": self._at,
                    "updated_at": self._at,
                    "version": 1,
                    **closed.hashes,
                }
            )
        bulk_insert.insert_rows(self._session, WrappedKey, keys)
        bulk_insert.insert_rows(self._session, Person, rows)

    def _save_plans(self) -> None:
        changed = [(known, known.plan) for known in self._by_id.values() if known.plan and known.has_new_plan]
        superseded = [known.plan_id for known, _ in changed if known.plan_id is not None]
        if superseded:
            self._session.execute(
                update(SafeContactPlan)
                .where(bulk_insert.column_in(SafeContactPlan.id, superseded))
                .values(superseded_at=self._at)
            )
        rows = []
        for known, plan in changed:
            closed = known.close(self._index)
            rows.append(
                {
                    "id": closed.plan_id,
                    "person_id": known.id,
                    "version": known.plan_version,
                    "safe": plan.safe,
                    "safe_channels": safe_contact.safe_channels(plan.safe, plan.document),
                    "sealed": closed.sealed_plan,
                    "stated_by": plan.stated_by,
                    "checked_at": plan.checked_at,
                    "recorded_at": self._at,
                }
            )
        bulk_insert.insert_rows(self._session, SafeContactPlan, rows)
        self._tell_providers([known.id for known, _ in changed if not known.is_new])

    def _tell_providers(self, person_ids: Collection[UUID]) -> None:
        """A provider who is helping must not go by an answer that no longer holds."""
        if not person_ids:
            return
        helped = self._session.scalars(
            select(OnwardReferral.person_id)
            .where(
                bulk_insert.column_in(OnwardReferral.person_id, person_ids),
                OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            )
            .distinct()
            .order_by(OnwardReferral.person_id)
        ).all()
        for person_id in helped:
            onward_referrals.refresh_handover_safe_contact(self._session, person_id, self._at)

    def save_consents(self) -> None:
        """Write the answers that the piece brought; each takes the place of the one before."""
        changed = [known for known in self._by_id.values() if known.new_consents]
        if not changed:
            return
        self._session.execute(
            update(Consent)
            .where(
                bulk_insert.column_in(Consent.person_id, [known.id for known in changed if not known.is_new]),
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
                "withdrawn_at": None if consent is known.new_consents[-1] else self._at,
                **consent,
            }
            for known in changed
            for consent in known.new_consents
        ]
        bulk_insert.insert_rows(self._session, Consent, rows)
