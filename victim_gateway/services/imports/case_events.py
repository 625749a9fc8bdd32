"""Write one chunk of a case-events feed, and use the events that waited for their referral."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.compliance.editions import event_names
from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_blind_index
from victim_gateway.feeds.case_events import CaseEventRow
from victim_gateway.feeds.problems import Accepted, Problem, RejectedRow
from victim_gateway.models import CaseEvent, ImportBatch, ImportRow, Person, Referral
from victim_gateway.row_ids import new_row_id
from victim_gateway.schemas.case_event_rows import parse_case_event_row
from victim_gateway.services.compliance import stored_clocks
from victim_gateway.services.imports.batches import RowCounts, RunningBatch
from victim_gateway.services.imports.known_events import WHOLE_DAY, KnownEvents
from victim_gateway.services.imports.row_mapping import ImportedEvent, case_event_values, rejected_row_values
from victim_gateway.services.imports.touched_referrals import refresh_touched_referrals
from victim_gateway.vocabulary import EventKind, ImportKind, ReferralState, RowOutcome

UNKNOWN_REFERENCE = "unknown_reference"
NO_SUCH_REFERRAL = Problem(
    "feed_reference",
    UNKNOWN_REFERENCE,
    "No referral has this reference yet. The event waits and is used by itself when the referral arrives.",
)
# Of the index `uq_case_event_code_once`: named, the others are not asked before each row is written.
_UNLESS_KNOWN = (
    "ON CONFLICT (referral_id, event, occurred_at, coalesce(subject, ''), told_again)"
    " WHERE kind = 'code' AND voids_id IS NULL DO NOTHING"
)


def import_case_event_chunk(
    session: Session, batch: RunningBatch, chunk: Sequence[Accepted[CaseEventRow] | RejectedRow]
) -> RowCounts:
    """Write one chunk of the file; every row ends as imported, unchanged or set aside."""
    counts = RowCounts(rows=len(chunk))
    usable = [item for item in chunk if isinstance(item, Accepted)]
    counts.warnings = sum(len(item.warnings) for item in usable)
    referrals = _referrals(session, {item.row.feed_reference for item in usable})
    rejected = [item for item in chunk if isinstance(item, RejectedRow)]
    rejected += [
        RejectedRow(item.row.number, item.row.raw, tuple(item.row.raw.values()), (NO_SUCH_REFERRAL,))
        for item in usable
        if item.row.feed_reference not in referrals
    ]
    counts.set_aside = len(rejected)
    index = current_blind_index(session)
    bulk_insert.insert_rows(
        session,
        ImportRow,
        [rejected_row_values(batch, item, index) for item in rejected],
    )
    matched = [item.row for item in usable if item.row.feed_reference in referrals]
    counts.imported, touched = _write_events(session, batch, matched, referrals)
    refresh_touched_referrals(session, batch, touched)
    counts.unchanged = len(matched) - counts.imported
    return counts


def retry_waiting_events(session: Session, batch: RunningBatch, referrals: Mapping[str, UUID]) -> None:
    """Use the events that were set aside because their referral was not stored yet. Called with new referrals.

    They are recorded when they first came, or, where they came with `history`, at the time the feed gave.
    """
    waiting = session.execute(
        select(ImportRow, ImportBatch)
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(
            ImportBatch.kind == ImportKind.CASE_EVENTS,
            bulk_insert.column_in(ImportRow.feed_reference, referrals),
            ImportRow.outcome == RowOutcome.SET_ASIDE,
            ImportRow.retried_at.is_(None),
        )
        .order_by(ImportBatch.number, ImportRow.row_number)
    ).all()
    if not waiting:
        return
    keys = encrypted_rows.open_keys(session, {origin.key_id for _, origin in waiting})
    for waiting_row, origin in waiting:
        waits = any(reason["code"] == UNKNOWN_REFERENCE for reason in waiting_row.reasons)
        if not waits or waiting_row.sealed is None:
            continue
        document = encrypted_rows.unseal_row(keys[origin.key_id], "import_row", origin.id, waiting_row.sealed)
        first_batch = replace(
            batch,
            id=origin.id,
            number=origin.number,
            history=origin.history,
            imported_at=origin.started_at or origin.created_at,
        )
        parsed = parse_event(document["raw"], waiting_row.row_number, first_batch)
        if isinstance(parsed, Accepted):
            _write_events(session, first_batch, [parsed.row], referrals)
            waiting_row.retried_at = batch.imported_at
    session.flush()


def parse_event(
    raw: Mapping[str, str], number: int, batch: RunningBatch, cells: tuple[str, ...] = ()
) -> Accepted[CaseEventRow] | RejectedRow:
    """Read one row of the feed as this batch understands it."""
    return parse_case_event_row(
        raw,
        number=number,
        imported_at=batch.imported_at,
        event_names=event_names(),
        with_history=batch.history,
        cells_given=cells,
    )


def _referrals(session: Session, references: Collection[str]) -> dict[str, UUID]:
    """The referrals by feed reference; one that was entered in error takes no events: its clocks have ended."""
    found = session.execute(
        select(Referral.feed_reference, Referral.id).where(
            bulk_insert.column_in(Referral.feed_reference, references),
            Referral.state != ReferralState.ENTERED_IN_ERROR,
        )
    )
    return {row.feed_reference: row.id for row in found if row.feed_reference is not None}


def _write_events(
    session: Session, batch: RunningBatch, rows: Sequence[CaseEventRow], referrals: Mapping[str, UUID]
) -> tuple[int, set[UUID]]:
    """Insert the events that are not here yet; gives how many were new, and the referrals they belong to."""
    if not rows:
        return 0, set()
    # Locked before what is known of them is read. Each event's foreign key would take a lock of its own otherwise.
    referral_ids = sorted({referrals[row.feed_reference] for row in rows})
    stored_clocks.lock_referral_rows(session, referral_ids)
    known = KnownEvents(session, referral_ids)
    new = [row for row in rows if known.add_event(referrals[row.feed_reference], row)]
    if not new:
        return 0, set()
    keys = _keys_for_notes(session, [referrals[row.feed_reference] for row in new if row.note])
    values = [_event(batch, row, referrals[row.feed_reference], keys) for row in new]
    inserted = bulk_insert.insert_rows_counted(
        session, CaseEvent, values, on_conflict=_UNLESS_KNOWN, counted_by="referral_id"
    )
    touched = set(inserted)
    for referral_id in sorted(touched):
        record_audit(
            session,
            "case_events.imported",
            subject_type="referral",
            subject_id=referral_id,
            batch=batch.number,
        )
    return sum(inserted.values()), touched


def _event(
    batch: RunningBatch, row: CaseEventRow, referral_id: UUID, keys: Mapping[UUID, bytes]
) -> dict[str, Any]:
    event_id = new_row_id()
    event = ImportedEvent(
        referral_id,
        row.event,
        EventKind.CODE,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at if batch.history else batch.imported_at,
        row_number=row.number,
        source=row.source or "partner",
        details={WHOLE_DAY: True} if row.is_whole_day else None,
        subject=row.subject,
    )
    value = case_event_values(batch, event)
    if row.note:
        value["sealed"] = encrypted_rows.seal_row(
            keys[referral_id], "case_event", event_id, {"words": row.note}
        )
    return {"id": event_id, **value}


def _keys_for_notes(session: Session, referral_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """The person's key of each referral: words about a person are sealed under it."""
    if not referral_ids:
        return {}
    found = session.execute(
        select(Referral.id, Person.key_id)
        .join(Person, Person.id == Referral.person_id)
        .where(bulk_insert.column_in(Referral.id, set(referral_ids)))
    ).all()
    keys = encrypted_rows.open_keys(session, {row.key_id for row in found})
    return {row.id: keys[row.key_id] for row in found}
