"""Write one chunk of a police referral feed: which rows changed anything, and in what order they are applied."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway.crypto import fold_text
from victim_gateway.database import bulk_insert
from victim_gateway.database.current import current_blind_index
from victim_gateway.feeds.problems import Problem, RejectedRow
from victim_gateway.models import ImportBatch, ImportRow, OnwardReferral, Referral
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services import onward_referrals
from victim_gateway.services.imports.batches import RowCounts, RunningBatch
from victim_gateway.services.imports.new_referrals import write_new_referrals
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.imports.row_comparison import reject_row
from victim_gateway.services.imports.row_mapping import rejected_row_values
from victim_gateway.services.imports.row_order import group_rows_in_file_order
from victim_gateway.services.imports.touched_referrals import refresh_touched_referrals
from victim_gateway.services.imports.updates import apply_updates, lock_referrals_of_rows
from victim_gateway.vocabulary import PROTECTIVE_COLUMNS, RowOutcome

OTHER_FORCE = Problem(
    "force",
    "other_force",
    "A referral with this reference came from another force. Nothing was changed; "
    "ask the two forces which of them the reference belongs to.",
)


def import_referral_chunk(
    session: Session, batch: RunningBatch, chunk: Sequence[PreparedRow | RejectedRow]
) -> RowCounts:
    """Write one chunk of the file; every row ends as imported, updated, unchanged or set aside."""
    counts = RowCounts(rows=len(chunk))
    rejected = [item for item in chunk if isinstance(item, RejectedRow)]
    incoming = [item for item in chunk if isinstance(item, PreparedRow)]
    if not batch.history:
        for item in incoming:
            item.mark_learned_at(batch.imported_at)
    counts.warnings = sum(len(item.warnings) for item in incoming)
    counts.unread_protective = sum(bool(item.row.unread & PROTECTIVE_COLUMNS) for item in incoming)
    changed_rows, counts.changed_since = _changed_rows(session, batch, incoming)
    counts.unchanged = len(incoming) - len(changed_rows)
    # Referrals before people, as everywhere: a caseworker who holds the one may be waiting for the other.
    locked = lock_referrals_of_rows(session, changed_rows)
    own_rows, other_force_rows = _split_by_force(changed_rows, locked)
    rejected += [reject_row(item, OTHER_FORCE) for item in other_force_rows]
    touched: set[UUID] = set()
    for group in group_rows_in_file_order(session, own_rows):
        warnings_read = sum(len(item.warnings) for item in group.new)
        new = write_new_referrals(session, batch, group.new)
        counts.warnings += sum(len(item.warnings) for item in group.new) - warnings_read
        applied = apply_updates(session, batch, group.updates)
        counts.imported += len(group.new)
        counts.updated += applied.updated
        counts.unchanged += applied.unchanged
        counts.held += new.held + applied.held
        rejected += applied.rejected
        touched |= new.touched | applied.touched
    counts.set_aside = len(rejected)
    index = current_blind_index(session)
    bulk_insert.insert_rows(session, ImportRow, [rejected_row_values(batch, row, index) for row in rejected])
    touched |= _ask_to_share_again(session, batch, touched)
    refresh_touched_referrals(session, batch, touched)
    return counts


def _ask_to_share_again(session: Session, batch: RunningBatch, touched: Collection[UUID]) -> set[UUID]:
    """What the force corrected of a person is outdated with each provider who helps them, on any referral.

    Gives the referrals whose tasks may have changed; one query, and none of them, where no provider helps anybody.
    """
    updated = select(Referral.person_id).where(bulk_insert.column_in(Referral.id, touched))
    with_provider = session.scalars(
        select(OnwardReferral.referral_id)
        .where(OnwardReferral.state.in_(LIVE_ONWARD_STATES), OnwardReferral.person_id.in_(updated))
        .distinct()
    ).all()
    if with_provider:
        # The rows were written past the objects that the session keeps.
        session.flush()
        session.expire_all()
        onward_referrals.refresh_share_again_tasks(session, with_provider, at=batch.moment())
    return set(with_provider)


def _changed_rows(
    session: Session, batch: RunningBatch, incoming: Sequence[PreparedRow]
) -> tuple[list[PreparedRow], int]:
    """The rows whose content differs from the last row of their referral.

    A row that this very file brought before, at this place, is not changed, whatever came since: a file sent
    again changes nothing, unless it is put back. Given with how many of those a later file has changed. An old
    value in another file is a change: the force has gone back to it.
    """
    references = [item.row.feed_reference for item in incoming]
    last_content = _last_content(session, references)
    rows_of_this_file = _rows_of_this_file(session, batch, references)
    changed: list[PreparedRow] = []
    changed_since: set[str] = set()
    for item in incoming:
        reference = item.row.feed_reference
        is_repeated = (reference, item.row.number, item.content_hash) in rows_of_this_file
        differs = last_content.get(reference) != item.content_hash
        # Of two rows of one referral in a file only the last one can have been changed since.
        changed_since.discard(reference)
        if is_repeated and differs:
            changed_since.add(reference)
        if differs and (batch.put_back or not is_repeated):
            changed.append(item)
            last_content[reference] = item.content_hash
    return changed, len(changed_since)


def _last_content(session: Session, references: Sequence[str]) -> dict[str, bytes]:
    found = session.execute(
        select(ImportRow.feed_reference, ImportRow.content_hash)
        .ext(distinct_on(ImportRow.feed_reference))
        .where(
            bulk_insert.column_in(ImportRow.feed_reference, references),
            ImportRow.outcome != RowOutcome.SET_ASIDE,
        )
        .order_by(ImportRow.feed_reference, ImportRow.applied_order.desc())
    )
    return {str(row.feed_reference): row.content_hash for row in found}


def _rows_of_this_file(
    session: Session, batch: RunningBatch, references: Sequence[str]
) -> set[tuple[str, int, bytes]]:
    found = session.execute(
        select(ImportRow.feed_reference, ImportRow.row_number, ImportRow.content_hash)
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(
            bulk_insert.column_in(ImportRow.feed_reference, references),
            ImportRow.outcome != RowOutcome.SET_ASIDE,
            ImportBatch.file_sha256 == batch.sha256,
        )
    )
    return {(str(row.feed_reference), row.row_number, row.content_hash) for row in found}


def _split_by_force(
    incoming: Sequence[PreparedRow], stored: Mapping[str, Referral]
) -> tuple[list[PreparedRow], list[PreparedRow]]:
    """Rows to go on with, and rows whose reference belongs to a referral of another force, so to another person."""
    forces = {reference: fold_text(referral.force or "") for reference, referral in stored.items()}
    own_rows: list[PreparedRow] = []
    other_force_rows: list[PreparedRow] = []
    for item in incoming:
        force = fold_text(item.row.force or "")
        first = forces.setdefault(item.row.feed_reference, force)
        (other_force_rows if first and force and first != force else own_rows).append(item)
    return own_rows, other_force_rows
