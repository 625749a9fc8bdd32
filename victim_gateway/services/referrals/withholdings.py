"""Keeping back a promise of the Code that would endanger the person: asked, decided by a senior, looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, NotFound, TransitionNotAllowed
from victim_gateway.models import Referral, Withholding
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.compliance.case_facts import CaseFactChanges, update_case_facts
from victim_gateway.services.referrals.victim_reports import find_open_clock
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import ReferralState, TaskKind, WithholdingState

# A promise is not forgotten for longer than a season.
LONGEST_REVIEW_DAYS = 92
_OPEN = (WithholdingState.ASKED, WithholdingState.AGREED)


def ask_withholding(
    command: Command, referral_id: UUID, *, clock_id: UUID, reason: str, review_on: date
) -> UUID:
    """Say that it is not safe to keep a promise now; a senior caseworker is asked to decide.

    From here on pages say not to mention it. The Code's clock stays as it is until the decision. Raises
    InvalidInput without a reason or with a review date that is not within the next three months, and
    TransitionNotAllowed where the promise was kept, or is kept back already.
    """
    reason = _required_reason(reason)
    _check_review(review_on, command)
    with _decided_once(), referral_action(command, referral_id, effect=ActionEffect.EVENTS_ONLY) as action:
        clock, _ = find_open_clock(action.session, action.referral, clock_id)
        withholding_id = new_row_id()
        sealed = encrypted_rows.seal_row(action.key, "withholding", withholding_id, {"reason": reason})
        action.session.execute(
            insert(Withholding).values(
                id=withholding_id,
                referral_id=referral_id,
                entitlement_id=clock.entitlement_id,
                state=WithholdingState.ASKED,
                asked_at=action.at,
                asked_by_id=action.actor.user_id,
                sealed=sealed,
                review_on=review_on,
            )
        )
        action.open_task(TaskKind.WITHHOLDING_DECISION, dedupe_key=decision_key(withholding_id))
        _record(action, "asked", clock.entitlement_id, reason)
    return withholding_id


def decide_withholding(
    command: Command, referral_id: UUID, *, withholding_id: UUID, agreed: bool, reason: str
) -> None:
    """A senior caseworker's yes or no, by another than who asked; a yes is what the Code's clock counts.

    Raises NotAllowed for anybody else, InvalidInput without a reason, and TransitionNotAllowed where it was
    decided already.
    """
    reason = _required_reason(reason)
    with referral_action(command, referral_id, effect=ActionEffect.EVENTS_ONLY) as action:
        kept_back = _lock(action, withholding_id, WithholdingState.ASKED)
        _require_senior(command, kept_back)
        kept_back.state = WithholdingState.AGREED if agreed else WithholdingState.REFUSED
        kept_back.decided_at, kept_back.decided_by_id = action.at, action.actor.user_id
        if agreed:
            changes = CaseFactChanges(withheld=[(kept_back.entitlement_id, kept_back.asked_at, None)])
            update_case_facts(action.session, referral_id, changes, at=action.at)
        action.finish_task(decision_key(withholding_id))
        _record(action, kept_back.state.value, kept_back.entitlement_id, reason)


def review_withholding(
    command: Command, referral_id: UUID, *, withholding_id: UUID, review_on: date | None, reason: str
) -> None:
    """A senior caseworker has looked again: still not safe, until `review_on`; or safe now, with None.

    Once it is safe the clock runs again, from where it started. Raises as `decide_withholding` does, and
    InvalidInput for a review date that is not within the next three months.
    """
    reason = _required_reason(reason)
    if review_on is not None:
        _check_review(review_on, command)
    with referral_action(command, referral_id, effect=ActionEffect.EVENTS_ONLY) as action:
        kept_back = _lock(action, withholding_id, WithholdingState.AGREED)
        _require_senior(command)
        if review_on is not None:
            kept_back.review_on = review_on
        else:
            kept_back.state = WithholdingState.ENDED
            kept_back.ended_at, kept_back.ended_by_id = action.at, action.actor.user_id
            changes = CaseFactChanges(no_longer_withheld=[kept_back.entitlement_id])
            update_case_facts(action.session, referral_id, changes, at=action.at)
        action.finish_task(review_key(withholding_id))
        _record(action, "reviewed" if review_on else "ended", kept_back.entitlement_id, reason)


def open_due_reviews(command: Command) -> int:
    """Ask for a look at each promise whose review date has come. Safe to run late, often or twice at once.

    As the service. Returns how many stand.
    """
    with transaction(command.actor) as session:
        due = session.execute(
            select(Withholding.id, Withholding.referral_id)
            .join(Referral, Referral.id == Withholding.referral_id)
            .where(
                Referral.state != ReferralState.ENTERED_IN_ERROR,
                Withholding.state == WithholdingState.AGREED,
                Withholding.review_on <= times.london_date(command.at),
                ~tasks.open_task_exists("withholding-review:", Withholding.id),
            )
            .order_by(Withholding.id)
            .with_for_update(of=Withholding, skip_locked=True)
        ).all()
        for row in due:
            task = NewTask(
                kind=TaskKind.WITHHOLDING_REVIEW,
                referral_id=row.referral_id,
                dedupe_key=review_key(row.id),
            )
            tasks.open_task(session, task, at=command.at)
        next_action.refresh_next_actions(session, sorted({row.referral_id for row in due}), at=command.at)
    return len(due)


def decision_key(withholding_id: UUID) -> str:
    """The dedupe key of the question to a senior caseworker."""
    return f"withholding-decision:{withholding_id}"


def review_key(withholding_id: UUID) -> str:
    """The dedupe key of the task to look again."""
    return f"withholding-review:{withholding_id}"


def _lock(action: ReferralAction, withholding_id: UUID, state: WithholdingState) -> Withholding:
    found = action.session.get(Withholding, withholding_id, with_for_update=True)
    if found is None or found.referral_id != action.referral.id:
        raise NotFound
    if found.state is not state:
        raise TransitionNotAllowed("This was decided since you opened the page. Look at it again.")
    return found


def _require_senior(command: Command, kept_back: Withholding | None = None) -> None:
    if not is_permitted(command.actor.role, Permission.DECIDE_WITHHOLDING):
        raise NotAllowed("Only a senior caseworker can decide this.")
    if kept_back is not None and kept_back.asked_by_id == command.actor.user_id:
        raise TransitionNotAllowed("You asked for this yourself. Another senior caseworker has to decide.")


def _required_reason(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput("Enter why", fields={"reason": "Enter why"})
    return reason.strip()


def _check_review(review_on: date, command: Command) -> None:
    today = times.london_date(command.at)
    wrong = None
    if review_on <= today:
        wrong = "The review date must be after today"
    elif review_on > today + timedelta(days=LONGEST_REVIEW_DAYS):
        wrong = f"The review date must be within {LONGEST_REVIEW_DAYS} days"
    if wrong:
        raise InvalidInput(wrong, fields={"review_on": wrong})


def _record(action: ReferralAction, step: str, entitlement_id: str, reason: str) -> None:
    codes = {"entitlement_id": entitlement_id}
    action.add_timeline_entry(f"withholding.{step}", EventDetails(text=reason, codes=codes))
    action.record_audit(f"withholding.{step}", **codes)


@contextmanager
def _decided_once() -> Iterator[None]:
    """Two caseworkers who ask for the same at once: the second reads that it stands already."""
    try:
        yield
    except IntegrityError as error:
        if "uq_withholding_one_open" not in str(error.orig):
            raise
        raise TransitionNotAllowed("This promise is kept back already.") from error
