"""One transaction per business action: the actor's database role, its audit entries, then its tasks.

Every read or write of the database goes through `transaction(actor)`. It takes the role of the actor's kind
for this transaction only, and writes the audit entries that were recorded just before it commits: if they
can't be written, nothing was done and nothing was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import write_audit_entries
from victim_gateway.database.outbox import publish_tasks
from victim_gateway.database.roles import set_role, take_actor_role
from victim_gateway.database.state import (
    LEFT_KEY,
    STATE_KEY,
    TransactionState,
    actor_of,
    call_after_commit,
    leave_transaction_open,
    note_left_messages,
    state_of,
    take_left_messages,
)
from victim_gateway.extensions import db
from victim_gateway.vocabulary import DatabaseRole

__all__ = [
    "actor_of",
    "as_service",
    "call_after_commit",
    "in_name_of_service",
    "leave_transaction_open",
    "note_left_messages",
    "take_left_messages",
    "transaction",
]


@contextmanager
def transaction(actor: Actor) -> Iterator[Session]:
    """A session in which the actor's role and row-level security hold; commits, then publishes tasks.

    On any error nothing is kept and nothing is published. It refuses to nest: shared steps take `session`.
    """
    session = db.session()
    if STATE_KEY in session.info:
        raise RuntimeError("a transaction is already open; pass its session on")
    # Objects loaded in an earlier transaction may be stale.
    session.expunge_all()
    state = session.info[STATE_KEY] = TransactionState(actor)
    try:
        take_actor_role(session, actor)
        yield session
        if state.is_broken:
            raise RuntimeError("what was done as the service failed: nothing of this transaction may be kept")
        session.flush()
        write_audit_entries(session, state)
        if not state.is_left_open or state.audit or state.tasks or state.after_commit:
            session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.info[STATE_KEY]
    if state.left_people:
        session.info[LEFT_KEY] = state.left_people
    for step in state.after_commit:
        step(session)
    if state.tasks:
        publish_tasks(session, state.tasks)


@contextmanager
def as_service(session: Session) -> Iterator[None]:
    """Run a block as the service, for writes that follow from an action but exceed the actor's grants.

    Such writes are clocks, the queue's caches and reminders.

    The provider who accepts has no grant on referrals; the referral's next action changes all the same, in the
    same transaction. What is written inside is computed by the service, never taken from the actor's input.
    A block inside a block is the service still, until the outer one ends.
    """
    state = state_of(session)
    session.flush()
    # Background work has the role already: a statement less for each of very many blocks.
    is_other = state.actor.database_role is not DatabaseRole.WORKER
    if is_other and state.service_blocks == 0:
        set_role(session, DatabaseRole.WORKER)
    state.service_blocks += 1
    try:
        yield
        session.flush()
    except BaseException:
        # The role can't be given back in a broken transaction: a caller that swallows this must not commit.
        state.is_broken = True
        raise
    state.service_blocks -= 1
    if is_other and state.service_blocks == 0:
        set_role(session, state.actor.database_role)


@contextmanager
def in_name_of_service(session: Session, name: str) -> Iterator[None]:
    """As `as_service`, and the events that are appended name the service instead of the actor.

    For what follows from an action for others, who must not learn whose action it was. The audit goes on naming the
    actor, who caused it.
    """
    state = state_of(session)
    actor = state.actor
    with as_service(session):
        state.actor = replace(Actor.worker(name), correlation_id=actor.correlation_id)
        try:
            yield
        finally:
            state.actor = actor
