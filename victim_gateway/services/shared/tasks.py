"""Tasks: what the program will not decide by itself, so that a person must."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from victim_gateway.database.transaction import actor_of
from victim_gateway.models import Task
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.task_due_dates import task_due_on
from victim_gateway.vocabulary import TaskKind


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """Something to ask of a caseworker. `details` name fields and codes, never values.

    One open task has a `dedupe_key`: asked again while it is open, its details change and no date gets later.
    """

    kind: TaskKind
    referral_id: UUID
    dedupe_key: str
    onward_referral_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    is_urgent: bool = False
    due_on: date | None = None
    """The day where the area sets it; None: as its kind is due."""


def open_task(session: Session, task: NewTask, *, at: datetime) -> UUID:
    """Ask a caseworker to do something. For an actor who may not write tasks: inside `as_service`."""
    values = new_task_values(
        task.kind,
        task.referral_id,
        task.dedupe_key,
        at=at,
        details=dict(task.details),
        is_urgent=task.is_urgent,
    )
    if task.due_on is not None:
        values["due_on"] = task.due_on
    statement = insert(Task).values(**values, onward_referral_id=task.onward_referral_id)
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
    kind: TaskKind,
    referral_id: UUID,
    dedupe_key: str,
    *,
    at: datetime,
    details: dict[str, Any] | None = None,
    is_urgent: bool = False,
) -> dict[str, Any]:
    """One row of `Task`, due as its kind is: for `open_task`, and for imports, which open many at once."""
    return {
        "id": new_row_id(),
        "kind": kind,
        "referral_id": referral_id,
        "dedupe_key": dedupe_key,
        "details": details or {},
        "created_at": at,
        "due_on": task_due_on(kind, at, is_urgent=is_urgent),
    }


SAFE_CONTACT_CHECK_PREFIX = "safe-contact:"


def safe_contact_check_key(person_id: UUID) -> str:
    """The dedupe key of the safe-contact check: one open check for a person, whichever referral it came with."""
    return f"{SAFE_CONTACT_CHECK_PREFIX}{person_id}"


def restorative_wish_key(referral_id: UUID) -> str:
    """The dedupe key of the task that follows from a person's wish for restorative justice."""
    return f"restorative-justice:{referral_id}"


def restorative_decision_key(referral_id: UUID) -> str:
    """The dedupe key of the question to a senior caseworker about restorative justice."""
    return f"restorative-justice-decision:{referral_id}"


def review_key(referral_id: UUID) -> str:
    """The dedupe key of a senior's review: one open review for a referral, of its last assessment."""
    return f"high-risk-review:{referral_id}"


def assess_again_key(referral_id: UUID) -> str:
    """The dedupe key of the task that follows from an assessment a senior sent back."""
    return f"assess-again:{referral_id}"


def marac_key(referral_id: UUID) -> str:
    """The dedupe key of the question whether the person is referred to MARAC."""
    return f"marac:{referral_id}"


def child_safeguarding_key(referral_id: UUID) -> str:
    """The dedupe key of a safeguarding referral that has to be made for children."""
    return f"child-safeguarding:{referral_id}"


def progress_note_key(note_id: UUID) -> str:
    """The dedupe key of the task to read one note that a provider shared."""
    return f"{TaskKind.PROGRESS_UNREAD.value}:{note_id}"


def open_task_exists(
    prefix: str, row_id: ColumnElement[UUID] | InstrumentedAttribute[UUID]
) -> ColumnElement[bool]:
    """Whether a task is open whose dedupe key is this prefix and the id of the outer statement's row."""
    key = func.concat(prefix, cast(row_id, Text))
    return select(Task.id).where(Task.dedupe_key == key, Task.done_at.is_(None)).exists()


def finish_task(session: Session, task: UUID | str, *, at: datetime) -> bool:
    """Mark the open task of this id or dedupe key as done; False when there was none."""
    return finish_tasks(
        session, Task.id == task if isinstance(task, UUID) else Task.dedupe_key == task, at=at
    )


def finish_tasks(session: Session, named: ColumnElement[bool], *, at: datetime) -> bool:
    """Mark the open tasks of a condition as done, in one statement; False when there was none."""
    statement = (
        update(Task)
        .where(named, Task.done_at.is_(None))
        .values(done_at=at, done_by_id=actor_of(session).user_id)
        .returning(Task.id)
    )
    return session.execute(statement).first() is not None
