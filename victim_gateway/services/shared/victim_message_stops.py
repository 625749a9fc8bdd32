"""Stopping messages to a person in the transaction of a change: what waits is cancelled, what is leaving is waited for.

A message leaves in two steps: its row is claimed under the locks on the person and says until when its request may
begin (`start_before`), then the request begins before that moment or not at all. So a change that comes after the claim
is confirmed only when every such moment is over: no request begins after a change was confirmed.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, exists, func, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import bulk_insert
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.roles import take_actor_role
from victim_gateway.database.transaction import as_service, call_after_commit, note_left_messages
from victim_gateway.models import Person, SafeContactPlan, VictimMessage
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.victim_message_states import LEFT_STATES
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.victim_message_vocabulary import VictimMessageState
from victim_gateway.vocabulary import TaskKind

# How long after the claim a request may begin, by the clock of the database.
START_WINDOW = timedelta(seconds=3)
_LONGEST_WAIT_S = START_WINDOW.total_seconds() + 2
_LOOK_EVERY_S = 0.1
# How long before a change a message counts as one that the change came too late for.
SHORTLY_BEFORE = timedelta(minutes=10)


def stop_messages(session: Session, person_id: UUID, *, at: datetime, because: str) -> None:
    """Cancel what waits to be sent to the person, and have the confirmation wait for what is leaving.

    Call it behind the lock on the person or on a referral of theirs. As the service: a message may be about a referral
    that the actor may not see. `because` is a code for the audit. What was cancelled leaves a task, whoever asked for
    it: the change may be a harmless one, and then the message is still wanted.
    """
    cancelled = _cancel_waiting(session, is_record_of(VictimMessage.person_id, person_id), at, because)
    for row in cancelled:
        open_cancelled_task(session, row.id, row.referral_id, because=because, at=at)
    wait_for_leaving_messages(session, person_id)
    _wait_for_shared_details(session, person_id)


def stop_messages_of_records(
    session: Session, person_ids: Collection[UUID], *, at: datetime, because: str, asks_person: bool = False
) -> None:
    """Cancel what waits to be sent to many people, of whom every record is named. An import does not wait.

    `asks_person`: nobody was there to see it, so that each leaves a task to a caseworker.
    """
    if not person_ids:
        return
    cancelled = _cancel_waiting(
        session, bulk_insert.column_in(VictimMessage.person_id, person_ids), at, because
    )
    if asks_person:
        for row in cancelled:
            open_cancelled_task(session, row.id, row.referral_id, because=because, at=at)


def open_cancelled_task(
    session: Session, message_id: UUID, referral_id: UUID, *, because: str, at: datetime
) -> None:
    """Ask a caseworker to decide how the person is reached: what was to be sent was cancelled."""
    task = NewTask(
        kind=TaskKind.MESSAGE_TO_PERSON,
        referral_id=referral_id,
        dedupe_key=victim_message_task_key(message_id),
        details={"message": str(message_id), "state": VictimMessageState.CANCELLED.value, "because": because},
    )
    with as_service(session):
        tasks.open_task(session, task, at=at)
    next_action.refresh_next_actions(session, [referral_id], at=at)


def victim_message_task_key(message_id: UUID) -> str:
    """The dedupe key of the task that a message which did not reach the person leaves to a caseworker."""
    return f"message-to-person:{message_id}"


def stop_messages_of_referral(session: Session, referral_id: UUID, *, at: datetime, because: str) -> None:
    """Cancel what waits to be sent about one referral, which has ended or is held."""
    _cancel_waiting(session, VictimMessage.referral_id == referral_id, at, because)


def wait_for_leaving_messages(session: Session, person_id: UUID) -> None:
    """Have the caller wait, once this is committed, until no message to the person can begin to leave any more.

    One short statement for every action on a person's referral; it waits only where a message is leaving right now.
    What has left shortly before, by the clock of the database behind the locks, is kept for the page to say.
    """
    _wait_for(session, is_record_of(VictimMessage.person_id, person_id), person_id)


def lock_detail(session: Session, detail_hash: bytes) -> bool:
    """Have changes of plans with this number or address wait until this claim ends; False: one is going on.

    A claim does not wait here, so that no two ever wait for each other.
    """
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_detail_lock_key(detail_hash)))))


def _wait_for_shared_details(session: Session, person_id: UUID) -> None:
    """The same for messages to others by a number or e-mail address of this person: it may be called unsafe here."""
    with as_service(session):
        rows = session.execute(
            select(Person.phone_hashes, Person.email_hash).where(is_record_of(Person.id, person_id))
        ).all()
        plans = session.scalars(
            select(SafeContactPlan.detail_hashes).where(
                is_record_of(SafeContactPlan.person_id, person_id), SafeContactPlan.superseded_at.is_(None)
            )
        ).all()
        own = [each for row in rows for each in (*row.phone_hashes, row.email_hash) if each is not None]
        hashes = {*own, *(each for plan in plans for each in plan)}
        for each in sorted(hashes):
            session.execute(select(func.pg_advisory_xact_lock_shared(_detail_lock_key(each))))
    if hashes:
        _wait_for(session, VictimMessage.detail_hash.in_(sorted(hashes)), person_id)


def _detail_lock_key(detail_hash: bytes) -> int:
    return int.from_bytes(detail_hash[:8], "big", signed=True)


def _wait_for(session: Session, theirs: ColumnElement[bool], person_id: UUID) -> None:
    clock = func.clock_timestamp()
    shortly = select(
        VictimMessage.id, VictimMessage.person_id, and_(*_is_leaving()).label("is_leaving")
    ).where(
        theirs,
        VictimMessage.claimed_at > clock - SHORTLY_BEFORE,
        VictimMessage.state.in_((*LEFT_STATES, VictimMessageState.SENDING)),
    )
    with as_service(session):
        found = session.execute(shortly).all()
    leaving = [row.id for row in found if row.is_leaving]
    if found:
        note_left_messages(session, person_id)
    if leaving:
        call_after_commit(session, lambda committed: _wait_until_left(committed, leaving))


def _is_leaving() -> tuple[ColumnElement[bool], ...]:
    return (
        VictimMessage.state == VictimMessageState.SENDING,
        VictimMessage.start_before > func.clock_timestamp(),
    )


def _cancel_waiting(
    session: Session, theirs: ColumnElement[bool], at: datetime, because: str
) -> Sequence[Row[UUID, UUID, UUID]]:
    waiting = theirs, VictimMessage.state == VictimMessageState.QUEUED
    with as_service(session):
        if not session.scalar(select(exists().where(*waiting))):
            return ()
        cancelled = session.execute(
            update(VictimMessage)
            .where(*waiting)
            .values(state=VictimMessageState.CANCELLED, ended_at=at, problem=because)
            .returning(VictimMessage.id, VictimMessage.person_id, VictimMessage.referral_id),
            execution_options={"synchronize_session": False},
        ).all()
    for row in cancelled:
        record_audit(
            session,
            "victim_message.cancelled",
            subject_type="victim_message",
            subject_id=row.id,
            person_id=row.person_id,
            because=because,
        )
    return cancelled


def _wait_until_left(session: Session, message_ids: Sequence[UUID]) -> None:
    ends = time.monotonic() + _LONGEST_WAIT_S
    leaving = select(VictimMessage.id).where(VictimMessage.id.in_(message_ids), *_is_leaving())
    while time.monotonic() < ends:
        take_actor_role(session, Actor.worker("messages to people"))
        is_over = session.scalar(leaving.limit(1)) is None
        session.rollback()
        if is_over:
            return
        time.sleep(_LOOK_EVERY_S)
