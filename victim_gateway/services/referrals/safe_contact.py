"""How and when a person may be reached without harm: recorded by an action of its own, never by the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import actor_of, transaction
from victim_gateway.errors import InvalidInput, StaleVersion
from victim_gateway.models import Person, Referral, SafeContactPlan, Task
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.rules import safe_contact
from victim_gateway.rules.safe_contact import CONTACT_CHANNELS
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared import next_action, referral_steps, submissions, tasks
from victim_gateway.vocabulary import Channel, SafeAnswer, TaskKind

_KEPT = ("number", "email", "address", "code_word")


@dataclass(frozen=True, slots=True)
class SafeContactAnswer:
    """One answer to "may we contact you, and how?". `channels` maps each of WAYS to a SafeAnswer.

    Times are London wall time. What is not said stays unknown, and unknown is not used.
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
    words: str | None = None
    stated_by: str = "person"

    def document(self) -> dict[str, Any]:
        """What is sealed: everything but the short answer."""
        said = asdict(self)
        said.pop("safe")
        said["channels"] = {
            way: SafeAnswer(self.channels.get(way, SafeAnswer.UNKNOWN)).value for way in CONTACT_CHANNELS
        }
        said["days"] = list(self.days)
        for name in ("from_time", "until_time"):
            said[name] = said[name].isoformat("minutes") if said[name] else None
        return said

    @property
    def safe_channels(self) -> list[str]:
        """The channels that may be used: none unless contact is safe at all."""
        return safe_contact.safe_channels(self.safe, {"channels": self.channels})

    def check(self) -> None:
        """Raises InvalidInput when the answers contradict each other."""
        if self.safe is SafeAnswer.YES and not any(way in self.safe_channels for way in Channel):
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


def record_safe_contact(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    plan: SafeContactAnswer,
    version: int,
    submission_id: UUID | None = None,
) -> None:
    """Record what the person says now. It replaces the plan before, ends the checks that were asked for,
    and reaches every provider who is helping at once.

    A number, address or code word that is not given stays as it was: pages do not show them, so nobody can
    be asked to type them again. `version` is that of the plan the user saw, 0 for none. Raises StaleVersion
    when another was recorded since: an old form must not turn "unsafe" back to "safe".
    """
    plan.check()
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral_with_others(session, referral_id)
        person, key = referral_steps.open_person(session, referral.person_id, lock=True)
        held = plan_in_force(session, person.id)
        if version != (held.version if held else 0):
            raise StaleVersion(
                "Safe contact was recorded again after you opened this page. Look at it before you save."
            )
        write_plan(session, person, key, _kept(plan, held, key), at=at, checked_at=at)
        _end_checks(session, person.id, at)
        referral_steps.add_timeline_entry(
            session, referral, "safe_contact.recorded", at=at, details={"safe": plan.safe}
        )
        referral_steps.audit_referral(session, "safe_contact.recorded", referral, safe=plan.safe)
        session.flush()
        onward_referrals.refresh_handover_safe_contact(session, person.id, at=at)
        _refresh_all(session, person.id, at)


def merge_safe_contact(
    session: Session, referral: Referral, person: Person, key: bytes, told: SafeContactAnswer, *, at: datetime
) -> None:
    """What was said with a new referral, by somebody who may not have seen the plan in force.

    It is joined with that plan and the stricter answer wins: a yes said here does not undo a no said before,
    but makes a person ask again. Providers who are helping read the outcome at once.
    """
    held = plan_in_force(session, person.id)
    asked_at = None if told.safe is SafeAnswer.UNKNOWN else at
    if held is None:
        write_plan(session, person, key, told, at=at, checked_at=asked_at)
        return
    before = encrypted_rows.unseal_row(key, "safe_contact_plan", held.id, held.sealed)
    safe, document = safe_contact.merge_answers(held.safe, before, told.safe, told.document())
    if safe is not held.safe or document != before:
        stated_by = told.stated_by if asked_at else held.stated_by
        plan = _from_document(document, safe, safe_contact.channel_answers(document), stated_by)
        write_plan(session, person, key, plan, at=at, checked_at=asked_at or held.checked_at)
        onward_referrals.refresh_handover_safe_contact(session, person.id, at=at)
    if told.safe is SafeAnswer.YES and held.safe is SafeAnswer.NO:
        open_safe_contact_check(session, referral, at=at)


