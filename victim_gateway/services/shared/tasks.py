"""Tasks: what the program will not decide by itself, so that a person must."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import actor_of, transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.models import Task
from victim_gateway.rules.task_due_dates import task_due_on
from victim_gateway.services.shared import referral_steps, submissions
from victim_gateway.vocabulary import TaskKind

# The rest end by being done: a plan recorded, a question answered, a decline decided on.
TICK_OFF_KINDS = frozenset(
    {TaskKind.FEED_CONFLICT, TaskKind.POSSIBLE_SAME_PERSON, TaskKind.SERVICE_ENDED, TaskKind.OFFER_EXPIRED}
)


def open_task(
    session: Session,
    kind: TaskKind,
    referral_id: UUID,
    *,
    dedupe_key: str,
    at: datetime,
    onward_referral_id: UUID | None = None,
    details: dict[str, Any] | None = None,
) -> UUID:
    """Ask a caseworker to do something; while the same is asked already, its details change and no date gets later.

    `details` name fields and codes, never values. For an actor who may not write tasks: inside `as_service`.
    """
    statement = insert(Task).values(
        **new_task_values(kind, referral_id, dedupe_key, at=at, details=details),
        onward_referral_id=onward_referral_id,
    )
    task_id: UUID = session.execute(
        statement.on_conflict_do_update(
            index_elements=[Task.dedupe_key],
            index_where=text("done_at IS NULL"),
            set_={
                "details": statement.excluded.details,
                "due_on": func.least(Task.due_on, statement.excluded.due_on),
            },
        ).returning(Task.id)
    ).scalar_one()
    return task_id


def new_task_values(
    kind: TaskKind, referral_id: UUID, dedupe_key: str, *, at: datetime, details: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One row of `Task`, due as its kind is: for `open_task`, and for imports, which open many at once."""
    return {
        "id": uuid4(),
        "kind": kind,
        "referral_id": referral_id,
        "dedupe_key": dedupe_key,
        "details": details or {},
        "created_at": at,
        "due_on": task_due_on(kind, at),
    }


def safe_contact_check_key(person_id: UUID) -> str:
    """The dedupe key of the safe-contact check: one open check for a person, whichever referral it came with."""
    return f"safe-contact:{person_id}"


def finish_task(session: Session, task: UUID | str, *, at: datetime) -> bool:
    """Mark the open task of this id or dedupe key as done; False when there was none."""
    named = Task.id == task if isinstance(task, UUID) else Task.dedupe_key == task
    statement = (
        update(Task)
        .where(named, Task.done_at.is_(None))
        .values(done_at=at, done_by_id=actor_of(session).user_id)
        .returning(Task.id)
    )
    return session.execute(statement).first() is not None


def tick_off_task(task_id: UUID, *, actor: Actor, at: datetime, submission_id: UUID | None = None) -> UUID:
    """A caseworker says that a task is dealt with. Gives the referral's id; a task done already stays done.

    Raises TransitionNotAllowed for a task that only ends by doing what it asks.
    """
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        task = session.get(Task, task_id)
        if task is None:
            raise NotFound
        if task.kind not in TICK_OFF_KINDS:
            raise TransitionNotAllowed("This task ends by itself when what it asks for is done.")
        referral = referral_steps.lock_referral(session, task.referral_id)
        if finish_task(session, task_id, at=at):
            referral_steps.add_timeline_entry(
                session, referral, "task.done", at=at, details={"kind": task.kind}
            )
            referral_steps.audit_referral(session, "task.done", referral, kind=task.kind)
            referral_steps.refresh_clocks_and_next_action(session, referral, at=at)
        return task.referral_id
