"""A caseworker's answer to a task of a referral."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.models import Person, Task
from victim_gateway.services.referrals import coming_of_age, given_values
from victim_gateway.services.referrals.person_distinctions import mark_as_two
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    start_referral_action,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import IdentityDecision, TaskKind

# The rest end by being done: a plan recorded, a question answered, a decline decided on, two people compared.
TICK_OFF_KINDS = frozenset(
    {
        TaskKind.FEED_CONFLICT,
        TaskKind.SERVICE_ENDED,
        TaskKind.OFFER_EXPIRED,
        TaskKind.CORRECTION_UNREAD,
        TaskKind.RESTORATIVE_JUSTICE_WANTED,
        TaskKind.CHILD_SAFEGUARDING,
        TaskKind.SURVEY_FOLLOW_UP,
        TaskKind.VIDEO_LINK_SOON,
        TaskKind.CAME_OF_AGE,
        TaskKind.GROUP_REVIEW_STEP,
        TaskKind.ONWARD_DECISION,
        TaskKind.APPOINTMENT_CANCELLED,
        TaskKind.MESSAGE_TO_PERSON,
    }
)
COMPARED_KINDS = frozenset({TaskKind.POSSIBLE_SAME_PERSON, TaskKind.REFERENCE_CONFLICT})


def tick_off_task(command: Command, referral_id: UUID, *, task_id: UUID) -> None:
    """A caseworker says that a task of a referral is dealt with; a task done already stays done.

    Raises NotFound for a task of another referral, as for one that does not exist, and TransitionNotAllowed
    for a task that only ends by doing what it asks.
    """
    _finish_task(command, referral_id, task_id, TICK_OFF_KINDS, {})


def record_identity_decision(
    command: Command, referral_id: UUID, *, task_id: UUID, decision: IdentityDecision
) -> None:
    """A caseworker has compared the people of a task and says whether they are one.

    Both records stay as they are: what is wrong in one of them is put right by a correction. Two people are never
    proposed as one again. Raises NotFound for
    a task of another referral, and TransitionNotAllowed for one that does not ask to compare people.
    """
    _finish_task(command, referral_id, task_id, COMPARED_KINDS, {"decision": decision})


def _finish_task(
    command: Command, referral_id: UUID, task_id: UUID, kinds: frozenset[TaskKind], codes: dict[str, str]
) -> None:
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        task = session.get(Task, task_id)
        if task is None or task.referral_id != referral_id:
            raise NotFound
        if task.kind not in kinds:
            raise TransitionNotAllowed("This task ends by itself when what it asks for is done.")
        action = start_referral_action(session, command, referral_id)
        action.effect = ActionEffect.EVENTS_ONLY
        _refuse_unread_answers(action, task)
        if task.kind is TaskKind.CAME_OF_AGE:
            coming_of_age.refuse_without_answer(action, task)
        if action.finish_task(task_id):
            if codes.get("decision") == IdentityDecision.DIFFERENT_PEOPLE:
                mark_as_two(session, command, action.referral.person_id, _compared_people(session, task))
            action.add_timeline_entry("task.done", EventDetails(codes={"kind": task.kind, **codes}))
            action.record_audit("task.done", kind=task.kind, **codes)
            action.finish()


def _refuse_unread_answers(action: ReferralAction, task: Task) -> None:
    """A protective answer that could not be read is settled by a value or a reason, never by a tick."""
    if task.kind is TaskKind.FEED_CONFLICT and given_values.unread_protective_columns(action):
        raise TransitionNotAllowed(
            "Some protective answers could not be read. Use each value, or leave it empty with a reason, first."
        )


def _compared_people(session: Session, task: Task) -> list[UUID]:
    """The people of the task whom the actor could compare: of others nothing was said."""
    weighed = [item["person_id"] for item in task.details.get("people") or ()]
    named = {UUID(person_id) for person_id in (*weighed, *(task.details.get("person_ids") or ()))}
    seen = select(Person.id).where(Person.id.in_(named), Person.erased_at.is_(None))
    return sorted(session.scalars(seen))
