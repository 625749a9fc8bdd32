"""The header of every page of a referral: the person, and the warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, false, func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.errors import NotFound
from victim_gateway.models import Person, Referral, SafeContactPlan, Task, User, WrappedKey
from victim_gateway.queries.people.decrypted_people import age_of, birth_date_of
from victim_gateway.queries.people.safe_contact_plans import is_plan_in_force
from victim_gateway.queries.referrals.alerts import (
    channels_safe_at,
    compose_alerts,
    contact_facts_of,
    is_linked_to_suspect,
)
from victim_gateway.queries.referrals.marac import describe_marac, last_marac_referral
from victim_gateway.queries.referrals.repeat_marks import (
    count_earlier_referrals,
    is_marac_repeat,
    is_persistently_targeted,
)
from victim_gateway.rules.alerts import PersonAlert
from victim_gateway.rules.attempt_safety import SafeContactFacts
from victim_gateway.rules.contact_stops import ContactStop, contact_stops
from victim_gateway.rules.identity_explanations import levels_of_codes
from victim_gateway.rules.person_names import person_name
from victim_gateway.vocabulary import Channel, ReferralState, SafeAnswer, TaskKind

ADULT = 18
# In these no attempt is made: the hold, the reopening or the mistake is dealt with first.
STATES_WITHOUT_ATTEMPTS = frozenset(
    {ReferralState.HELD, ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR}
)


def referral_state(session: Session, referral_id: UUID) -> ReferralState:
    """Where a referral stands. Raises NotFound."""
    state = session.scalar(select(Referral.state).where(Referral.id == referral_id))
    if state is None:
        raise NotFound
    return state


@dataclass(frozen=True, slots=True)
class ComparablePerson:
    """A person whom a task asks to compare; `levels` say why, by field, and are empty where no weight was taken."""

    person_id: UUID
    levels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OpenTask:
    """Something a person must do about the referral. `fields` are the names of what it is about.

    `people` are those to compare, the best match first; `row` and `batch` say what row of which import it came with,
    `item_id` which item of which group review, `found_by` what looked through everybody to find them. `appointment_ids`
    are those that will not take place.
    """

    task_id: UUID
    kind: TaskKind
    created_at: datetime
    due_on: date | None
    onward_referral_id: UUID | None
    fields: tuple[str, ...]
    people: tuple[ComparablePerson, ...] = ()
    batch: int | None = None
    row: int | None = None
    item_id: str | None = None
    found_by: str | None = None
    appointment_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferralHeader:
    """`referral` is the row itself, for its plain columns; `person` and `details` are what was sealed.

    `safe_channels` are those that may be used now: none where nothing is safe, or the last check is too old.
    `earlier_referrals` counts those of the person that came in the 12 months before this one, as far as the reader
    may see them; `persistently_targeted` is what a caseworker judged last.
    """

    referral: Referral
    person: dict[str, Any]
    details: dict[str, Any]
    key: bytes
    name: str
    born_on: date | None
    age: int | None
    assigned_to: str | None
    received_by: str | None
    safe: SafeAnswer
    plan: SafeContactPlan | None
    contact_facts: SafeContactFacts
    safe_channels: tuple[Channel, ...]
    tasks: tuple[OpenTask, ...]
    corrected: frozenset[str]
    never_contact: bool
    earlier_referrals: int
    persistently_targeted: bool
    is_marac_repeat: bool
    marac: str | None = None

    @property
    def is_child(self) -> bool:
        """Under 18 today."""
        return self.age is not None and self.age < ADULT

    @property
    def plan_version(self) -> int:
        """The plan's version for forms, so that a form of an outdated page is refused; 0 for no plan."""
        return self.plan.version if self.plan else 0

    @property
    def plan_document(self) -> Mapping[str, Any]:
        """The plan in force, opened; empty where there is none."""
        return self.contact_facts.document

    @property
    def stops(self) -> tuple[ContactStop, ...]:
        """What stops every contact about this referral, whatever the plan says."""
        return contact_stops(self.person, self.details)

    @property
    def may_be_attempted(self) -> bool:
        """Whether the referral is open for an attempt to reach the person, however safe that is."""
        return self.referral.state not in STATES_WITHOUT_ATTEMPTS and not self.stops

    @property
    def alerts(self) -> tuple[PersonAlert, ...]:
        """What a reader of any page about the person must know first."""
        return compose_alerts(
            self.referral,
            self.contact_facts,
            self.details,
            age=self.age,
            safe_channels=self.safe_channels,
            marac=self.marac,
            never_contact=self.never_contact,
        )


