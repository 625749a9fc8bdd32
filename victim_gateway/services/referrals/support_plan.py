"""The support plan of a referral: goals that the person agreed to, and the day on which it is looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import Referral, SupportGoal, SupportPlan
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.support import (
    STATES_OF_SUPPORT,
    GoalFacts,
    explain_refused_state,
    refused_goal,
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
from victim_gateway.vocabulary import GoalState, TaskKind


@dataclass(frozen=True, slots=True)
class GoalAnswers:
    """What the person wants to reach, which need it serves, and what became of it."""

    text: str
    need: str
    agreed_on: date
    target_on: date | None = None
    state: GoalState = GoalState.OPEN
    remarks: str = ""


def plan_review_key(referral_id: UUID) -> str:
    """The dedupe key of the task that asks to look at the plan again."""
    return f"plan-review:{referral_id}"


def add_support_goal(command: Command, referral_id: UUID, goal: GoalAnswers) -> UUID:
    """A new goal that the person agreed to. Raises InvalidInput, and TransitionNotAllowed before they were reached."""
    with referral_action(
        command, referral_id, effect=ActionEffect.NOTHING, version_is_of_referral=False
    ) as action:
        _check(action, goal, before=None)
        goal_id = new_row_id()
        _add_version(action, goal, goal_id=goal_id, version=1)
    return goal_id


def change_support_goal(command: Command, referral_id: UUID, goal_id: UUID, goal: GoalAnswers) -> None:
    """Say anew what a goal is, or what became of it: a new version; the earlier ones stay as they were.

    The command's version is that of the goal as the user saw it. Raises StaleVersion when it was saved since,
    NotFound for a goal of another referral.
    """
    with referral_action(
        command, referral_id, effect=ActionEffect.NOTHING, version_is_of_referral=False
    ) as action:
        latest = _latest(action.session, referral_id, goal_id)
        if command.version != latest.version:
            raise StaleVersion("Somebody else changed this goal after you opened the page. Read it first.")
        _check(action, goal, before=latest.state)
        _add_version(action, goal, goal_id=goal_id, version=latest.version + 1)


def set_plan_review(command: Command, referral_id: UUID, *, review_on: date) -> None:
    """Set the day by which the plan is looked at again, in place of the one before; ends a task that asked for it.

    The command's version is that of the plan, 0 for none yet.
    """
    with referral_action(
        command, referral_id, effect=ActionEffect.EVENTS_ONLY, version_is_of_referral=False
    ) as action:
        _refuse_ended(action)
        _check_review_day(action, review_on)
        session = action.session
        latest = session.scalar(
            select(func.max(SupportPlan.version)).where(SupportPlan.referral_id == referral_id)
        )
        if command.version != (latest or 0):
            raise StaleVersion("Somebody else set another day after you opened the page. Read it first.")
        in_force = (SupportPlan.referral_id == referral_id) & SupportPlan.superseded_at.is_(None)
        session.execute(update(SupportPlan).where(in_force).values(superseded_at=action.at))
        session.add(
            SupportPlan(
                referral_id=referral_id,
                version=(latest or 0) + 1,
                review_on=review_on,
                recorded_at=action.at,
                by_id=action.actor.user_id,
            )
        )
        action.finish_task(plan_review_key(referral_id))
        action.add_timeline_entry(
            "support.review_set", EventDetails(codes={"review_on": review_on.isoformat()})
        )
        action.record_audit("support.review_set", review_on=review_on.isoformat())


def ask_for_due_reviews(command: Command) -> int:
    """Open a task for each plan whose day has come; each day asks once. Safe to run late, often or twice at once.

    Returns how many were asked for. As the service.
    """
    with transaction(command.actor) as session:
        due = session.execute(
            select(SupportPlan.id, SupportPlan.referral_id, Referral.state)
            .join(Referral, Referral.id == SupportPlan.referral_id)
            .where(
                SupportPlan.superseded_at.is_(None),
                SupportPlan.asked_at.is_(None),
                SupportPlan.review_on <= times.london_date(command.at),
            )
            .order_by(SupportPlan.id)
            .with_for_update(of=SupportPlan, skip_locked=True)
        ).all()
        asked = [row.referral_id for row in due if row.state in STATES_OF_SUPPORT]
        for referral_id in asked:
            task = NewTask(
                kind=TaskKind.PLAN_REVIEW, referral_id=referral_id, dedupe_key=plan_review_key(referral_id)
            )
            tasks.open_task(session, task, at=command.at)
        if due:
            plans = SupportPlan.id.in_([row.id for row in due])
            session.execute(update(SupportPlan).where(plans).values(asked_at=command.at))
        next_action.refresh_next_actions(session, sorted(asked), at=command.at)
    return len(asked)


def _refuse_ended(action: ReferralAction) -> None:
    # A plan is for what is to come: on a closed referral there is none.
    refused = explain_refused_state(action.referral.state, closed_on=None, on=times.london_date(action.at))
    if refused:
        raise TransitionNotAllowed(refused)


def _check(action: ReferralAction, goal: GoalAnswers, *, before: GoalState | None) -> None:
    _refuse_ended(action)
    facts = GoalFacts(goal.text, goal.state, goal.agreed_on, goal.target_on, goal.remarks, before)
    refused = dict(refused_goal(facts, times.london_date(action.at)))
    if goal.need not in dict(current_area().needs.areas):
        refused["need"] = "Choose which need it is for"
    if refused:
        raise InvalidInput(next(iter(refused.values())), fields=refused)


def _check_review_day(action: ReferralAction, review_on: date) -> None:
    today = times.london_date(action.at)
    longest = current_area().support.longest_review_days
    if review_on < today:
        message = "The day must be today or in the future"
    elif review_on > today + timedelta(days=longest):
        message = f"The day must be within {longest} days from now"
    else:
        return
    raise InvalidInput(message, fields={"review_on": message})


def _latest(session: Session, referral_id: UUID, goal_id: UUID) -> SupportGoal:
    versions = select(SupportGoal).where(
        SupportGoal.goal_id == goal_id, SupportGoal.referral_id == referral_id
    )
    latest = session.scalars(versions.order_by(SupportGoal.version.desc()).limit(1)).first()
    if latest is None:
        raise NotFound
    return latest


def _add_version(action: ReferralAction, goal: GoalAnswers, *, goal_id: UUID, version: int) -> None:
    row_id = goal_id if version == 1 else new_row_id()
    document = {"goal": goal.text.strip(), "remarks": goal.remarks.strip()}
    action.session.add(
        SupportGoal(
            id=row_id,
            goal_id=goal_id,
            referral_id=action.referral.id,
            version=version,
            need=goal.need,
            state=goal.state,
            agreed_on=goal.agreed_on,
            target_on=goal.target_on,
            recorded_at=action.at,
            by_id=action.actor.user_id,
            sealed=encrypted_rows.seal_row(action.key, "support_goal", row_id, document),
        )
    )
    event = "support.goal_agreed" if version == 1 else "support.goal_changed"
    action.add_timeline_entry(event, EventDetails(codes={"goal_state": goal.state}))
    action.record_audit(event, goal_id=str(goal_id), version=version, state=goal.state)
