"""What became of a message: accepted, put back, given up, or handed to a person. Forward only; each step audited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.integrations.notify import NotifyRecord
from victim_gateway.models import Referral, VictimMessage
from victim_gateway.rules.victim_message_gate import needs_seniors_yes, refusal_text
from victim_gateway.rules.victim_message_states import FINAL_STATES, may_follow, read_status
from victim_gateway.services.compliance.case_events import NewCaseEvent, append_case_event_without_clocks
from victim_gateway.services.shared import case_locks, next_action, tasks
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.services.shared.victim_message_stops import victim_message_task_key
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageState
from victim_gateway.vocabulary import EventKind, Risk, TaskKind

# After so many tries to hand it over a person looks at it.
MOST_DELIVERIES = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 30, 1800
_STATE = VictimMessageState


def retry_delay(deliveries: int, message_id: UUID) -> timedelta:
    """Twice as long each time, up to half an hour, and up to half of it more, by message: they spread out."""
    seconds = min(_FIRST_WAIT_S * 2 ** max(deliveries - 1, 0), _LONGEST_WAIT_S)
    return timedelta(seconds=seconds * (1 + message_id.int % 1000 / 2000))


def settle_record(actor: Actor, message_id: UUID, record: NotifyRecord, *, at: datetime) -> bool:
    """Take over what Notify says of a message; False where nothing changed. Final states stay."""
    reported = read_status(record.status)
    if reported is None:
        return False
    with transaction(actor) as session:
        message = lock_message(session, message_id)
        if message is None:
            return False
        message.notify_id = message.notify_id or record.notify_id
        message.notify_status = record.status
        if message.state is reported.state or not may_follow(message.state, reported.state):
            return False
        if record.template_version is not None and message.template_version not in (
            None,
            record.template_version,
        ):
            _audit(session, message, "victim_message.other_template", version=record.template_version)
        message.accepted_at = message.accepted_at or at
        _change_state(session, message, reported.state, at=at, status=record.status)
        if reported.needs_person:
            message.problem = f"Notify reports: {record.status}"
            open_message_task(session, message, at=at)
        return True


def settle_mail_accepted(actor: Actor, message_id: UUID, *, at: datetime) -> None:
    """The mail server took it; it says no more."""
    with transaction(actor) as session:
        message = lock_message(session, message_id)
        if message is not None and may_follow(message.state, _STATE.ACCEPTED):
            message.accepted_at = at
            _change_state(session, message, _STATE.ACCEPTED, at=at)


def put_back(
    actor: Actor, message_id: UUID, leased_until: datetime, *, at: datetime, problem: str, counts: bool = True
) -> None:
    """It surely was not accepted: back to the queue, later each time, or to a person after five tries.

    `counts` is False where it was not even tried: its moment was over before it began.
    """
    with transaction(actor) as session:
        message = lock_message(session, message_id)
        if message is None or not _is_ours(message, leased_until):
            return
        if not counts:
            message.deliveries -= 1
        if message.deliveries >= MOST_DELIVERIES:
            _park(session, message, at=at, problem=problem)
            return
        wait = retry_delay(message.deliveries, message.id) if counts else timedelta(seconds=5)
        message.problem, message.next_try_at = problem, at + wait
        _change_state(session, message, _STATE.QUEUED, at=at, problem=problem)


def put_off_unreadable(actor: Actor, message_id: UUID, *, at: datetime, problem: str) -> None:
    """It could not be judged: it counts as a try, so that it holds nobody up, and after five a person looks."""
    with transaction(actor) as session:
        message = lock_message(session, message_id)
        if message is None or message.state is not _STATE.QUEUED:
            return
        message.deliveries, message.problem = message.deliveries + 1, problem
        if message.deliveries >= MOST_DELIVERIES:
            _park(session, message, at=at, problem=problem)
        else:
            message.next_try_at = at + retry_delay(message.deliveries, message.id)


def wait_for_answer(
    actor: Actor, message_id: UUID, leased_until: datetime, *, at: datetime, problem: str
) -> None:
    """Nobody knows whether it was accepted: it stays as it is until Notify was asked by its reference."""
    with transaction(actor) as session:
        message = lock_message(session, message_id)
        if message is not None and _is_ours(message, leased_until):
            message.problem = problem
            message.leased_until = max(leased_until, at + retry_delay(message.deliveries, message.id))


def mark_perhaps_sent(actor: Actor, message_id: UUID, *, at: datetime, problem: str) -> None:
    """A mail server can't be asked: a person decides whether it is sent again."""
    _end(actor, message_id, _STATE.PERHAPS_SENT, at=at, problem=problem)


def mark_message_failed(actor: Actor, message_id: UUID, *, at: datetime, problem: str) -> None:
    """It will never be accepted: a person reaches the person otherwise. No other channel is tried."""
    _end(actor, message_id, _STATE.FAILED, at=at, problem=problem)


