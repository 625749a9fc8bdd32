"""Import batches, their progress, and the rows set aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotFound
from victim_gateway.feeds.problems import Problem, RejectedRow
from victim_gateway.feeds.rejected_rows import write_rejected_rows
from victim_gateway.models import ImportBatch, ImportRow
from victim_gateway.vocabulary import ImportKind, ImportState, RowOutcome

PAGE_ROWS = 50
_ENDED = (ImportState.FINISHED, ImportState.REFUSED, ImportState.PARKED, ImportState.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class BatchView:
    """One batch for a page: its counts, how far it is, who loaded it."""

    id: UUID
    number: int
    kind: ImportKind
    state: ImportState
    file_name: str
    history: bool
    by_name: str
    created_at: datetime
    finished_at: datetime | None
    percent: int
    rows: int
    imported: int
    updated: int
    unchanged: int
    set_aside: int
    warnings: int
    repeat_victims: int
    held: int
    put_back: bool
    changed_since: int
    unread_protective: int
    file_warnings: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    problem: str | None

    @property
    def has_ended(self) -> bool:
        return self.state in _ENDED


@dataclass(frozen=True, slots=True)
class ImportRowView:
    """One row with a problem or warning: its number, outcome and reasons; none of its values."""

    number: int
    outcome: RowOutcome
    reasons: tuple[tuple[str, str], ...]
    was_used_later: bool


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A batch and one page of its rows set aside or with warnings."""

    batch: BatchView
    rows: tuple[ImportRowView, ...]
    rows_in_all: int


def batch_list(*, actor: Actor, page: int = 1) -> tuple[list[BatchView], int]:
    """Batches, newest first, and how many there are."""
    with transaction(actor) as session:
        total = session.scalar(select(func.count()).select_from(ImportBatch)) or 0
        found = session.scalars(
            select(ImportBatch)
            .order_by(ImportBatch.number.desc())
            .limit(PAGE_ROWS)
            .offset((page - 1) * PAGE_ROWS)
        ).all()
        record_audit(session, "import.listed")
        return [_view(batch) for batch in found], total


def batch_page(batch_id: UUID, *, actor: Actor, page: int = 1) -> BatchPage:
    """One batch with its rows set aside and its warnings. Raises NotFound."""
    with transaction(actor) as session:
        batch = _batch(session, ImportBatch.id == batch_id)
        noted = (ImportRow.batch_id == batch_id) & (func.jsonb_array_length(ImportRow.reasons) > 0)
        total = session.scalar(select(func.count()).select_from(ImportRow).where(noted)) or 0
        rows = session.scalars(
            select(ImportRow)
            .where(noted)
            .order_by(ImportRow.outcome != RowOutcome.SET_ASIDE, ImportRow.row_number)
            .limit(PAGE_ROWS)
            .offset((page - 1) * PAGE_ROWS)
        ).all()
        record_audit(session, "import.viewed", subject_type="import_batch", subject_id=batch_id)
        return BatchPage(_view(batch), tuple(_row_view(row) for row in rows), total)


def batch_state(batch_id: UUID, *, actor: Actor) -> BatchView:
    """One batch without its rows, for its progress. Raises NotFound."""
    with transaction(actor) as session:
        return _view(_batch(session, ImportBatch.id == batch_id))


def rejected_rows(number_or_id: int | UUID, *, actor: Actor) -> Iterator[bytes]:
    """The rows set aside as a CSV file in chunks: as given, with `row` and `reason`. Raises NotFound.

    This opens personal data, and is audited.
    """
    wanted = (
        ImportBatch.number == number_or_id
        if isinstance(number_or_id, int)
        else ImportBatch.id == number_or_id
    )
    with transaction(actor) as session:
        batch = _batch(session, wanted)
        record_audit(
            session,
            "import.rejected_rows_exported",
            subject_type="import_batch",
            subject_id=batch.id,
            rows=batch.set_aside,
        )
        # Only those who may import can open the batch's key; the reader's database role alone can't.
        with as_service(session):
            key = encrypted_rows.open_key(session, batch.key_id)
        rows = session.scalars(
            select(ImportRow)
            .where(ImportRow.batch_id == batch.id, ImportRow.outcome == RowOutcome.SET_ASIDE)
            .order_by(ImportRow.row_number)
        ).all()
        kept = [
            _set_aside(row, encrypted_rows.unseal_row(key, "import_row", batch.id, row.sealed or b""))
            for row in rows
        ]
        return write_rejected_rows(batch.columns, kept)


def _batch(session: Session, wanted: ColumnElement[bool]) -> ImportBatch:
    batch = session.scalars(select(ImportBatch).where(wanted)).one_or_none()
    if batch is None:
        raise NotFound("There is no such import.")
    return batch


def _set_aside(row: ImportRow, document: dict[str, list[str]]) -> RejectedRow:
    problems = tuple(Problem(item["column"], item["code"], item["words"]) for item in row.reasons)
    return RejectedRow(row.row_number, {}, tuple(document["cells"]), problems)


def _view(batch: ImportBatch) -> BatchView:
    read = 100 if batch.state is ImportState.FINISHED else 100 * batch.bytes_read // max(batch.bytes_total, 1)
    return BatchView(
        id=batch.id,
        number=batch.number,
        kind=batch.kind,
        state=batch.state,
        file_name=batch.file_name,
        history=batch.history,
        by_name=batch.by_name,
        created_at=batch.created_at,
        finished_at=batch.finished_at,
        percent=read,
        rows=batch.rows,
        imported=batch.imported,
        updated=batch.updated,
        unchanged=batch.unchanged,
        set_aside=batch.set_aside,
        warnings=batch.warnings,
        repeat_victims=batch.repeat_victims,
        held=batch.held,
        put_back=batch.put_back,
        changed_since=batch.changed_since,
        unread_protective=batch.unread_protective,
        file_warnings=tuple(warning["words"] for warning in batch.file_warnings),
        unknown_columns=tuple(batch.unknown_columns),
        problem=batch.problem,
    )


def _row_view(row: ImportRow) -> ImportRowView:
    reasons = tuple((item["column"], item["words"]) for item in row.reasons)
    return ImportRowView(row.row_number, row.outcome, reasons, row.retried_at is not None)
