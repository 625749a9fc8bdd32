"""Complaints under Right 12, from when they are received until the person knows what they can do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import CalendarExhausted, InvalidInput, NotAllowed, NotFound, TransitionNotAllowed
from victim_gateway.models import Complaint, Provider, Referral
from victim_gateway.queries.referrals.review_list import possible_reviewers
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.complaints import (
    BOUND_BY_CODE,
    COMPLAINT_STEPS,
    acknowledge_by,
    answer_by,
    complaint_subject,
    next_step_by,
)
from victim_gateway.services.compliance.case_facts import CaseFactChanges, update_case_facts
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import (
    ComplaintOutcome,
    ComplaintState,
    ComplaintSubject,
    EventKind,
    EvidenceGrade,
    ReferralState,
    TaskKind,
)

RECEIVED_FROM = ("person", "for_the_person", "other")
_CLOCKS = ("complaint_acknowledged", "complaint_answered")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewComplaint:
    """What was complained of. `provider_id` names the provider where it is about one."""

    received_on: date
    received_from: str
    about: ComplaintSubject
    summary: str
    provider_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintAnswer:
    """What came of a complaint, and what was answered, in a few words."""

    outcome: ComplaintOutcome
    text: str


def record_complaint(command: Command, referral_id: UUID, complaint: NewComplaint) -> UUID:
    """Record a complaint; where the Code binds the service, its clocks start on the day it was received.

    Raises InvalidInput for a day in the future, without a summary, or for a provider that is missing or unknown.
    """
    _check_complaint(complaint, command)
    with referral_action(command, referral_id, effect=ActionEffect.EVENTS_ONLY) as action:
        session, complaint_id = action.session, new_row_id()
        _check_provider(session, complaint)
        of_referral = select(func.count()).where(Complaint.referral_id == referral_id)
        number = (session.scalar(of_referral) or 0) + 1
        area_days = current_settings().area.thresholds.complaint_acknowledge_working_days
        document = {"summary": complaint.summary.strip()}
        session.execute(
            insert(Complaint).values(
                id=complaint_id,
                referral_id=referral_id,
                number=number,
                received_on=complaint.received_on,
                recorded_at=action.at,
                recorded_by_id=action.actor.user_id,
                received_from=complaint.received_from,
                about=complaint.about,
                provider_id=complaint.provider_id,
                sealed=encrypted_rows.seal_row(action.key, "complaint", complaint_id, document),
                state=ComplaintState.RECEIVED,
                due_on=acknowledge_by(complaint.about, complaint.received_on, area_days=area_days),
                version=1,
            )
        )
        # A complaint that was taken back before says nothing of this one.
        update_case_facts(session, referral_id, CaseFactChanges(no_longer_declined=_CLOCKS), at=action.at)
        row = session.get_one(Complaint, complaint_id)
        _append_code_event(action, row, "complaint_received", complaint.received_on)
        _record(action, row, "recorded")
    return complaint_id


def acknowledge_complaint(
    command: Command, referral_id: UUID, *, complaint_id: UUID, on: date, grade: EvidenceGrade
) -> None:
    """The service complained of has written back that it has the complaint. `grade` is how we know.

    Raises InvalidInput for a day before it was received or in the future, TransitionNotAllowed where that step does
    not follow, NotAllowed for a complaint about us by anybody but a senior caseworker. Every later step about a
    referral of the actor's own is refused too, where another senior caseworker can make it.
    """
    with _complaint_step(command, referral_id, complaint_id, ComplaintState.ACKNOWLEDGED, on) as step:
        action, complaint = step
        grade = _checked_grade(grade, complaint)
        complaint.acknowledged_on = on
        complaint.due_on = _answer_due(complaint)
        _append_code_event(action, complaint, "complaint_acknowledged", on, grade)
        _record(action, complaint, "acknowledged")


def answer_complaint(
    command: Command,
    referral_id: UUID,
    *,
    complaint_id: UUID,
    on: date,
    grade: EvidenceGrade,
    answer: ComplaintAnswer,
) -> None:
    """The service has answered in full; an answer that comes first acknowledges it too.

    Raises as `acknowledge_complaint` does.
    """
    with _complaint_step(command, referral_id, complaint_id, ComplaintState.ANSWERED, on) as step:
        action, complaint = step
        grade = _checked_grade(grade, complaint)
        if complaint.acknowledged_on is None:
            complaint.acknowledged_on = on
            _append_code_event(action, complaint, "complaint_acknowledged", on, grade)
        complaint.answered_on, complaint.outcome = on, answer.outcome
        complaint.sealed_answer = encrypted_rows.seal_row(
            action.key, "complaint_answer", complaint.id, {"answer": answer.text.strip()}
        )
        complaint.due_on = next_step_by(on)
        _append_code_event(action, complaint, "complaint_answered", on, grade)
        _record(action, complaint, "answered")


def close_complaint(command: Command, referral_id: UUID, *, complaint_id: UUID, on: date) -> None:
    """The person was told what they can do next, the Ombudsman among it. Raises as `acknowledge_complaint` does."""
    with _complaint_step(command, referral_id, complaint_id, ComplaintState.CLOSED, on) as step:
        action, complaint = step
        complaint.next_step_on, complaint.due_on = on, None
        _record(action, complaint, "next_step")


def withdraw_complaint(command: Command, referral_id: UUID, *, complaint_id: UUID, on: date) -> None:
    """The person takes the complaint back: its clocks that still ran are as declined, if no other is open.

    Raises as `acknowledge_complaint` does.
    """
    with _complaint_step(command, referral_id, complaint_id, ComplaintState.WITHDRAWN, on) as step:
        action, complaint = step
        complaint.due_on = None
        others = select(Complaint.id).where(
            Complaint.referral_id == referral_id, Complaint.id != complaint_id, Complaint.due_on.is_not(None)
        )
        if complaint.about in BOUND_BY_CODE and action.session.scalar(others.limit(1)) is None:
            declined = CaseFactChanges(declined=[(name, action.at) for name in _CLOCKS])
            update_case_facts(action.session, referral_id, declined, at=action.at)
        _record(action, complaint, "withdrawn")


def open_due_complaints(command: Command) -> int:
    """Put each complaint whose next step is soon due into Work. Safe to run late, often or twice at once.

    As the service. Returns how many were added.
    """
    with transaction(command.actor) as session:
        due = session.execute(
            select(Complaint.id, Complaint.referral_id, Complaint.due_on)
            .join(Referral, Referral.id == Complaint.referral_id)
            .where(
                Referral.state != ReferralState.ENTERED_IN_ERROR,
                Complaint.due_on <= _warn_until(times.london_date(command.at)),
                ~tasks.open_task_exists("complaint:", Complaint.id),
            )
            .order_by(Complaint.due_on, Complaint.id)
            .with_for_update(of=Complaint, skip_locked=True)
        ).all()
        for row in due:
            task = NewTask(
                kind=TaskKind.COMPLAINT_DUE,
                referral_id=row.referral_id,
                dedupe_key=_task_key(row.id),
                due_on=row.due_on,
            )
            tasks.open_task(session, task, at=command.at)
        next_action.refresh_next_actions(session, sorted({row.referral_id for row in due}), at=command.at)
    return len(due)


def _warn_until(today: date) -> date:
    days = current_settings().area.thresholds.remind_before_due_working_days
    try:
        return add_working_days(today, days, england_and_wales())
    except CalendarExhausted:
        return today


@contextmanager
def _complaint_step(
    command: Command, referral_id: UUID, complaint_id: UUID, state: ComplaintState, on: date
) -> Iterator[tuple[ReferralAction, Complaint]]:
    """One step of one complaint that is locked; the task about the step before it is done."""
    with referral_action(
        command, referral_id, effect=ActionEffect.EVENTS_ONLY, version_is_of_referral=False
    ) as action:
        complaint = action.session.get(Complaint, complaint_id, with_for_update=True)
        if complaint is None or complaint.referral_id != referral_id:
            raise NotFound
        _check_handler(command, complaint)
        if state not in COMPLAINT_STEPS[complaint.state]:
            raise TransitionNotAllowed(
                "This complaint has changed since you opened the page. Look at it again."
            )
        _check_day(on, complaint, command)
        action.require_person()
        if state is not ComplaintState.ACKNOWLEDGED:
            _refuse_own_referral(action, complaint)
        complaint.state = state
        complaint.version += 1
        yield action, complaint
        action.session.flush()
        action.finish_task(_task_key(complaint_id))


def _check_handler(command: Command, complaint: Complaint) -> None:
    """A complaint about us is not handled by those it may be about."""
    is_ours = complaint.about is ComplaintSubject.GATEWAY
    if is_ours and not is_permitted(command.actor.role, Permission.HANDLE_COMPLAINTS):
        raise NotAllowed("A senior caseworker handles complaints about us.")


def is_about_own_referral(referral: Referral, about: ComplaintSubject, user_id: UUID | None) -> bool:
    """Whether a complaint about us is about a referral that this user has: another one answers it."""
    return about is ComplaintSubject.GATEWAY and user_id is not None and referral.assigned_to_id == user_id


def _refuse_own_referral(action: ReferralAction, complaint: Complaint) -> None:
    """Raises TransitionNotAllowed where another senior caseworker can answer for the actor's own referral.

    Where there is none it goes on, since the person is owed an answer: the timeline and the audit say so.
    """
    user_id = action.actor.user_id
    if user_id is None or not is_about_own_referral(action.referral, complaint.about, user_id):
        return
    others = possible_reviewers(action.session, action.referral, author_id=user_id)
    if others:
        raise TransitionNotAllowed(
            "This complaint is about a referral of your own. Another senior caseworker has to see to it:"
            f" {', '.join(others)}."
        )


def _checked_grade(grade: EvidenceGrade, complaint: Complaint) -> EvidenceGrade:
    """What we did ourselves is our own record; what another did we only know from them or from the person."""
    if complaint.about is ComplaintSubject.GATEWAY:
        return EvidenceGrade.SYSTEM_RECORD
    if grade is EvidenceGrade.SYSTEM_RECORD:
        message = "Choose who told you: this complaint is not about us"
        raise InvalidInput(message, fields={"grade": message})
    return grade


def _check_day(on: date, complaint: Complaint, command: Command) -> None:
    earliest = complaint.answered_on or complaint.acknowledged_on or complaint.received_on
    wrong = None
    if on > times.london_date(command.at):
        wrong = "The day must be today or in the past"
    elif on < earliest:
        wrong = f"The day must be on or after {earliest.day} {earliest:%B %Y}, the step before"
    if wrong:
        raise InvalidInput(wrong, fields={"on": wrong})


def _check_complaint(complaint: NewComplaint, command: Command) -> None:
    wrong: dict[str, str] = {}
    if complaint.received_on > times.london_date(command.at):
        wrong["received_on"] = "The day must be today or in the past"
    if not complaint.summary.strip():
        wrong["summary"] = "Enter what the complaint is about"
    if complaint.received_from not in RECEIVED_FROM:
        wrong["received_from"] = "Choose who complains"
    if complaint.about is ComplaintSubject.PROVIDER and complaint.provider_id is None:
        wrong["provider"] = "Choose the provider"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def _check_provider(session: Session, complaint: NewComplaint) -> None:
    if complaint.provider_id is not None and session.get(Provider, complaint.provider_id) is None:
        raise InvalidInput("Choose the provider", fields={"provider": "Choose the provider"})


def _answer_due(complaint: Complaint) -> date:
    days = current_settings().area.thresholds.complaint_answer_working_days
    return answer_by(complaint.received_on, area_days=days)


def _append_code_event(
    action: ReferralAction,
    complaint: Complaint,
    event: str,
    on: date,
    grade: EvidenceGrade = EvidenceGrade.SYSTEM_RECORD,
) -> None:
    """One event of the Code on a London date; its subject tells the complaints of a referral apart."""
    # One that was entered in error owes nothing by the Code: its complaint is followed all the same.
    if complaint.about not in BOUND_BY_CODE or action.referral.state is ReferralState.ENTERED_IN_ERROR:
        return
    # Only the day is known: midday of it falls on that date everywhere.
    midday = datetime.combine(on, time(12), times.LONDON).astimezone(UTC)
    code_event = replace(
        action.new_event(event, EventKind.CODE),
        occurred_at=min(midday, action.at),
        grade=grade,
        subject=complaint_subject(complaint.number),
    )
    action.append_event(code_event)


def _record(action: ReferralAction, complaint: Complaint, step: str) -> None:
    codes: dict[str, Any] = {"about": complaint.about.value, "number": complaint.number}
    if step not in ("recorded", "acknowledged") and is_about_own_referral(
        action.referral, complaint.about, action.actor.user_id
    ):
        codes["own_referral"] = True
    action.add_timeline_entry(f"complaint.{step}", EventDetails(codes=codes))
    action.record_audit(f"complaint.{step}", complaint_id=str(complaint.id), **codes)


def _task_key(complaint_id: UUID) -> str:
    return f"complaint:{complaint_id}"
