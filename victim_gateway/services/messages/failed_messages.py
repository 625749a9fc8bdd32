"""An e-mail that could not be delivered: a task for whoever can tell its reader otherwise, and how it ends.

One open task for a provider's mailbox and one onward referral, and one for a member of staff's mailbox, however
many e-mails failed: thirty bounced reminders are one thing to put right. The task keeps ids, codes and the mail
server's number, never an address.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, select, update
from sqlalchemy.orm import Session

from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import Message, OnwardReferral, ProviderNotice, Reminder, Task, User
from victim_gateway.services.messages.digest_contents import most_urgent_reminder
from victim_gateway.services.shared import next_action, submissions, tasks
from victim_gateway.services.shared.case_action import ActionEffect, EventDetails, start_referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import PROVIDER_ROLES, MessageState, Role, TaskKind, TaskName

NO_ACCOUNT = "Nobody at the provider has an account that sees this service"
GIVEN_UP = (MessageState.FAILED, MessageState.PARKED)
CONTACTED_OTHERWISE = "A caseworker told the reader in another way"


def open_failure_tasks(session: Session, message_ids: Sequence[UUID], *, at: datetime) -> None:
    """Ask for each e-mail that was given up to be dealt with. As the service; in the transaction that gives up."""
    if not message_ids:
        return
    touched = []
    for found in session.execute(_failed(message_ids)).all():
        row: Any = found if found.digest_on is None else _of_digest(session, found, at)
        # What belongs to no referral, as a file that has not come in, has the administrator's page alone.
        if row.referral_id is None:
            continue
        is_provider = row.role in PROVIDER_ROLES and row.onward_referral_id is not None
        key = f"onward:{row.onward_referral_id}" if is_provider else f"user:{row.user_id}"
        _open_task(
            session,
            key,
            row.referral_id,
            row.onward_referral_id if is_provider else None,
            details={"messages": [str(row.id)], "about": row.about, "problem": row.problem},
            at=at,
        )
        touched.append(row.referral_id)
    next_action.refresh_next_actions(session, sorted(set(touched)), at=at)


def open_unaddressed_task(
    session: Session, notice: ProviderNotice, referral_id: UUID, *, at: datetime
) -> None:
    """Ask a caseworker to tell a provider by telephone: nobody there has an account to be written to."""
    _open_task(
        session,
        f"onward:{notice.onward_referral_id}",
        referral_id,
        notice.onward_referral_id,
        details={"messages": [], "about": notice.kind.value, "problem": NO_ACCOUNT},
        at=at,
    )


def retry_failed_messages(command: Command, referral_id: UUID, *, task_id: UUID) -> int:
    """Try the e-mails of a task again, from now; how many. The task is done: another failure opens a new one.

    Raises NotFound for a task of another referral, TransitionNotAllowed where nothing is left to be sent, or
    where no mail server is set.
    """
    if current_settings().smtp_url is None:
        raise TransitionNotAllowed("No way to send e-mail is set up, so nothing can be tried again.")
    return _settle_task(command, referral_id, task_id, retry=True)


def record_other_contact(command: Command, referral_id: UUID, *, task_id: UUID, how: str) -> None:
    """The caseworker has told the reader in another way; says how. Raises as `retry_failed_messages` does."""
    if not how.strip():
        message = "Say how you told them, and when"
        raise InvalidInput(message, fields={"how": message})
    _settle_task(command, referral_id, task_id, retry=False, text=how.strip())


@dataclass(frozen=True, slots=True)
class _FailedDigest:
    """A digest that was given up, with the most urgent of what it is about: there a person sees that it failed."""

    id: UUID
    problem: str | None
    user_id: UUID
    role: Role
    onward_referral_id: UUID | None
    referral_id: UUID | None
    about: str = "digest"


def _of_digest(session: Session, row: Any, at: datetime) -> _FailedDigest:
    first = most_urgent_reminder(session, row.user_id, at)
    return _FailedDigest(
        id=row.id,
        problem=row.problem,
        user_id=row.user_id,
        role=row.role,
        onward_referral_id=first.onward_referral_id if first else None,
        referral_id=first.referral_id if first else None,
    )


def _failed(message_ids: Sequence[UUID]) -> Any:
    return (
        select(
            Message.id,
            Message.problem,
            Message.digest_on,
            User.id.label("user_id"),
            User.role,
            func.coalesce(ProviderNotice.onward_referral_id, Reminder.onward_referral_id).label(
                "onward_referral_id"
            ),
            func.coalesce(OnwardReferral.referral_id, Reminder.referral_id).label("referral_id"),
            func.coalesce(cast(ProviderNotice.kind, Text), cast(Reminder.kind, Text)).label("about"),
        )
        .join(User, User.id == Message.recipient_user_id)
        .outerjoin(Reminder, Reminder.id == Message.reminder_id)
        .outerjoin(ProviderNotice, ProviderNotice.id == Message.notice_id)
        .outerjoin(OnwardReferral, OnwardReferral.id == ProviderNotice.onward_referral_id)
        .where(Message.id.in_(message_ids))
        .order_by(Message.created_at, Message.id)
    )


def _open_task(
    session: Session,
    key: str,
    referral_id: UUID,
    onward_referral_id: UUID | None,
    *,
    details: dict[str, Any],
    at: datetime,
) -> None:
    dedupe_key = f"{TaskKind.MESSAGE_FAILED.value}:{key}"
    before = session.scalar(select(Task.details).where(Task.dedupe_key == dedupe_key, Task.done_at.is_(None)))
    messages = [*(before or {}).get("messages", ()), *details["messages"]]
    task = NewTask(
        kind=TaskKind.MESSAGE_FAILED,
        referral_id=referral_id,
        dedupe_key=dedupe_key,
        onward_referral_id=onward_referral_id,
        details={**details, "messages": list(dict.fromkeys(messages))},
    )
    tasks.open_task(session, task, at=at)


def _settle_task(
    command: Command, referral_id: UUID, task_id: UUID, *, retry: bool, text: str | None = None
) -> int:
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        task = session.get(Task, task_id)
        if task is None or task.referral_id != referral_id or task.kind is not TaskKind.MESSAGE_FAILED:
            raise NotFound
        ids = [UUID(message_id) for message_id in task.details.get("messages", ())]
        action = start_referral_action(session, command, referral_id)
        action.effect = ActionEffect.EVENTS_ONLY
        with as_service(session):
            count = _requeue(session, ids, command.at) if retry else _give_up(session, ids)
        if retry and not count:
            raise TransitionNotAllowed("There is no e-mail to try again: tell them in another way.")
        if action.finish_task(task_id):
            codes = {"kind": task.kind, "retried": retry}
            action.add_timeline_entry("task.done", EventDetails(text=text, codes=codes))
            action.record_audit("task.done", **codes)
            action.finish()
    return count


def _requeue(session: Session, ids: Collection[UUID], at: datetime) -> int:
    values = {"state": MessageState.QUEUED, "next_attempt_at": at, "attempts": 0, "uncertain_sends": 0}
    queued = session.execute(
        update(Message)
        .where(Message.id.in_(ids), Message.state.in_(GIVEN_UP))
        .values(**values, problem=None)
        .returning(Message.id)
    ).all()
    if queued:
        enqueue_task(session, TaskName.SEND_MESSAGE, at)
    return len(queued)


def _give_up(session: Session, ids: Collection[UUID]) -> int:
    given_up = session.execute(
        update(Message)
        .where(Message.id.in_(ids), Message.state.in_(GIVEN_UP))
        .values(state=MessageState.NOT_SENT, problem=CONTACTED_OTHERWISE)
        .returning(Message.id)
    ).all()
    return len(given_up)
