"""Safe-contact plans as they are written: never with a suspect's number, and the same for every record of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import actor_of, as_service
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Person, Referral, SafeContactPlan
from victim_gateway.queries.people.merged_records import living_records, records_of_person
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules import safe_contact
from victim_gateway.rules.safe_contact import CONTACT_CHANNELS
from victim_gateway.rules.suspect_contacts import forbid_details
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared import (
    case_locks,
    next_action,
    suspect_contacts,
    tasks,
    victim_message_stops,
)
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import Channel, NextAction, SafeAnswer, TaskKind


@dataclass(frozen=True, slots=True)
class SafeContactAnswer:
    """One answer to "may we contact you, and how?". `channels` maps CONTACT_CHANNELS to SafeAnswers.

    Times are London wall time. What is not said stays unknown, and unknown is not used. `same_details` names the
    details (number, email, address) of which was said that they are the same as before.
    """

    safe: SafeAnswer
    channels: Mapping[str, SafeAnswer] = field(default_factory=dict)
    number: str | None = None
    email: str | None = None
    address: str | None = None
    days: tuple[str, ...] = ()
    from_time: time | None = None
    until_time: time | None = None
    code_word: str | None = None
    who_may_answer: str | None = None
    say_we_are: str | None = None
    withhold_number: bool = False
    # No answer is no: a reminder is a message that nobody asked for at that moment.
    wants_reminders: bool = False
    remarks: str | None = None
    stated_by: str = "person"
    same_details: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """What is sealed: everything but the short answer."""
        document = asdict(self)
        document.pop("safe")
        document.pop("same_details")
        # The stored documents have this name since the first release.
        document["words"] = document.pop("remarks")
        document["channels"] = {
            channel: SafeAnswer(self.channels.get(channel, SafeAnswer.UNKNOWN)).value
            for channel in CONTACT_CHANNELS
        }
        document["days"] = list(self.days)
        for name in ("from_time", "until_time"):
            document[name] = document[name].isoformat("minutes") if document[name] else None
        return document

    @property
    def safe_channels(self) -> list[str]:
        """The channels that may be used: none unless contact is safe at all."""
        return safe_contact.safe_channels(self.safe, {"channels": self.channels})

    def check(self) -> None:
        """Raises InvalidInput when the answers contradict each other."""
        contradiction = safe_contact.find_contradiction(self.safe, self.channels)
        if contradiction:
            raise InvalidInput(contradiction, fields={"safe": contradiction})
        if self.safe is SafeAnswer.YES and not any(channel in self.safe_channels for channel in Channel):
            raise InvalidInput(
                "Say which way of contact is safe",
                fields={
                    "channel_phone": "Choose at least one way that is safe, or say that contact is not safe"
                },
            )
        if self.from_time and self.until_time and self.from_time >= self.until_time:
            raise InvalidInput(
                "The times do not fit",
                fields={"until_time": "The latest time must be after the earliest time"},
            )


def write_plan(
    session: Session,
    person: Person,
    key: bytes,
    plan: SafeContactAnswer,
    *,
    at: datetime,
    checked_at: datetime | None,
) -> SafeContactPlan:
    """Make this the plan in force. `checked_at` is when the person was asked; None when they were not.

    No way that leads to a suspect is ever written as safe. Every other record of the same person gets the same
    plan, with the number and addresses that it was said of: what one record calls unsafe no other calls safe.
    """
    known = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    plan = without_contacts_of_suspects(session, plan, person.id, known)
    written = write_plan_of_record(session, person, key, plan, at=at, checked_at=checked_at)
    _write_for_other_records(session, person.id, pin_details(plan, known), at=at, checked_at=checked_at)
    return written


def pin_details(plan: SafeContactAnswer, known: Mapping[str, Any]) -> SafeContactAnswer:
    """The plan with the very number and addresses that it is about, for a record that may have others."""
    return replace(plan, **safe_contact.known_details(plan.document(), known))  # type: ignore[arg-type]


def _write_for_other_records(
    session: Session, person_id: UUID, plan: SafeContactAnswer, *, at: datetime, checked_at: datetime | None
) -> None:
    # As the service: it is one person, whether or not the actor may see each of their records.
    with as_service(session):
        others = set(records_of_person(session, person_id)) - {person_id}
        for other_id in living_records(session, others):
            person, key = case_locks.open_person(session, other_id, lock=True)
            write_plan_of_record(session, person, key, plan, at=at, checked_at=checked_at)
            follow_new_plan(session, other_id, at=at)


def follow_new_plan(session: Session, person_id: UUID, *, at: datetime) -> None:
    """What follows from a new plan where no action on a referral of that record does it: providers, next actions."""
    session.flush()
    onward_referrals.refresh_handover_safe_contact(session, person_id, at=at)
    session.flush()
    next_action.refresh_person_referrals(session, person_id, at=at)


def open_check_of_person(session: Session, person_id: UUID, *, at: datetime) -> None:
    """Ask for a safe way on the newest referral of the person that waits for us; none does: nobody is asked."""
    newest = session.scalar(
        select(Referral.id)
        .where(Referral.person_id == person_id, Referral.next_action != NextAction.NOTHING)
        .order_by(Referral.received_at.desc(), Referral.id)
        .limit(1)
    )
    if newest is not None:
        asked = NewTask(
            kind=TaskKind.SAFE_CONTACT_CHECK,
            referral_id=newest,
            dedupe_key=tasks.safe_contact_check_key(person_id),
        )
        tasks.open_task(session, asked, at=at)


def write_plan_of_record(
    session: Session,
    person: Person,
    key: bytes,
    plan: SafeContactAnswer,
    *,
    at: datetime,
    checked_at: datetime | None,
) -> SafeContactPlan:
    """Make this the plan in force of one record, whatever others the person has: for `write_plan` and merges."""
    victim_message_stops.stop_messages(session, person.id, at=at, because="plan_changed")
    in_force = plan_in_force(session, person.id)
    if in_force is not None:
        session.execute(
            update(SafeContactPlan).where(SafeContactPlan.id == in_force.id).values(superseded_at=at)
        )
    plan_id, document = new_row_id(), plan.document()
    known = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    written = SafeContactPlan(
        id=plan_id,
        person_id=person.id,
        version=in_force.version + 1 if in_force else 1,
        safe=plan.safe,
        safe_channels=safe_contact.reachable_channels(plan.safe, document, known),
        sealed=encrypted_rows.seal_row(key, "safe_contact_plan", plan_id, document),
        detail_hashes=suspect_contacts.hash_details(
            current_blind_index(session), safe_contact.known_details(document, known)
        ),
        stated_by=plan.stated_by,
        checked_at=checked_at,
        recorded_at=at,
        recorded_by_id=actor_of(session).user_id,
    )
    session.add(written)
    session.flush()
    return written


def without_contacts_of_suspects(
    session: Session, plan: SafeContactAnswer, person_id: UUID, known: Mapping[str, Any]
) -> SafeContactAnswer:
    """The plan with no way safe that leads to a suspect of the person."""
    forbidden = suspect_contacts.forbidden_of_person(session, person_id)
    found = suspect_contacts.forbidden_details(session, forbidden, plan.document(), known)
    if not found:
        return plan
    safe, document = forbid_details(plan.safe, plan.document(), found)
    return from_document(document, safe, plan.stated_by)


def open_plan(plan: SafeContactPlan | None, key: bytes) -> Mapping[str, Any]:
    """What a plan says; empty where there is none."""
    if plan is None:
        return {}
    opened: Mapping[str, Any] = encrypted_rows.unseal_row(key, "safe_contact_plan", plan.id, plan.sealed)
    return opened


def from_document(document: Mapping[str, Any], safe: SafeAnswer, stated_by: str) -> SafeContactAnswer:
    """A stored plan as an answer again."""
    from_time, until_time = document.get("from_time"), document.get("until_time")
    return SafeContactAnswer(
        safe=safe,
        channels=safe_contact.channel_answers(document),
        number=document.get("number"),
        email=document.get("email"),
        address=document.get("address"),
        days=tuple(document.get("days") or ()),
        from_time=time.fromisoformat(from_time) if from_time else None,
        until_time=time.fromisoformat(until_time) if until_time else None,
        code_word=document.get("code_word"),
        who_may_answer=document.get("who_may_answer"),
        say_we_are=document.get("say_we_are"),
        withhold_number=bool(document.get("withhold_number")),
        wants_reminders=document.get("wants_reminders") is True,
        remarks=document.get("words"),
        stated_by=stated_by,
    )
