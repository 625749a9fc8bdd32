"""Group review: a meeting opened with its agenda, what it decides about each referral, and its end.

What is decided is sealed for the person and is a task on the referral; the timeline says only that it was decided.
No provider, manager or administrator sees any of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import ReviewAttendee, ReviewItem, ReviewMeeting
from victim_gateway.queries.referrals.group_reviews import proposed_agenda
from victim_gateway.queries.referrals.workload import assignable_user_ids
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.group_review import ProposedReview, ReviewDecision, find_review_mistakes
from victim_gateway.services.shared import submissions, tasks
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import ReferralState, TaskKind

MOST_AHEAD = timedelta(days=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReviewAnswer:
    """What a meeting decides about one referral, and by when the next step is done."""

    decision: ReviewDecision
    reason: str
    next_step: str
    due_on: date | None


def open_review_meeting(command: Command, *, meets_on: date, attendee_ids: Collection[UUID]) -> UUID:
    """Open a meeting with the agenda that the rule proposes at this moment to the actor, who is there too.

    Raises NotAllowed for anybody but a senior, InvalidInput for a day that is past or for who is no caseworker, and
    TransitionNotAllowed where the rule proposes nothing.
    """
    user_id = _require_senior(command)
    today = times.london_date(command.at)
    if not today <= meets_on <= today + MOST_AHEAD:
        _refuse("meets_on", "The day of the meeting must be today or within 60 days")
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        if not set(attendee_ids) <= assignable_user_ids(session):
            _refuse("attendees", "Choose caseworkers who are there")
        proposed = proposed_agenda(session, today)
        if not proposed:
            raise TransitionNotAllowed("Nothing is at high risk or stuck, so there is nothing to go through.")
        meeting_id = new_row_id()
        session.add(
            ReviewMeeting(id=meeting_id, meets_on=meets_on, opened_at=command.at, opened_by_id=user_id)
        )
        session.flush()
        session.execute(
            insert(ReviewAttendee),
            [{"meeting_id": meeting_id, "user_id": each} for each in sorted({user_id, *attendee_ids})],
        )
        session.execute(insert(ReviewItem), _agenda_rows(meeting_id, proposed))
        record_audit(
            session,
            "group_review.opened",
            subject_type="review_meeting",
            subject_id=meeting_id,
            referrals=[str(each.referral_id) for each in proposed],
        )
    return meeting_id


def decide_group_review(
    command: Command, referral_id: UUID, item_id: UUID, answer: GroupReviewAnswer
) -> None:
    """Record what the meeting decides about one referral; the command's version is that of the item.

    The next step is a task on the referral. While the meeting is open another decision takes the place of the first
    one. Raises NotAllowed, NotFound, InvalidInput, StaleVersion where somebody decided meanwhile, and
    TransitionNotAllowed after the meeting was closed or where the referral is over.
    """
    user_id = _require_senior(command)
    _check_answer(answer, times.london_date(command.at))
    with referral_action(
        command, referral_id, effect=ActionEffect.EVENTS_ONLY, version_is_of_referral=False
    ) as action:
        item = _lock_item(action, item_id, command.version)
        event = "group_review.decided" if item.decision is None else "group_review.changed"
        texts = {"reason": answer.reason.strip(), "next_step": answer.next_step.strip()}
        # Opened before anything is set: reading the key writes what was set so far.
        sealed = encrypted_rows.seal_row(action.key, "review_item", item_id, texts)
        item.decision, item.due_on, item.sealed = answer.decision.value, answer.due_on, sealed
        item.decided_at, item.decided_by_id = command.at, user_id
        item.version += 1
        action.session.flush()
        _ask_next_step(action, item_id, answer.due_on)
        action.add_timeline_entry(
            event, EventDetails(codes={"review_decision": answer.decision.value, "item_id": str(item_id)})
        )
        action.record_audit(
            event, meeting=str(item.meeting_id), item_id=str(item_id), decision=answer.decision.value
        )


def close_review_meeting(command: Command, meeting_id: UUID) -> None:
    """End a meeting: it can only be read from then on, and what it did not decide is proposed to the next one.

    Raises NotAllowed for anybody but a senior, NotFound, and TransitionNotAllowed where it is closed already.
    """
    user_id = _require_senior(command)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        if session.get(ReviewMeeting, meeting_id) is None:
            raise NotFound
        meeting = _lock_open_meeting(session, meeting_id)
        meeting.closed_at, meeting.closed_by_id = command.at, user_id
        record_audit(session, "group_review.closed", subject_type="review_meeting", subject_id=meeting_id)


def _agenda_rows(meeting_id: UUID, proposed: Collection[ProposedReview]) -> list[dict[str, object]]:
    return [
        {
            "id": new_row_id(),
            "meeting_id": meeting_id,
            "referral_id": each.referral_id,
            "position": position,
            "causes": [cause.value for cause in each.causes],
        }
        for position, each in enumerate(proposed, start=1)
    ]


def _lock_item(action: ReferralAction, item_id: UUID, version: int | None) -> ReviewItem:
    referral = action.referral
    item = action.session.get(ReviewItem, item_id)
    if item is None or item.referral_id != referral.id:
        raise NotFound
    _lock_open_meeting(action.session, item.meeting_id)
    # The referral is locked, so that no other senior decides about it at the same time.
    action.session.refresh(item)
    if version is not None and version != item.version:
        raise StaleVersion("Somebody recorded a decision after you opened the page. Read it first.")
    if referral.state in (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR):
        raise TransitionNotAllowed("This referral is over, so there is nothing to decide about it.")
    return item


def _lock_open_meeting(session: Session, meeting_id: UUID) -> ReviewMeeting:
    meeting = session.scalar(
        select(ReviewMeeting)
        .where(ReviewMeeting.id == meeting_id, ReviewMeeting.closed_at.is_(None))
        .with_for_update()
    )
    if meeting is None:
        raise TransitionNotAllowed("This meeting is closed: what it decided can only be read.")
    return meeting


def _ask_next_step(action: ReferralAction, item_id: UUID, due_on: date | None) -> None:
    """One open task for an item: that of a decision before it is over."""
    key = f"group-review:{item_id}"
    action.finish_task(key)
    task = NewTask(
        kind=TaskKind.GROUP_REVIEW_STEP,
        referral_id=action.referral_id,
        dedupe_key=key,
        details={"item_id": str(item_id)},
        due_on=due_on,
    )
    tasks.open_task(action.session, task, at=action.at)


def _require_senior(command: Command) -> UUID:
    if command.actor.user_id is None or not is_permitted(command.actor.role, Permission.LEAD_GROUP_REVIEW):
        raise NotAllowed("Only a senior caseworker leads a group review.")
    return command.actor.user_id


def _check_answer(answer: GroupReviewAnswer, today: date) -> None:
    wrong = find_review_mistakes(
        reason=answer.reason, next_step=answer.next_step, due_on=answer.due_on, today=today
    )
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def _refuse(field: str, message: str) -> None:
    raise InvalidInput(message, fields={field: message})