def write_plan(
    session: Session,
    person: Person,
    key: bytes,
    plan: SafeContactAnswer,
    *,
    at: datetime,
    checked_at: datetime | None,
) -> SafeContactPlan:
    """Make this the plan in force. `checked_at` is when the person was asked; None when nobody asked."""
    held = plan_in_force(session, person.id)
    if held is not None:
        session.execute(update(SafeContactPlan).where(SafeContactPlan.id == held.id).values(superseded_at=at))
    plan_id = uuid4()
    written = SafeContactPlan(
        id=plan_id,
        person_id=person.id,
        version=held.version + 1 if held else 1,
        safe=plan.safe,
        safe_channels=plan.safe_channels,
        sealed=encrypted_rows.seal_row(key, "safe_contact_plan", plan_id, plan.document()),
        stated_by=plan.stated_by,
        checked_at=checked_at,
        recorded_at=at,
        recorded_by_id=actor_of(session).user_id,
    )
    session.add(written)
    session.flush()
    return written


def mark_unconfirmed(
    session: Session,
    referral: Referral,
    person: Person,
    key: bytes,
    ways: set[str],
    *,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """A number or address is new or in doubt: these ways are not known to be safe, and a person must ask.

    `before` and `after` are the person's document around a correction: the number that was wrong is not
    kept in the plan either, where it would be shown and handed on as the safe one.
    """
    held = plan_in_force(session, person.id)
    if held is not None:
        document = encrypted_rows.unseal_row(key, "safe_contact_plan", held.id, held.sealed)
        document = safe_contact.drop_replaced_details(document, before or {}, after or {})
        safe, document = safe_contact.mark_channels_unconfirmed(held.safe, document, ways)
        plan = _from_document(document, safe, safe_contact.channel_answers(document), held.stated_by)
        write_plan(session, person, key, plan, at=at, checked_at=held.checked_at)
        onward_referrals.refresh_handover_safe_contact(session, person.id, at=at)
    open_safe_contact_check(session, referral, at=at)


def open_safe_contact_check(session: Session, referral: Referral, *, at: datetime) -> None:
    """Open the task that a caseworker finds out how to reach the person safely."""
    tasks.open_task(
        session,
        TaskKind.SAFE_CONTACT_CHECK,
        referral.id,
        dedupe_key=tasks.safe_contact_check_key(referral.person_id),
        at=at,
    )


def unsafe_reason(plan: SafeContactPlan | None, way: str, *, at: datetime, recheck_days: int) -> str | None:
    """Why a way of contact must not be used now, in words; None when it may be."""
    if plan is None or plan.safe is SafeAnswer.UNKNOWN:
        return "Nobody has said that contact is safe."
    if plan.safe is SafeAnswer.NO:
        return "The person said that contact is not safe."
    if way not in plan.safe_channels:
        return "This way of contact is not recorded as safe."
    if plan.checked_at is None or plan.checked_at < at - timedelta(days=recheck_days):
        return f"Safe contact was last checked more than {recheck_days} days ago."
    return None


def _kept(plan: SafeContactAnswer, held: SafeContactPlan | None, key: bytes) -> SafeContactAnswer:
    if held is None:
        return plan
    document = encrypted_rows.unseal_row(key, "safe_contact_plan", held.id, held.sealed)
    return replace(plan, **{name: getattr(plan, name) or document.get(name) for name in _KEPT})


def _from_document(
    document: Mapping[str, Any], safe: SafeAnswer, channels: Mapping[str, SafeAnswer], stated_by: str
) -> SafeContactAnswer:
    from_time, until_time = document.get("from_time"), document.get("until_time")
    return SafeContactAnswer(
        safe=safe,
        channels=channels,
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
        words=document.get("words"),
        stated_by=stated_by,
    )


def _end_checks(session: Session, person_id: UUID, at: datetime) -> None:
    asked = (
        select(Task.id)
        .join(Referral, Referral.id == Task.referral_id)
        .where(
            Referral.person_id == person_id,
            Task.kind == TaskKind.SAFE_CONTACT_CHECK,
            Task.done_at.is_(None),
        )
    )
    for task_id in session.scalars(asked).all():
        tasks.finish_task(session, task_id, at=at)


def _refresh_all(session: Session, person_id: UUID, at: datetime) -> None:
    ids = session.scalars(select(Referral.id).where(Referral.person_id == person_id)).all()
    session.flush()
    next_action.refresh_next_many(session, ids, at=at)
