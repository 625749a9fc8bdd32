"""One transaction per business action: the actor's database role, its audit entries, then its tasks.

Every read or write of the database goes through `transaction(actor)`. It takes the role of the actor's kind
for this transaction only, and writes the audit entries that were recorded just before it commits: if they
can't be written, nothing was done and nothing was seen.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from celery.exceptions import QueueNotFound
from flask import current_app
from kombu.exceptions import EncodeError, OperationalError
from sqlalchemy import insert, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import Settings
from victim_gateway import bulk
from victim_gateway.actors import Actor
from victim_gateway.crypto import BlindIndex, Keyring
from victim_gateway.extensions import celery, db
from victim_gateway.vocabulary import DatabaseRole, TaskName

log = structlog.get_logger()

AUDIT_LOCK = 7_301_001
# From here on COPY is quicker; it stages the rows, for which only the worker's role has the right.
MANY_AUDIT_ENTRIES = 100
_BROKER_AWAY_UNTIL = "broker_away_until"
_LEFT_TO_THE_SWEEP_S = 30.0
_STATE = "gateway"
_SET_ROLE = text("SELECT set_config('role', :role, true)")


class BrokerAway(Exception):
    """Nothing can be handed to the broker now; the outbox keeps it."""


class Unpublishable(Exception):
    """A task that no broker would take as it is."""


@dataclass
class AuditRecord:
    """What one entry of the audit says, before it is chained."""

    action: str
    subject_type: str | None
    subject_id: UUID | None
    person_id: UUID | None
    details: dict[str, Any]


@dataclass
class _State:
    actor: Actor
    audit: list[AuditRecord] = field(default_factory=list)
    tasks: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    service_blocks: int = 0
    is_broken: bool = False


@contextmanager
def transaction(actor: Actor) -> Iterator[Session]:
    """A session in which the actor's role and row-level security hold; commits, then publishes tasks.

    On any error nothing is kept and nothing is published. It refuses to nest: shared steps take `session`.
    """
    session = db.session()
    if _STATE in session.info:
        raise RuntimeError("a transaction is already open; pass its session on")
    # Objects of an earlier transaction must not answer for rows that may have changed since.
    session.expunge_all()
    state = session.info[_STATE] = _State(actor)
    try:
        _take_role(session, actor)
        yield session
        if state.is_broken:
            raise RuntimeError("what was done as the service failed: nothing of this transaction may be kept")
        session.flush()
        _write_audit(session, state)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.info[_STATE]
    if state.tasks:
        _publish(session, state.tasks)


def actor_of(session: Session) -> Actor:
    """The actor of the open transaction."""
    state: _State = session.info[_STATE]
    return state.actor


@contextmanager
def as_service(session: Session) -> Iterator[None]:
    """For the consequences of an act that its actor may not write: clocks, the queue's caches, reminders.

    The provider who accepts has no grant on referrals; the referral's next act changes all the same, in the
    same transaction. What is written inside is computed by the service, never taken from the actor's input.
    A block inside a block is the service still, until the outer one ends.
    """
    state: _State = session.info[_STATE]
    session.flush()
    if state.service_blocks == 0:
        session.execute(_SET_ROLE, {"role": DatabaseRole.WORKER.value})
    state.service_blocks += 1
    try:
        yield
        session.flush()
    except BaseException:
        # The role can't be given back in a broken transaction: whoever swallows this must not go on with it.
        state.is_broken = True
        raise
    state.service_blocks -= 1
    if state.service_blocks == 0:
        session.execute(_SET_ROLE, {"role": state.actor.database_role.value})


def record_audit(
    session: Session,
    action: str,
    *,
    subject_type: str | None = None,
    subject_id: UUID | None = None,
    person_id: UUID | None = None,
    **details: Any,
) -> None:
    """Note that the actor did or saw something; written with the transaction, or it fails.

    `details` hold codes, references, ids and counts: never names, contact details or words about a person.
    """
    state: _State = session.info[_STATE]
    state.audit.append(AuditRecord(action, subject_type, subject_id, person_id, details))


def enqueue(session: Session, task: TaskName, at: datetime, **arguments: Any) -> None:
    """Wake a worker after the commit. Arguments are ids. The outbox row survives a broker that is away."""
    from victim_gateway.models import Outbox

    plain = {name: str(value) if isinstance(value, UUID) else value for name, value in arguments.items()}
    statement = insert(Outbox).values(task=task.value, arguments=plain, created_at=at).returning(Outbox.id)
    outbox_id = session.execute(statement).scalar_one()
    state: _State = session.info[_STATE]
    state.tasks.append((outbox_id, task.value, plain))


def settings() -> Settings:
    """The settings of this process: the area's profile, limits, standards."""
    held: Settings = current_app.extensions["settings"]
    return held


def keyring() -> Keyring:
    """The master keys of this process."""
    ring: Keyring = current_app.extensions["keyring"]
    return ring


