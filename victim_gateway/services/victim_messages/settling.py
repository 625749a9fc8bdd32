"""What became of a message: accepted, put back, given up, or handed to a person. Forward only; each step audited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
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
from victim_gateway.services.victim_messages import sent_surveys
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageState
from victim_gateway.vocabulary import Channel, EventKind, Risk, TaskKind

# After so many tries to hand it over a person looks at it.
MOST_DELIVERIES = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 30, 1800
# How late Notify may list what it took, and how long after a first empty answer it is asked again.
_LISTED_WITHIN, _ASKED_AGAIN_AFTER = timedelta(minutes=15), timedelta(minutes=5)
_STATE = VictimMessageState
# In these we say that it did not leave.
_NEVER_LEFT = frozenset({_STATE.CANCELLED, _STATE.EXPIRED, _STATE.REFUSED, _STATE.FAILED})


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
        is_first_report = message.notify_status != record.status
        message.notify_status = record.status
        if message.state is reported.state:
            return False
        if not may_follow(message.state, reported.state):
            if is_first_report:
                _notice_late_report(session, message, reported.state, at=at)
            return False
        if has_other_template(message, record):
            _audit(session, message, "victim_message.other_template", version=record.template_version)
            message.problem = "It left with a wording that was not checked"
            open_message_task(session, message, at=at, is_urgent=True, because="other_template")
        message.accepted_at = message.accepted_at or at
        _change_state(session, message, reported.state, at=at, status=record.status)
        sent_surveys.log_sent_survey(session, message, at=at)
        if reported.needs_person:
            message.problem = f"Notify reports: {record.status}"
            open_message_task(session, message, at=at)
        return True


def has_other_template(message: VictimMessage, record: NotifyRecord) -> bool:
    """Whether Notify wrote it by another version of its template than the one that was checked."""
    return record.template_version is not None and message.template_version not in (
        None,
        record.template_version,
    )


def _notice_late_report(
    session: Session, message: VictimMessage, reported: VictimMessageState, *, at: datetime
) -> None:
    """Notify has it although we ended it: it may be on the person's telephone, and a person must know at once."""
    if message.state not in _NEVER_LEFT or reported is _STATE.FAILED:
        return
    _audit(session, message, "victim_message.left_after_all", status=message.notify_status)
    _append_event(session, message, "message_to_person.left_after_all", at=at)
    open_message_task(session, message, at=at, is_urgent=True, because="left_after_all")


def record_missing(actor: Actor, message_id: UUID, leased_until: datetime, *, at: datetime) -> None:
    """Notify says that it does not have it, which it may say of what it took a moment ago.

    Only a second answer like it, minutes later, settles it: an e-mail is sent again, of a text or a letter a person
    decides. By the clock of the database.
    """
    with transaction(actor) as session:
        message = lock_message(session, message_id)
        if message is None or not _is_ours(message, leased_until) or message.claimed_at is None:
            return
        now = session.scalars(select(func.clock_timestamp())).one()
        if now < message.claimed_at + _LISTED_WITHIN:
            message.leased_until = message.claimed_at + _LISTED_WITHIN
        elif message.missing_since is None:
            message.missing_since, message.leased_until = now, now + _ASKED_AGAIN_AFTER
        elif now < message.missing_since + _ASKED_AGAIN_AFTER:
            message.leased_until = message.missing_since + _ASKED_AGAIN_AFTER
        else:
            _end_missing(session, message, at=at)


def _end_missing(session: Session, message: VictimMessage, *, at: datetime) -> None:
    problem = "Notify says twice that it does not have it"
    if message.channel is not Channel.EMAIL or message.deliveries >= MOST_DELIVERIES:
        _park(session, message, at=at, problem=problem)
        return
    message.problem, message.next_try_at = problem, at + retry_delay(message.deliveries, message.id)
    _change_state(session, message, _STATE.QUEUED, at=at, problem=problem)


def park_unanswerable(actor: Actor, message_id: UUID, *, at: datetime) -> None:
    """Nothing that could be asked about it is set up any more: a person decides."""
    with transaction(actor) as session:
        message = lock_message(session, message_id)
        if message is not None and message.state is _STATE.SENDING:
            _park(session, message, at=at, problem="Notify is not set up any more and can't be asked")


def settle_mail_accepted(actor: Actor, message_id: UUID, *, at: datetime) -> None:
    """The mail server took it; it says no more."""
    with transaction(actor) as session:
        message = lock_message(session, message_id)
        if message is not None and may_follow(message.state, _STATE.ACCEPTED):
            message.accepted_at = at
            _change_state(session, message, _STATE.ACCEPTED, at=at)
            sent_surveys.log_sent_survey(session, message, at=at)


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
            delay = retry_delay(message.deliveries, message.id)
            message.leased_until = max(
                leased_until, session.scalars(select(func.clock_timestamp() + delay)).one()
            )


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


def open_message_task(
    session: Session,
    message: VictimMessage,
    *,
    at: datetime,
    is_urgent: bool = False,
    because: str | None = None,
) -> None:
    """Ask a caseworker to reach the person otherwise; the same day where the risk is high or not judged, or urgent."""
    referral = session.get_one(Referral, message.referral_id)
    details: Mapping[str, Any] = {
        "message": str(message.id),
        "message_kind": message.kind.value,
        "channel": message.channel.value,
        "state": message.state.value,
        "refusal": message.refusal.value if message.refusal else None,
    } | ({"because": because} if because else {})
    task = NewTask(
        kind=TaskKind.MESSAGE_TO_PERSON,
        referral_id=message.referral_id,
        dedupe_key=victim_message_task_key(message.id) + (f":{because}" if because else ""),
        details=details,
        is_urgent=is_urgent or needs_seniors_yes(referral.risk) or referral.domestic_abuse,
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
        _append_event(session, message, _EVENTS[state], at=at)


def _append_event(session: Session, message: VictimMessage, event: str, *, at: datetime) -> None:
    codes = {"message_kind": message.kind.value, "channel": message.channel.value}
    if message.refusal is not None:
        codes["refusal"] = message.refusal.value
    append_case_event_without_clocks(
        session,
        NewCaseEvent(
            referral_id=message.referral_id,
            event=event,
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
