"""Reviews of cases of anti-social behaviour: asked for, whether the threshold is met, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import CalendarExhausted, InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import CaseReview, Referral
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.court_and_review import (
    CASE_REVIEW_STEPS,
    OPEN_REVIEWS,
    case_review_due,
    may_ask_for_case_review,
)
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import CaseReviewOutcome, CaseReviewState, ReferralState, TaskKind

_PREFIX = "case-review:"


@dataclass(frozen=True, slots=True)
class NewCaseReview:
    """Whom it was asked of, when, whether another person asked for them, and what about."""

    authority: str
    asked_on: date
    is_for_person: bool
    text: str


@dataclass(frozen=True, slots=True)
class CaseReviewStep:
    """What the authority did on a day; an answer has its outcome and words."""

    state: CaseReviewState
    on: date
    outcome: CaseReviewOutcome | None = None
    text: str = ""


def ask_for_case_review(command: Command, referral_id: UUID, new: NewCaseReview) -> UUID:
    """Record that a review was asked for. Raises InvalidInput, and TransitionNotAllowed where one is open already."""
    with referral_action(
        command, referral_id, effect=ActionEffect.EVENTS_ONLY, version_is_of_referral=False
    ) as action:
        _check_new(action, new)
        review_id = new_row_id()
        review = CaseReview(
            id=review_id,
            referral_id=referral_id,
            authority=new.authority,
            is_for_person=new.is_for_person,
            asked_on=new.asked_on,
            state=CaseReviewState.ASKED,
            recorded_at=action.at,
            by_id=action.actor.user_id,
            sealed=encrypted_rows.seal_row(action.key, "case_review", review_id, {"words": new.text.strip()}),
        )
        review.due_on = _due(review)
        action.session.add(review)
        _note(action, review, "asked")
    return review_id


def record_case_review_step(
    command: Command, referral_id: UUID, review_id: UUID, step: CaseReviewStep
) -> None:
    """Record the next step of a review; the task about the one before is done. On a closed referral too.

    Raises NotFound for a review of another referral, TransitionNotAllowed for a step that can't follow.
    """
    with referral_action(
        command, referral_id, effect=ActionEffect.EVENTS_ONLY, version_is_of_referral=False
    ) as action:
        # Behind the lock on the referral: a lock of its own would not find one that has ended (row-level security).
        review = action.session.get(CaseReview, review_id)
        if review is None or review.referral_id != referral_id:
            raise NotFound
        if step.state not in CASE_REVIEW_STEPS[review.state]:
            raise TransitionNotAllowed("This review has changed since you opened the page. Look at it again.")
        _check_step(action, review, step)
        # Opened before the row is changed: it is written whole, or not at all.
        key = action.key
        review.state = step.state
        review.version += 1
        if step.state in (CaseReviewState.THRESHOLD_MET, CaseReviewState.THRESHOLD_NOT_MET):
            review.threshold_on = step.on
        if step.state is CaseReviewState.ANSWERED:
            review.answered_on, review.outcome = step.on, step.outcome
            document = {"words": step.text.strip()}
            review.sealed_answer = encrypted_rows.seal_row(key, "case_review_answer", review_id, document)
        review.due_on = _due(review)
        action.finish_task(f"{_PREFIX}{review_id}")
        _note(action, review, step.state.value)


def open_due_case_reviews(command: Command) -> int:
    """Put each review whose next step is soon due into Work. Safe to run late, often or twice at once.

    As the service. Returns how many were added.
    """
    with transaction(command.actor) as session:
        due = session.execute(
            select(CaseReview.id, CaseReview.referral_id, CaseReview.due_on)
            .join(Referral, Referral.id == CaseReview.referral_id)
            .where(
                Referral.state != ReferralState.ENTERED_IN_ERROR,
                CaseReview.due_on <= _warn_until(times.london_date(command.at)),
                ~tasks.open_task_exists(_PREFIX, CaseReview.id),
            )
            .order_by(CaseReview.due_on, CaseReview.id)
            .with_for_update(of=CaseReview, skip_locked=True)
        ).all()
        for row in due:
            task = NewTask(
                kind=TaskKind.CASE_REVIEW_DUE,
                referral_id=row.referral_id,
                dedupe_key=f"{_PREFIX}{row.id}",
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


def _due(review: CaseReview) -> date | None:
    profile = current_settings().area.support.case_review
    return case_review_due(review.state, review.asked_on, review.threshold_on, profile)


def _check_new(action: ReferralAction, new: NewCaseReview) -> None:
    referral = action.referral
    if referral.state is ReferralState.ENTERED_IN_ERROR:
        raise TransitionNotAllowed("This referral was entered in error. Nothing can be recorded on it.")
    if not may_ask_for_case_review(referral.recorded_as, referral.harms):
        raise TransitionNotAllowed("This referral is not about anti-social behaviour. Correct it first.")
    is_open = select(CaseReview.id).where(
        CaseReview.referral_id == referral.id, CaseReview.state.in_(OPEN_REVIEWS)
    )
    if action.session.scalar(is_open.limit(1)) is not None:
        raise TransitionNotAllowed("A review is open on this referral already.")
    wrong = {}
    if new.authority not in dict(current_settings().area.support.case_review.authorities):
        wrong["authority"] = "Choose whom it was asked of"
    if new.asked_on > times.london_date(action.at):
        wrong["asked_on"] = "The day must be today or in the past"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def _check_step(action: ReferralAction, review: CaseReview, step: CaseReviewStep) -> None:
    wrong = {}
    earliest = review.threshold_on or review.asked_on
    if step.on > times.london_date(action.at):
        wrong["on"] = "The day must be today or in the past"
    elif step.on < earliest:
        wrong["on"] = f"The day must be on or after {earliest.day} {earliest:%B %Y}, the step before"
    if step.state is CaseReviewState.ANSWERED and step.outcome is None:
        wrong["outcome"] = "Choose what came of it"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def _note(action: ReferralAction, review: CaseReview, step: str) -> None:
    action.session.flush()
    event, codes = f"case_review.{step}", {"authority": review.authority}
    action.add_timeline_entry(event, EventDetails(codes=codes))
    action.record_audit(event, review_id=str(review.id), **codes)