def refuse_in_claim(
    session: Session,
    message: VictimMessage,
    refusal: MessageRefusal,
    *,
    at: datetime,
    risk: Risk | None = None,
) -> None:
    """The gate did not let it through: it ends, and a task follows where a person has to do something."""
    if refusal is MessageRefusal.EXPIRED:
        _change_state(session, message, _STATE.EXPIRED, at=at)
        open_message_task(session, message, at=at)
        return
    message.refusal = refusal
    _change_state(session, message, _STATE.REFUSED, at=at, refusal=refusal.value)
    if refusal_text(message.kind, refusal).asks_person:
        open_message_task(session, message, at=at)


def expire_message(session: Session, message: VictimMessage, *, at: datetime) -> None:
    """What it was about is past: it is never sent late, and is listed for a person. Its row is locked."""
    _change_state(session, message, _STATE.EXPIRED, at=at)
    open_message_task(session, message, at=at)


def park_message(session: Session, message: VictimMessage, *, at: datetime, problem: str) -> None:
    """Too many tries: nothing more happens by itself. Its row is locked."""
    _park(session, message, at=at, problem=problem)


def lock_message(session: Session, message_id: UUID) -> VictimMessage | None:
    """The message, locked after its referral, as everywhere; None where there is none."""
    referral_id = session.scalar(select(VictimMessage.referral_id).where(VictimMessage.id == message_id))
    if referral_id is None:
        return None
    case_locks.lock_referral_row(session, referral_id)
    return session.get_one(VictimMessage, message_id, with_for_update=True, populate_existing=True)


def open_message_task(session: Session, message: VictimMessage, *, at: datetime) -> None:
    """Ask a caseworker to reach the person otherwise; the same day where the risk is high or not judged."""
    referral = session.get_one(Referral, message.referral_id)
    details: Mapping[str, Any] = {
        "message": str(message.id),
        "message_kind": message.kind.value,
        "channel": message.channel.value,
        "state": message.state.value,
        "refusal": message.refusal.value if message.refusal else None,
    }
    task = NewTask(
        kind=TaskKind.MESSAGE_TO_PERSON,
        referral_id=message.referral_id,
        dedupe_key=victim_message_task_key(message.id),
        details=details,
        is_urgent=needs_seniors_yes(referral.risk) or referral.domestic_abuse,
    )
    session.flush()
    tasks.open_task(session, task, at=at)
    next_action.refresh_next_actions(session, [message.referral_id], at=at)


def finish_message_task(session: Session, message_id: UUID, *, at: datetime) -> None:
    """A person has decided about the message."""
    tasks.finish_task(session, victim_message_task_key(message_id), at=at)


def change_message_state(
    session: Session, message: VictimMessage, state: VictimMessageState, *, at: datetime, **details: Any
) -> None:
    """Move a locked message forward, with its entry in the audit and on the timeline."""
    _change_state(session, message, state, at=at, **details)


def _is_ours(message: VictimMessage, leased_until: datetime) -> bool:
    """Another worker may have asked Notify meanwhile and settled it."""
    return message.state is _STATE.SENDING and message.leased_until == leased_until


def _end(actor: Actor, message_id: UUID, state: VictimMessageState, *, at: datetime, problem: str) -> None:
    with transaction(actor) as session:
        message = lock_message(session, message_id)
        if message is None or not may_follow(message.state, state):
            return
        message.problem = problem
        _change_state(session, message, state, at=at, problem=problem)
        open_message_task(session, message, at=at)


def _park(session: Session, message: VictimMessage, *, at: datetime, problem: str) -> None:
    message.problem = problem
    _change_state(session, message, _STATE.PARKED, at=at, problem=problem)
    open_message_task(session, message, at=at)


_EVENTS = {
    _STATE.ACCEPTED: "message_to_person.left",
    _STATE.DELIVERED: "message_to_person.delivered",
    _STATE.FAILED: "message_to_person.failed",
    _STATE.REFUSED: "message_to_person.refused",
    _STATE.EXPIRED: "message_to_person.expired",
    _STATE.PARKED: "message_to_person.parked",
    _STATE.PERHAPS_SENT: "message_to_person.perhaps_sent",
}


def _change_state(
    session: Session, message: VictimMessage, state: VictimMessageState, *, at: datetime, **details: Any
) -> None:
    message.state = state
    if state is not _STATE.SENDING:
        message.leased_until = None
    if state in FINAL_STATES:
        message.ended_at = at
    session.flush()
    _audit(session, message, f"victim_message.{state.value}", **details)
    if state in _EVENTS:
        codes = {"message_kind": message.kind.value, "channel": message.channel.value}
        if message.refusal is not None:
            codes["refusal"] = message.refusal.value
        append_case_event_without_clocks(
            session,
            NewCaseEvent(
                referral_id=message.referral_id,
                event=_EVENTS[state],
                kind=EventKind.STORY,
                occurred_at=at,
                recorded_at=at,
                details=codes,
            ),
        )


def _audit(session: Session, message: VictimMessage, audit_action: str, **details: Any) -> None:
    record_audit(
        session,
        audit_action,
        subject_type="victim_message",
        subject_id=message.id,
        person_id=message.person_id,
        kind=message.kind.value,
        channel=message.channel.value,
        **details,
    )
