"""Holding a referral and letting it go on, by the one rule in `rules/hold.py`.

`hold_facts` reads what is recorded; an import asks the rule for many rows with it. For an action of a person,
`reevaluate_hold` is the one way in: what was answered goes in, and the state, the timeline and the task follow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.compliance.harm_taxonomy import harms_of_offence
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import actor_of, as_service
from victim_gateway.models import Referral, Task
from victim_gateway.rules import hold
from victim_gateway.rules.harms import EXPLICIT_CONSENT_HARMS
from victim_gateway.rules.hold import CAPACITY_ANSWER, SCOPE_DECISION, HoldFacts
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.compliance.case_facts import CaseFactChanges
from victim_gateway.services.shared import tasks
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import PROTECTIVE_COLUMNS, Harm, HeldReason, ReferralState, TaskKind

HOLD_COLUMNS = ("domestic_abuse", "victim_type", "offence", "offence_code", "recorded_as", "chosen_harms")
"""The plain columns of a referral that the rule reads."""
AS_GIVEN = "as_given"
"""Where the referral's sealed document keeps what could not be read."""


def hold_facts(
    columns: Mapping[str, Any],
    person: Mapping[str, Any],
    document: Mapping[str, Any],
    *,
    agreed: bool | None,
    on: date,
) -> HoldFacts:
    """What the rule reads: HOLD_COLUMNS, the person's and the referral's document, and the answer about contact.

    Ages are those on the London date `on`.
    """
    victim_type, offence = columns["victim_type"] or "person", columns["offence"]
    born = person.get("date_of_birth") if victim_type != "business" else None
    scope = current_settings().area.scope
    harms = harms_of_offence(offence, columns.get("offence_code")) | set(columns.get("chosen_harms") or ())
    return HoldFacts(
        agreed=agreed,
        domestic_abuse=bool(columns["domestic_abuse"]) or Harm.DOMESTIC_ABUSE in harms,
        victim_type=victim_type,
        person=person,
        # Mutilation is held like a sexual offence: the family may have done it.
        is_sexual_offence=bool(harms & EXPLICIT_CONSENT_HARMS - {Harm.DOMESTIC_ABUSE}),
        age=times.age_on(date.fromisoformat(born), on) if born else None,
        has_capacity_answer=bool(document.get(CAPACITY_ANSWER)),
        unread_protective=unread_protective_columns(document),
        out_of_scope=not document.get(SCOPE_DECISION)
        and not scope.takes(recorded_as=columns["recorded_as"] or "crime", victim_type=victim_type),
        withdrawn=bool(document.get("withdrawn")),
        deceased=bool(person.get("deceased")),
    )


def unread_protective_columns(document: Mapping[str, Any]) -> frozenset[str]:
    """The protective answers that could not be read and that nobody has settled, from the referral's document."""
    return frozenset(document.get(AS_GIVEN) or ()) & PROTECTIVE_COLUMNS


def keep_unread_answers(
    before: Mapping[str, Any], after: dict[str, Any], answered: Collection[str]
) -> dict[str, Any]:
    """Keep in a referral's new document what was unreadable before and has not been answered since.

    A row that leaves such a column out, or blank, says nothing of it: what was given still waits for an answer.
    """
    given: Mapping[str, str] = before.get(AS_GIVEN) or {}
    waiting = {
        column: text
        for column, text in given.items()
        if column in PROTECTIVE_COLUMNS and column not in answered
    }
    return {**after, AS_GIVEN: {**waiting, **(after.get(AS_GIVEN) or {})}} if waiting else after


def reevaluate_hold(
    action: ReferralAction, answered: Collection[str], *, agreed: bool | None, text: str | None = None
) -> tuple[HeldReason, ...]:
    """Ask the rule again after these answers, and hold the referral or let it go on; gives the reasons that stand.

    `answered` are columns of the feed and the answers named in `rules/hold.py`; `agreed` is the person's answer
    in force about being contacted. Work that is under way is not touched: what stops that has actions of its own.
    """
    referral = action.referral
    if referral.state is ReferralState.HELD:
        reasons = hold.reasons_after_answers(
            referral.standing_reasons, referral_hold_facts(action, agreed), answered
        )
    elif referral.state is ReferralState.RECEIVED:
        reasons = hold.reasons_to_hold(referral_hold_facts(action, agreed))
    else:
        return ()
    hold_for(action, reasons, text=text)
    return reasons


