"""Import batches, their progress, and the rows set aside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, func, literal, literal_column, select, tuple_
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.bounded_counts import bounded_count
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotFound
from victim_gateway.feeds.problems import Problem, RejectedRow
from victim_gateway.feeds.rejected_rows import write_rejected_rows
from victim_gateway.models import ImportBatch, ImportRow
from victim_gateway.vocabulary import ImportKind, ImportState, RowOutcome

PAGE_ROWS = 50
# As the index has it, or the index would not be recognised.
_IS_WARNING: ColumnElement[bool] = literal_column("(outcome <> 'set_aside')", Boolean)
_WRITTEN = re.compile(r"([01])\.([0-9]{1,9})", re.ASCII)
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
class RowPosition:
    """Where a row stands in the list of a batch: rows set aside first, then those with a warning."""

    is_warning: bool
    row_number: int

    def __str__(self) -> str:
        return f"{self.is_warning:d}.{self.row_number}"


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A batch and one page of its rows set aside or with warnings, with the positions on both sides of it.

    `rows_in_all` is one more than MOST_COUNTED where there are more than that.
    """

    batch: BatchView
    rows: tuple[ImportRowView, ...]
    rows_in_all: int
    before: RowPosition | None = None
    after: RowPosition | None = None


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


def batch_page(
    batch_id: UUID, *, actor: Actor, position: RowPosition | None = None, is_before: bool = False
) -> BatchPage:
    """One batch with its rows set aside and its warnings: the first, or those beside a position. Raises NotFound.

    They are read from an index of the rows that have reasons, so that the size of the file does not count.
    """
    with transaction(actor) as session:
        batch = _batch(session, ImportBatch.id == batch_id)
        noted = (ImportRow.batch_id == batch_id) & literal_column(
            "import_row.reasons <> '[]'::jsonb", Boolean
        )
        place = (_IS_WARNING, ImportRow.row_number)
        wanted, order = noted, list(place)
        if position is not None:
            here = tuple_(literal(position.is_warning), literal(position.row_number))
            wanted = noted & (tuple_(*place) < here if is_before else tuple_(*place) > here)
        if is_before:
            order = [column.desc() for column in order]
        found = list(session.scalars(select(ImportRow).where(wanted).order_by(*order).limit(PAGE_ROWS + 1)))
        has_more, rows = len(found) > PAGE_ROWS, found[:PAGE_ROWS]
        rows = rows[::-1] if is_before else rows
        total = session.scalar(select(bounded_count(ImportRow, noted))) or 0
        record_audit(session, "import.viewed", subject_type="import_batch", subject_id=batch_id)
        return BatchPage(
            _view(batch),
            tuple(_row_view(row) for row in rows),
            total,
            before=_position(rows[0]) if rows and (has_more if is_before else position) else None,
            after=_position(rows[-1]) if rows and (is_before or has_more) else None,
        )


def read_row_position(text: str) -> RowPosition | None:
    """The position of an address; None where the text is none."""
    match = _WRITTEN.fullmatch(text)
    return RowPosition(match[1] == "1", int(match[2])) if match else None


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


def _position(row: ImportRow) -> RowPosition:
    return RowPosition(row.outcome is not RowOutcome.SET_ASIDE, row.row_number)


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
