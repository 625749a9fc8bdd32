"""E-mails that were tried five times and wait for a person, who tries again or gives up and has the reader told."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.models import Message
from victim_gateway.services.messages import failed_messages
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import MessageState, TaskName

_DEALT_WITH = "Somebody has dealt with this e-mail since you opened the page."


def retry_parked_email(command: Command, message_id: UUID) -> None:
    """Try a parked e-mail again from now, with five tries.

    Raises NotFound, or TransitionNotAllowed where it waits no more or no mail server is set.
    """
    if current_settings().smtp_url is None:
        raise TransitionNotAllowed("No way to send e-mail is set up, so nothing can be tried again.")
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        with as_service(session):
            ids = _lock_parked(session, message_id)
            session.execute(
                update(Message)
                .where(Message.id.in_(ids))
                .values(
                    state=MessageState.QUEUED,
                    next_attempt_at=command.at,
                    attempts=0,
                    uncertain_sends=0,
                    problem=None,
                )
            )
            enqueue_task(session, TaskName.SEND_MESSAGE, command.at)
        _audit(session, "message.tried_again", message_id, ids)


def give_up_parked_email(command: Command, message_id: UUID) -> None:
    """Give a parked e-mail up: whoever looks after the referral has a task to tell its reader in another way.

    Raises NotFound, or TransitionNotAllowed where it waits no more.
    """
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        with as_service(session):
            ids = _lock_parked(session, message_id)
            session.execute(update(Message).where(Message.id.in_(ids)).values(state=MessageState.FAILED))
            failed_messages.open_failure_tasks(session, ids, at=command.at)
        _audit(session, "message.given_up", message_id, ids)


def _lock_parked(session: Session, message_id: UUID) -> Sequence[UUID]:
    """The rows of the e-mail, which leave and stay together."""
    message = session.get(Message, message_id)
    if message is None:
        raise NotFound
    is_it = Message.id == message_id
    same = is_it if message.parcel_id is None else or_(is_it, Message.parcel_id == message.parcel_id)
    ids = session.scalars(
        select(Message.id).where(same, Message.state == MessageState.PARKED).with_for_update()
    ).all()
    if message_id not in ids:
        raise TransitionNotAllowed(_DEALT_WITH)
    return ids


def _audit(session: Session, action: str, message_id: UUID, ids: Sequence[UUID]) -> None:
    record_audit(session, action, subject_type="message", subject_id=message_id, count=len(ids))
