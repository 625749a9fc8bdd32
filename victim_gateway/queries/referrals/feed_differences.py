"""Data for comparing the feed's values with ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.models import ImportBatch, ImportRow
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.vocabulary import RowOutcome, TaskKind

# Contact details are never compared on a page.
_NOT_SHOWN = frozenset({"phone", "email", "address_line_1", "address_line_2", "town", "postcode"})


@dataclass(frozen=True, slots=True)
class FeedDifference:
    """One field that the police sent and we corrected. Values are None where they are not shown."""

    field: str
    police: str | None
    ours: str | None
    is_shown: bool


@dataclass(frozen=True, slots=True)
class ImportOrigin:
    """From which row of which file the referral came, and who loaded it."""

    batch_number: int
    row_number: int | None
    by: str
    file_name: str


def feed_differences(session: Session, head: ReferralHeader) -> tuple[FeedDifference, ...]:
    """What the last row of the feed says about the fields that a conflict is about, beside ours."""
    fields = [name for task in head.tasks if task.kind is TaskKind.FEED_CONFLICT for name in task.fields]
    if not fields:
        return ()
    sent = _last_sent(session, head)
    return tuple(_difference(name, sent, head) for name in fields)


def import_origin(session: Session, head: ReferralHeader) -> ImportOrigin | None:
    """Where an imported referral came from; None for one that was recorded by hand."""
    if head.referral.import_batch_id is None:
        return None
    batch = session.execute(
        select(ImportBatch.number, ImportBatch.by_name, ImportBatch.file_name).where(
            ImportBatch.id == head.referral.import_batch_id
        )
    ).one()
    return ImportOrigin(batch.number, head.referral.import_row_number, batch.by_name, batch.file_name)


def _last_sent(session: Session, head: ReferralHeader) -> Mapping[str, Any]:
    row = session.execute(
        select(ImportRow.sealed)
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(ImportRow.referral_id == head.referral.id, ImportRow.outcome != RowOutcome.SET_ASIDE)
        .order_by(ImportBatch.number.desc(), ImportRow.row_number.desc())
        .limit(1)
    ).first()
    if row is None or row.sealed is None:
        return {}
    sent: Mapping[str, Any] = encrypted_rows.unseal_row(head.key, "import_row", head.referral.id, row.sealed)
    return sent


def _difference(name: str, sent: Mapping[str, Any], head: ReferralHeader) -> FeedDifference:
    if name in _NOT_SHOWN:
        return FeedDifference(name, None, None, is_shown=False)
    ours = head.person.get(name) or head.details.get(name) or getattr(head.referral, name, None)
    return FeedDifference(name, sent.get(name) or None, None if ours is None else str(ours), is_shown=True)
