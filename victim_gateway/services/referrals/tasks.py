"""A caseworker's answer to a task of a referral."""

from __future__ import annotations

from uuid import UUID

from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.models import Task
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.case_action import ActionEffect, EventDetails, start_referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import TaskKind

# The rest end by being done: a plan recorded, a question answered, a decline decided on.
TICK_OFF_KINDS = frozenset(
    {TaskKind.FEED_CONFLICT, TaskKind.POSSIBLE_SAME_PERSON, TaskKind.SERVICE_ENDED, TaskKind.OFFER_EXPIRED}
)


def tick_off_task(command: Command, referral_id: UUID, *, task_id: UUID) -> None:
    """A caseworker says that a task of a referral is dealt with; a task done already stays done.

    Raises NotFound for a task of another referral, as for one that does not exist, and TransitionNotAllowed
    for a task that only ends by doing what it asks.
    """
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        task = session.get(Task, task_id)
        if task is None or task.referral_id != referral_id:
            raise NotFound
        if task.kind not in TICK_OFF_KINDS:
            raise TransitionNotAllowed("This task ends by itself when what it asks for is done.")
        action = start_referral_action(session, command, referral_id)
        action.effect = ActionEffect.EVENTS_ONLY
        if action.finish_task(task_id):
            action.add_timeline_entry("task.done", EventDetails(codes={"kind": task.kind}))
            action.record_audit("task.done", kind=task.kind)
            action.finish()
