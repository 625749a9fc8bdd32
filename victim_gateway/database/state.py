"""State of one open transaction: its actor, the audit entries to write, the tasks to publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.audit_chain import AuditRecord

STATE_KEY = "gateway"
LEFT_KEY = "left_messages"


@dataclass
class TransactionState:
    """Kept in `session.info` while the transaction is open. `tasks` are outbox id, task name and arguments."""

    actor: Actor
    audit: list[AuditRecord] = field(default_factory=list)
    tasks: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    service_blocks: int = 0
    is_broken: bool = False
    is_left_open: bool = False
    # Called in their order once it is committed, with no transaction open: what a confirmation has to wait for.
    after_commit: list[Callable[[Session], None]] = field(default_factory=list)
    # People to whom a message left shortly before what was changed here, for the page that says so.
    left_people: set[UUID] = field(default_factory=set)


def state_of(session: Session) -> TransactionState:
    """The state of the open transaction. Raises KeyError where none is open."""
    state: TransactionState = session.info[STATE_KEY]
    return state


def leave_transaction_open(session: Session) -> None:
    """Let the next `transaction` go on in this one, whose end then ends both. Only after reads, and for a moment.

    The next takes its own actor's role first, as it would in a transaction of its own. Without a next one, nothing
    is kept.
    """
    state_of(session).is_left_open = True


def call_after_commit(session: Session, step: Callable[[Session], None]) -> None:
    """Have a step called when the transaction is committed, before its caller goes on. It must not raise."""
    state_of(session).after_commit.append(step)


def note_left_messages(session: Session, person_id: UUID) -> None:
    """Keep for the page, once this is committed, that a message left to this person shortly before."""
    state_of(session).left_people.add(person_id)


def take_left_messages(session: Session) -> set[UUID]:
    """To whom a message left shortly before the last change of this session; asked once."""
    people: set[UUID] = session.info.pop(LEFT_KEY, set())
    return people


def actor_of(session: Session) -> Actor:
    """The actor of the open transaction."""
    return state_of(session).actor
