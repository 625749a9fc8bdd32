"""A caseworker's answer to a task of a referral."""

from __future__ import annotations

from uuid import UUID

from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.models import Task
from victim_gateway.services.referrals import given_values
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
TICK_OFF_KINDS = frozenset({TaskKind.FEED_CONFLICT, TaskKind.SERVICE_ENDED, TaskKind.OFFER_EXPIRED})
COMPARED_KINDS = frozenset({TaskKind.POSSIBLE_SAME_PERSON, TaskKind.REFERENCE_CONFLICT})


def tick_off_task(command: Command, task_id: UUID) -> UUID:
    """A caseworker says that a task is dealt with. Gives the referral's id; a task done already stays done.

    Raises TransitionNotAllowed for a task that only ends by doing what it asks.
    """
    return _finish_task(command, task_id, TICK_OFF_KINDS, {})


def record_identity_decision(command: Command, task_id: UUID, decision: IdentityDecision) -> UUID:
    """A caseworker has compared the people of a task and says whether they are one. Gives the referral's id.

    Both records stay as they are: what is wrong in one of them is put right by a correction. Raises
    TransitionNotAllowed for a task that does not ask to compare people.
    """
    return _finish_task(command, task_id, COMPARED_KINDS, {"decision": decision})


def _finish_task(command: Command, task_id: UUID, kinds: frozenset[TaskKind], codes: dict[str, str]) -> UUID:
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        task = session.get(Task, task_id)
        if task is None:
            raise NotFound
        if task.kind not in kinds:
            raise TransitionNotAllowed("This task ends by itself when what it asks for is done.")
        action = start_referral_action(session, command, task.referral_id)
        action.effect = ActionEffect.EVENTS_ONLY
        _refuse_unread_answers(action, task)
        if action.finish_task(task_id):
            action.add_timeline_entry("task.done", EventDetails(codes={"kind": task.kind, **codes}))
            action.record_audit("task.done", kind=task.kind, **codes)
            action.finish()
        return task.referral_id


def _refuse_unread_answers(action: ReferralAction, task: Task) -> None:
    """A protective answer that could not be read is settled by a value or a reason, never by a tick."""
    if task.kind is TaskKind.FEED_CONFLICT and given_values.unread_protective_columns(action):
        raise TransitionNotAllowed(
            "Some protective answers could not be read. Use each value, or leave it empty with a reason, first."
        )