def referral_header(session: Session, referral_id: UUID, *, at: datetime, page: str) -> ReferralHeader:
    """Read the header. The view is audited, with the page's name. Raises NotFound."""
    row = session.execute(_HEADER, {"referral_id": referral_id}).first()
    if row is None or row[1].erased_at is not None:
        raise NotFound
    referral, person, plan, assigned_to, received_by, keyring_id, wrapped, last_marac, *relations = row
    key = encrypted_rows.open_wrapped_key(person.key_id, keyring_id, wrapped)
    document: dict[str, Any] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    record_audit(
        session,
        "referral.viewed",
        subject_type="referral",
        subject_id=referral.id,
        person_id=person.id,
        page=page,
    )
    contact = contact_facts_of(document, plan, key)
    return ReferralHeader(
        referral=referral,
        person=document,
        details=encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed),
        key=key,
        name=person_name(document),
        born_on=birth_date_of(document),
        age=age_of(document, times.london_date(at)) if person.kind == "person" else None,
        assigned_to=assigned_to,
        received_by=received_by,
        safe=contact.safe,
        plan=plan,
        contact_facts=contact,
        safe_channels=channels_safe_at(contact, at),
        tasks=_tasks(session, referral_id),
        corrected=frozenset({*referral.corrected_fields, *person.corrected_fields}),
        marac=describe_marac(last_marac, referral, times.london_date(at)),
        never_contact=relations[0],
        earlier_referrals=relations[1],
        persistently_targeted=relations[2],
        is_marac_repeat=relations[3],
    )


def _names_of_users(column: Any) -> Any:
    return select(User.name).where(User.id == column).scalar_subquery()


# Made once: to build a statement takes longer than to send it.
_HEADER = (
    select(
        Referral,
        Person,
        SafeContactPlan,
        _names_of_users(Referral.assigned_to_id),
        _names_of_users(Referral.received_by_id),
        WrappedKey.keyring_id,
        WrappedKey.wrapped,
        last_marac_referral(Referral.person_id),
        is_linked_to_suspect(Person.id),
        count_earlier_referrals(),
        func.coalesce(is_persistently_targeted(), false()),
        is_marac_repeat(),
    )
    .join(Person, Person.id == Referral.person_id)
    .outerjoin(SafeContactPlan, is_plan_in_force(Person.id))
    .outerjoin(WrappedKey, WrappedKey.id == Person.key_id)
    .where(Referral.id == bindparam("referral_id"))
)
_OPEN_TASKS = (
    select(Task.id, Task.kind, Task.created_at, Task.due_on, Task.onward_referral_id, Task.details)
    .where(Task.referral_id == bindparam("referral_id"), Task.done_at.is_(None))
    .order_by(Task.created_at)
)


def _tasks(session: Session, referral_id: UUID) -> tuple[OpenTask, ...]:
    rows = session.execute(_OPEN_TASKS, {"referral_id": referral_id})
    return tuple(
        OpenTask(
            task_id=task.id,
            kind=task.kind,
            created_at=task.created_at,
            due_on=task.due_on,
            onward_referral_id=task.onward_referral_id,
            fields=tuple(task.details.get("fields") or task.details.get("columns") or ()),
            people=_people_to_compare(task.details),
            batch=task.details.get("batch"),
            row=task.details.get("row"),
            item_id=task.details.get("item_id"),
            found_by=task.details.get("found_by"),
            appointment_ids=tuple(UUID(each) for each in task.details.get("appointment_ids") or ()),
        )
        for task in rows
    )


def _people_to_compare(details: Mapping[str, Any]) -> tuple[ComparablePerson, ...]:
    """The people of a task's details; tasks that no weight was taken for name them by id alone."""
    weighed = [
        ComparablePerson(UUID(item["person_id"]), levels_of_codes(item.get("explanation")))
        for item in details.get("people") or ()
    ]
    named = [ComparablePerson(UUID(person_id), {}) for person_id in details.get("person_ids") or ()]
    known = {person.person_id for person in weighed}
    return (*weighed, *(person for person in named if person.person_id not in known))