def reevaluate_other_referrals(
    action: ReferralAction, answered: Collection[str], *, agreed: bool | None
) -> None:
    """The same for the person's other referrals, as the service: what is known of a person counts for each.

    Call it with the referrals locked before the person: `LockScope.PERSON_REFERRALS`.
    """
    others = select(Referral).where(
        Referral.person_id == action.referral.person_id,
        Referral.id != action.referral.id,
        Referral.state.in_((ReferralState.RECEIVED, ReferralState.HELD)),
    )
    action.session.flush()
    with as_service(action.session):
        others_found = action.session.scalars(others.order_by(Referral.id)).all()
        for referral in others_found:
            before, other = referral.standing_reasons, action.on_other_referral(referral)
            if reevaluate_hold(other, answered, agreed=agreed) != before:
                other.finish()


def referral_hold_facts(action: ReferralAction, agreed: bool | None) -> HoldFacts:
    """What the rule reads of the action's referral, as it is recorded now."""
    referral, person = action.referral, action.person
    return hold_facts(
        {name: getattr(referral, name) for name in HOLD_COLUMNS},
        encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed),
        encrypted_rows.unseal_row(action.key, "referral", referral.id, referral.sealed),
        agreed=agreed,
        on=times.london_date(action.at),
    )


def hold_for(action: ReferralAction, reasons: Collection[HeldReason], *, text: str | None = None) -> None:
    """Hold the referral for exactly these reasons, or let it go on where there are none; says so on the timeline.

    Raises TransitionNotAllowed where a referral in its state can't be held.
    """
    referral, ordered = action.referral, hold.in_order_of_harm(reasons)
    before = referral.standing_reasons
    if ordered == before:
        return
    referral.set_held_reasons(ordered)
    details = EventDetails(
        text=text, reason_code=next(iter(ordered), None), codes={"also": list(ordered[1:])} if ordered else {}
    )
    if not ordered:
        to = ReferralState.ASSIGNED if referral.assigned_to_id else ReferralState.RECEIVED
        action.change_state(to, "referral.released", details)
    elif referral.state is ReferralState.HELD:
        action.session.flush()
        action.add_timeline_entry("referral.hold_changed", details)
    else:
        action.change_state(ReferralState.HELD, "referral.held", details)
    _update_task(action, ordered)
    if HeldReason.CONSENT_REFUSED in before and HeldReason.CONSENT_REFUSED not in ordered:
        changes = CaseFactChanges(conditions={"not_opted_out": True})
        case_facts.update_case_facts(action.session, referral.id, changes, at=action.at)


def keep_hold_answer(action: ReferralAction, name: str, answer: Mapping[str, Any]) -> None:
    """Seal an answer about the hold in the referral's document, where no import overwrites it."""
    referral = action.referral
    document = encrypted_rows.unseal_row(action.key, "referral", referral.id, referral.sealed)
    referral.sealed = encrypted_rows.seal_row(
        action.key, "referral", referral.id, {**document, name: dict(answer)}
    )
    referral.corrected_fields = sorted({*referral.corrected_fields, name})


def open_hold_task(action: ReferralAction, reasons: Collection[HeldReason]) -> None:
    """Ask for the decision that would end a hold, or that a stop of work under way needs."""
    task = NewTask(
        kind=TaskKind.HOLD_DECISION,
        referral_id=action.referral.id,
        dedupe_key=hold_task_key(action.referral.id),
        is_urgent=hold.is_high_harm(reasons),
    )
    tasks.open_task(action.session, task, at=action.at)


def hold_task_values(referral_id: UUID, reasons: Collection[HeldReason], *, at: datetime) -> dict[str, Any]:
    """One row of `Task` for a referral that an import holds."""
    return tasks.new_task_values(
        TaskKind.HOLD_DECISION,
        referral_id,
        hold_task_key(referral_id),
        at=at,
        is_urgent=hold.is_high_harm(reasons),
    )


def finish_hold_tasks(session: Session, referral_ids: Collection[UUID], *, at: datetime) -> None:
    """Mark the tasks about these holds as done: the holds have ended by themselves."""
    if not referral_ids:
        return
    keys = [hold_task_key(referral_id) for referral_id in referral_ids]
    session.execute(
        update(Task)
        .where(Task.dedupe_key.in_(keys), Task.done_at.is_(None))
        .values(done_at=at, done_by_id=actor_of(session).user_id)
    )


def hold_task_key(referral_id: UUID) -> str:
    """The dedupe key of the task about a hold: one for a referral, whatever its reasons."""
    return f"hold:{referral_id}"


def _update_task(action: ReferralAction, reasons: Collection[HeldReason]) -> None:
    if reasons:
        open_hold_task(action, reasons)
    else:
        action.finish_task(hold_task_key(action.referral.id))