def blind_index(session: Session) -> BlindIndex:
    """The keyed hashes for search; the key is fetched once per process and kept in memory."""
    held: BlindIndex | None = current_app.extensions.get("blind_index")
    if held is None:
        row = session.execute(text("SELECT id, keyring_id, wrapped FROM search_index_key()")).one()
        held = BlindIndex(keyring().unwrap(row.keyring_id, row.wrapped, f"wrapped_key:{row.id}"))
        current_app.extensions["blind_index"] = held
    return held


def _take_role(session: Session, actor: Actor) -> None:
    session.execute(
        text(
            "SELECT set_config('role', :role, true), set_config('gateway.user_id', :user, true),"
            " set_config('gateway.organisation_id', :organisation, true)"
        ),
        {
            "role": actor.database_role.value,
            "user": str(actor.user_id or ""),
            "organisation": str(actor.organisation_id or ""),
        },
    )


def _write_audit(session: Session, state: _State) -> None:
    """Chain the recorded entries to the last one. The lock is taken last, so it is held for a moment only."""
    if not state.audit:
        return
    from victim_gateway.models import AuditEntry

    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": AUDIT_LOCK})
    head = session.execute(text("SELECT sequence, hash, now FROM audit_head()")).one()
    sequence, previous, at = head.sequence, head.hash, head.now
    ring = keyring()
    key = ring.derived(ring.current_id, "audit chain")
    rows = []
    for record in state.audit:
        sequence += 1
        entry = audit_text(sequence, at, state.actor, record)
        digest = hmac.digest(key, previous + entry.encode(), "sha256")
        rows.append(
            {
                "sequence": sequence,
                "at": at,
                "actor_id": state.actor.user_id,
                "action": record.action,
                "subject_type": record.subject_type,
                "subject_id": record.subject_id,
                "person_id": record.person_id,
                "entry": entry,
                "key_id": ring.current_id,
                "previous_hash": previous,
                "hash": digest,
            }
        )
        previous = digest
    if len(rows) > MANY_AUDIT_ENTRIES and state.actor.database_role is DatabaseRole.WORKER:
        bulk.insert_rows(session, AuditEntry, rows)
    else:
        session.connection().execute(insert(AuditEntry.metadata.tables["audit_entry"]), rows)


def audit_text(sequence: int, at: datetime, actor: Actor, record: AuditRecord) -> str:
    """The canonical text of an entry: what the chain covers, escaped so that nothing can forge a second one."""
    return json.dumps(
        {
            "sequence": sequence,
            "at": at.isoformat(),
            "actor": {
                "id": str(actor.user_id) if actor.user_id else None,
                "name": actor.name,
                "role": actor.role.value if actor.role else actor.database_role.value,
                "organisation_id": str(actor.organisation_id) if actor.organisation_id else None,
                "address": actor.address,
            },
            "action": record.action,
            "subject_type": record.subject_type,
            "subject_id": str(record.subject_id) if record.subject_id else None,
            "person_id": str(record.person_id) if record.person_id else None,
            "correlation_id": str(actor.correlation_id),
            "details": record.details,
        },
        ensure_ascii=True,
        sort_keys=True,
        default=str,
    )


def hand_over(task: str, arguments: dict[str, Any]) -> None:
    """Give one task to the broker. Raises BrokerAway, or Unpublishable when the broker is not to blame."""
    try:
        celery.send_task(task, kwargs=arguments, retry=False)
    except OperationalError as error:
        raise BrokerAway from error
    except (EncodeError, QueueNotFound, TypeError) as error:
        raise Unpublishable(type(error).__name__) from error


def mark_published(session: Session, outbox_ids: list[int]) -> None:
    """These rows of the outbox have been handed over."""
    from victim_gateway.models import Outbox

    session.execute(update(Outbox).where(Outbox.id.in_(outbox_ids)).values(published_at=text("now()")))


def _publish(session: Session, tasks: list[tuple[int, str, dict[str, Any]]]) -> None:
    """Send what was enqueued. With the broker away the rows stay unpublished and the sweep sends them.

    The client takes seconds to find the broker away; whoever saves next does not wait for that again.
    """
    held = current_app.extensions
    if time.monotonic() < held.get(_BROKER_AWAY_UNTIL, 0.0):
        return
    sent = []
    for outbox_id, task, arguments in tasks:
        try:
            hand_over(task, arguments)
        except BrokerAway:
            log.warning("outbox.broker_away", task=task)
            held[_BROKER_AWAY_UNTIL] = time.monotonic() + _LEFT_TO_THE_SWEEP_S
            break
        except Unpublishable as error:
            log.warning("outbox.unpublishable", task=task, problem=str(error))
            continue
        sent.append(outbox_id)
    if sent:
        _note_published(session, sent)


def _note_published(session: Session, sent: list[int]) -> None:
    """What was saved is saved, whatever happens here: rows not marked are only published once more."""
    try:
        _take_role(session, Actor.worker("outbox"))
        mark_published(session, sent)
        session.commit()
    except SQLAlchemyError:
        session.rollback()
        log.warning("outbox.not_marked", rows=len(sent))
