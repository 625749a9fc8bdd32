"""Refuse past years that would change published figures, before anything of the file is stored.

With `--history` rows count as learned when they happened, so figures as at an earlier moment change. Where
those were published, only a decision may change them: `--reopen-published`, which is audited with the import.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.bulk_insert import column_in
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import UnusableFile
from victim_gateway.feeds.moments import read_moment
from victim_gateway.feeds.problems import CellError, RejectedRow
from victim_gateway.feeds.reading import FeedFile, FeedFormat, RawRow, read_rows
from victim_gateway.models import EntitlementClock, ImportBatch, Referral
from victim_gateway.services.compliance.published_figures import (
    PublishedPeriod,
    published_months,
    published_periods,
)
from victim_gateway.times import london_date
from victim_gateway.vocabulary import ImportState

_MOMENTS = ("reported_at", "transferred_at", "acknowledged_at", "occurred_at")
"""The columns of both feeds that become events: each may open, or stop, a clock of its day."""
_ROWS_AT_ONCE = 5000
_MONTHS_NAMED = 12


def check_published_months(
    stream: BinaryIO, file: FeedFile, feed: FeedFormat, *, actor: Actor, sha256: bytes | None
) -> None:
    """Raise UnusableFile, naming the months, where the file would change published figures.

    A file that was loaded as history before, by its bytes, changes nothing and passes. Reads the stream
    only where something was published, and leaves it anywhere.
    """
    with transaction(actor) as session:
        periods = published_periods(session)
        if not periods or _was_loaded(session, sha256):
            return
        months: set[str] = set()
        stream.seek(0)
        rows = read_rows(stream, file, feed)
        while chunk := list(islice(rows, _ROWS_AT_ONCE)):
            months |= _months_of(session, periods, [row for row in chunk if not isinstance(row, RejectedRow)])
    if months:
        named = ", ".join(sorted(months)[:_MONTHS_NAMED]) + (", …" if len(months) > _MONTHS_NAMED else "")
        raise UnusableFile(
            f"it would change published figures of {named}; give --reopen-published with --history to do so"
        )


def _months_of(session: Session, periods: list[PublishedPeriod], rows: list[RawRow]) -> set[str]:
    days = {day for row in rows for day in _days_of(row)}
    references = {row.values.get("feed_reference", "").strip() for row in rows}
    # What is told of a referral that is there already may change any clock it has, whenever that began.
    begun = session.scalars(
        select(EntitlementClock.started_on)
        .join(Referral, Referral.id == EntitlementClock.referral_id)
        .where(column_in(Referral.feed_reference, references))
        .distinct()
    )
    return published_months(periods, days.union(begun))


def _days_of(row: RawRow) -> Iterator[date]:
    for column in _MOMENTS:
        text = row.values.get(column, "").strip()
        if text:
            try:
                yield london_date(read_moment(text).at)
            except CellError:
                continue


def _was_loaded(session: Session, sha256: bytes | None) -> bool:
    if sha256 is None:
        return False
    loaded = select(ImportBatch.id).where(
        ImportBatch.file_sha256 == sha256,
        ImportBatch.history,
        ImportBatch.state == ImportState.FINISHED,
    )
    return session.scalar(select(loaded.exists())) is True
