"""Audit entries of the open transaction: recorded as it runs, chained and written just before it commits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from victim_gateway.audit_chain import AuditRecord, audit_entry_text, chain_digest, chain_key
from victim_gateway.crypto import SealBroken
from victim_gateway.database.bulk_insert import insert_rows
from victim_gateway.database.current import current_keyring
from victim_gateway.database.state import TransactionState, state_of
from victim_gateway.models import AuditEntry
from victim_gateway.vocabulary import DatabaseRole


class AuditNotWritten(Exception):
    """The audit entries of a transaction could not be written, so nothing was done and nothing was seen."""


# From here on COPY is quicker; it stages the rows, for which only the worker's role has the right.
MANY_AUDIT_ENTRIES = 100
_INSERT = insert(AuditEntry.metadata.tables["audit_entry"])
_CLAIM_LANE = text("SELECT sequence, hash, now FROM claim_audit_lane()")


def record_audit(
    session: Session,
    action: str,
    *,
    subject_type: str | None = None,
    subject_id: UUID | None = None,
    person_id: UUID | None = None,
    **details: Any,
) -> None:
    """Record that the actor did or saw something; the entry is written with the transaction, or both fail.

    `details` hold codes, references, ids and counts: never names, contact details or text about a person.
    """
    state_of(session).audit.append(AuditRecord(action, subject_type, subject_id, person_id, details))


def write_audit_entries(session: Session, state: TransactionState) -> None:
    """Chain the recorded entries to the last one of a lane that no other transaction is writing to.

    A transaction claims one lane, last of all, and keeps it until it ends. It waits only when every lane is taken,
    and those who hold one wait for nothing more, so no two can wait for each other.

    Raises AuditNotWritten. A database that is away or busy is an OperationalError, as everywhere.
    """
    if not state.audit:
        return
    try:
        _write_chained(session, state)
    except OperationalError:
        raise
    except (SQLAlchemyError, SealBroken) as error:
        raise AuditNotWritten(f"the audit entry could not be written ({type(error).__name__})") from error


def _write_chained(session: Session, state: TransactionState) -> None:
    rows = _chained_rows(session, state)
    if len(rows) > MANY_AUDIT_ENTRIES and state.actor.database_role is DatabaseRole.WORKER:
        insert_rows(session, AuditEntry, rows)
    else:
        session.connection().execute(_INSERT, rows)


def _chained_rows(session: Session, state: TransactionState) -> list[dict[str, Any]]:
    head = session.execute(_CLAIM_LANE).one()
    sequence, previous, at = head.sequence, head.hash, head.now
    keyring = current_keyring()
    key = chain_key(keyring, keyring.current_id)
    rows = []
    for record in state.audit:
        sequence += 1
        entry = audit_entry_text(sequence, at, state.actor, record)
        digest = chain_digest(key, previous, entry)
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
                "key_id": keyring.current_id,
                "previous_hash": previous,
                "hash": digest,
            }
        )
        previous = digest
    return rows
