"""The people of one chunk of an import: those already stored, and those it brings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from victim_gateway.crypto import BlindIndex
from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.current import current_keyring
from victim_gateway.feeds.problems import Problem
from victim_gateway.models import Consent, OnwardReferral, Person, SafeContactPlan, WrappedKey
from victim_gateway.queries.people.decrypted_people import birth_date_of
from victim_gateway.queries.people.merged_records import (
    group_records,
    merges_of_records,
    records_of_people,
)
from victim_gateway.queries.people.safe_contact_plans import plans_in_force
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules import safe_contact
from victim_gateway.rules.hold import SAFE_ADULT_FIELDS
from victim_gateway.rules.suspect_contacts import ForbiddenContacts, forbid_details
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services import onward_referrals
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.imports.safe_contact_merge import OpenedPlan
from victim_gateway.services.referrals.forbidden_contacts import forbid_for_linked
from victim_gateway.services.referrals.merged_people import spread_stricter_plans
from victim_gateway.services.referrals.merged_safe_adults import spread_protective_answers
from victim_gateway.services.shared import contact_consents, suspect_contacts, victim_message_stops
from victim_gateway.vocabulary import ConsentHow, ConsentPurpose

# Beyond this number of people under one reference nobody is asked to compare them.
MOST_COMPARED_WITH_ONE = 3
SHARED_REFERENCE = Problem(
    "victim_reference",
    "shared_reference",
    "victim_reference is used for many different people, so it was not used for this one; "
    "give each person a reference of their own.",
)


def _protective_answers(document: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(document.get(name) for name in ("deceased", *SAFE_ADULT_FIELDS))


class PeopleLoader:
    """Loads the people of a chunk with a fixed number of queries, and saves them set-wise."""

    def __init__(self, session: Session, index: BlindIndex, batch: RunningBatch) -> None:
        self._session, self._index, self._batch, self._at = session, index, batch, batch.imported_at
        self._by_hash: dict[bytes, ImportedPerson] = {}
        self._by_id: dict[UUID, ImportedPerson] = {}
        self._forbidden: Mapping[UUID, ForbiddenContacts] = {}
        # By known person, the hashes of their numbers, email and postcode before the chunk.
        self._stored_contacts: dict[UUID, tuple[Any, ...]] = {}
        # By known person, what was said of a death and of the safe adult.
        self._stored_answers: dict[UUID, tuple[Any, ...]] = {}
        # By reference, how many people of this chunk were kept apart from the one it belongs to.
        self._kept_apart: Counter[bytes] = Counter()

    def load(self, *, hashes: set[bytes], ids: set[UUID]) -> None:
        """Fetch and lock the people with these reference hashes or ids, with their plan and consent.

        The other records of the same people are locked with them, in one order, and not loaded: a plan that becomes
        stricter is written for those too.
        """
        named = bulk_insert.column_in(Person.victim_reference_hash, hashes) | bulk_insert.column_in(
            Person.id, ids
        )
        merged = group_records(merges_of_records(self._session, select(Person.id).where(named)))
        locked = named | bulk_insert.column_in(Person.id, merged) if merged else named
        every = self._session.scalars(
            select(Person).where(Person.erased_at.is_(None), locked).order_by(Person.id).with_for_update()
        ).all()
        rows = [each for each in every if each.id in ids or each.victim_reference_hash in hashes]
        created = {each.id: each.created_at for each in every}
        keys = encrypted_rows.open_keys(self._session, [person.key_id for person in rows]) if rows else {}
        for row in rows:
            person = ImportedPerson(
                id=row.id,
                key_id=row.key_id,
                key=keys[row.key_id],
                kind=row.kind,
                document=encrypted_rows.unseal_row(keys[row.key_id], "person", row.id, row.sealed),
                is_new=False,
                victim_reference_hash=row.victim_reference_hash,
                restricted=row.restricted,
                known_since=min(created[each] for each in merged.get(row.id, (row.id,)) if each in created),
                corrected_fields=frozenset(row.corrected_fields),
                field_batches=dict(row.field_batches),
            )
            person.birth_date_before = birth_date_of(person.document)
            self._by_id[person.id] = person
            if person.victim_reference_hash is not None:
                self._by_hash[person.victim_reference_hash] = person
            self._stored_contacts[person.id] = (row.phone_hashes, row.email_hash, row.postcode_hash)
            self._stored_answers[person.id] = _protective_answers(person.document)
        self._load_plans_and_consents()
        self._load_forbidden_contacts()

    def _load_plans_and_consents(self) -> None:
        ids = list(self._by_id)
        for plan in plans_in_force(self._session, ids):
            person = self._by_id[plan.person_id]
            document = encrypted_rows.unseal_row(person.key, "safe_contact_plan", plan.id, plan.sealed)
            person.plan_id, person.plan_version = plan.id, plan.version
            person.plan = OpenedPlan(plan.safe, document, plan.stated_by, plan.checked_at)
        for person_id, agreed in contact_consents.contact_consents(self._session, ids).items():
            self._by_id[person_id].consent = agreed

    def _load_forbidden_contacts(self) -> None:
        self._forbidden = suspect_contacts.forbidden_contacts(self._session, list(self._by_id))
        for person_id, forbidden in self._forbidden.items():
            self._by_id[person_id].keep_suspects_out = partial(
                suspect_contacts.without_suspects_adult, self._index, forbidden
            )

    def all_people(self) -> list[ImportedPerson]:
        """Everyone who was loaded or is new."""
        return list(self._by_id.values())

    def by_id(self, person_id: UUID) -> ImportedPerson:
        """A person who was loaded."""
        return self._by_id[person_id]

    def for_row(self, item: PreparedRow) -> tuple[ImportedPerson, ImportedPerson | None]:
        """The person of a row, with the row applied: the one the force's reference names, or the row's new person.

        A reference that names a person of another name and birth date makes no one of two: the row's person is
        kept apart without the reference. Given with the other one, for a caseworker to compare; not any more
        where the reference is used for many people, and so says nothing of any of them.
        """
        reference_hash = item.new_person.victim_reference_hash
        known = self._by_hash.get(reference_hash) if reference_hash is not None else None
        if known is not None and not known.is_contradicted_by(item.new_person):
            known.apply_row(item.row, self._batch, item.referral_id)
            item.seal_under(known)
            return known, None
        if known is not None and reference_hash is not None:
            self._kept_apart[reference_hash] += 1
            if self._kept_apart[reference_hash] > MOST_COMPARED_WITH_ONE:
                item.warnings += (SHARED_REFERENCE,)
                known = None
            item.new_person.forget_reference()
            reference_hash = None
        self._by_id[item.new_person.id] = item.new_person
        if reference_hash is not None:
            self._by_hash[reference_hash] = item.new_person
        return item.new_person, known

    def save(self) -> None:
        """Write new people, changed people and their plans; consents name referrals and are saved after those."""
        self._keep_suspects_out()
        self._save_new([person for person in self._by_id.values() if person.is_new])
        self._save_changed(
            [person for person in self._by_id.values() if person.changed and not person.is_new]
        )
        self._save_plans()
        self._spread_protective_answers()
        self._keep_out_of_linked()

    def _keep_suspects_out(self) -> None:
        """No file makes the number of a suspect safe; of a new person no suspect is recorded yet."""
        for person_id, forbidden in self._forbidden.items():
            person = self._by_id[person_id]
            if person.plan is not None and person.has_new_plan:
                details = suspect_contacts.forbidden_details(
                    self._session, forbidden, person.plan.document, person.document
                )
                safe, document = forbid_details(person.plan.safe, person.plan.document, details)
                person.plan = replace(person.plan, safe=safe, document=document)

    def _keep_out_of_linked(self) -> None:
        """A new number of a suspect is no way to those they harm, nor theirs to the suspect, from now on."""
        moved = [
            person_id
            for person_id, stored in self._stored_contacts.items()
            if self._by_id[person_id].changed and self._contacts_now(person_id) != stored
        ]
        if moved:
            forbid_for_linked(self._session, moved, at=self._at, with_post=True)

    def _spread_protective_answers(self) -> None:
        """A no about the safe adult, or a death, that a file says of one record holds for the person's others."""
        changed = {
            person_id
            for person_id, before in self._stored_answers.items()
            if _protective_answers(self._by_id[person_id].document) != before
        }
        if changed:
            merged = group_records(merges_of_records(self._session, changed))
            for person_id in sorted(changed & merged.keys()):
                spread_protective_answers(self._session, person_id, at=self._at)

    def _contacts_now(self, person_id: UUID) -> tuple[Any, ...]:
        hashes = self._by_id[person_id].seal(self._index).hashes
        return hashes["phone_hashes"], hashes["email_hash"], hashes["postcode_hash"]

    def _save_changed(self, people: list[ImportedPerson]) -> None:
        if not people:
            return
        rows = []
        for person in people:
            sealed_row = person.seal(self._index)
            rows.append(
                {
                    "person": person.id,
                    "sealed": sealed_row.sealed,
                    "field_batches": person.field_batches,
                    **sealed_row.hashes,
                }
            )
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
        for person in people:
            sealed_row = person.seal(self._index)
            keyring_id, wrapped = ring.wrap_key(
                person.key, encrypted_rows.bound_to("wrapped_key", person.key_id)
            )
            keys.append(
                {
                    "id": person.key_id,
                    "purpose": "person",
                    "subject_id": person.id,
                    "keyring_id": keyring_id,
                    "wrapped": wrapped,
                    "created_at": self._at,
                }
            )
            rows.append(
                {
                    "id": person.id,
                    "kind": person.kind,
                    "key_id": person.key_id,
                    "sealed": sealed_row.sealed,
                    "corrected_fields": [],
                    "field_batches": person.field_batches,
                    "restricted": False,
                    "created_at": self._at,
                    "updated_at": self._at,
                    "version": 1,
                    **sealed_row.hashes,
                }
            )
        bulk_insert.insert_rows(self._session, WrappedKey, keys)
        bulk_insert.insert_rows(self._session, Person, rows)

    def _save_plans(self) -> None:
        changed = [
            (person, person.plan) for person in self._by_id.values() if person.plan and person.has_new_plan
        ]
        superseded = [person.plan_id for person, _ in changed if person.plan_id is not None]
        if superseded:
            self._session.execute(
                update(SafeContactPlan)
                .where(bulk_insert.column_in(SafeContactPlan.id, superseded))
                .values(superseded_at=self._at)
            )
        rows = []
        for person, plan in changed:
            sealed_row = person.seal(self._index)
            rows.append(
                {
                    "id": sealed_row.plan_id,
                    "person_id": person.id,
                    "version": person.plan_version,
                    "safe": plan.safe,
                    "safe_channels": safe_contact.reachable_channels(
                        plan.safe, plan.document, person.document
                    ),
                    "sealed": sealed_row.sealed_plan,
                    "stated_by": plan.stated_by,
                    "checked_at": plan.checked_at,
                    "recorded_at": self._at,
                }
            )
        bulk_insert.insert_rows(self._session, SafeContactPlan, rows)
        known = [person.id for person, _ in changed if not person.is_new]
        self._refresh_handovers(known)
        self._stop_messages(known)
        if known:
            spread_stricter_plans(self._session, known, at=self._at)

    def _stop_messages(self, person_ids: Collection[UUID]) -> None:
        """What waits to be sent to them rests on an answer that is not in force any more; a caseworker has a task."""
        if person_ids:
            records = frozenset[UUID]().union(*records_of_people(self._session, person_ids).values())
            victim_message_stops.stop_messages_of_records(
                self._session, records, at=self._at, because="changed_by_import", asks_person=True
            )

    def _refresh_handovers(self, person_ids: Collection[UUID]) -> None:
        """A provider who is supporting the person must not go by an answer that no longer holds."""
        if not person_ids:
            return
        supported = self._session.scalars(
            select(OnwardReferral.person_id)
            .where(
                bulk_insert.column_in(OnwardReferral.person_id, person_ids),
                OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            )
            .distinct()
            .order_by(OnwardReferral.person_id)
        ).all()
        for person_id in supported:
            onward_referrals.refresh_handover_safe_contact(self._session, person_id, self._at)

    def save_consents(self) -> None:
        """Write the answers that the chunk brought; each takes the place of the one before."""
        changed = [person for person in self._by_id.values() if person.new_consents]
        if not changed:
            return
        self._session.execute(
            update(Consent)
            .where(
                bulk_insert.column_in(
                    Consent.person_id, [person.id for person in changed if not person.is_new]
                ),
                Consent.purpose == ConsentPurpose.CONTACT,
                Consent.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=self._at)
        )
        rows = [
            {
                "id": new_row_id(),
                "person_id": person.id,
                "purpose": ConsentPurpose.CONTACT,
                "how": ConsentHow.THROUGH_POLICE,
                "withdrawn_at": None if consent is person.new_consents[-1] else self._at,
                **consent,
            }
            for person in changed
            for consent in person.new_consents
        ]
        bulk_insert.insert_rows(self._session, Consent, rows)
