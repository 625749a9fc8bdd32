"""Data for comparing the feed's values with ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.feeds.moments import read_date
from victim_gateway.feeds.problems import CellError
from victim_gateway.models import ImportBatch
from victim_gateway.queries.referrals import given_values
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.feed_conflicts import may_take_over
from victim_gateway.rules.recorded_fields import (
    CONTACT_FIELDS,
    display_value,
    field_label,
)
from victim_gateway.vocabulary import TaskKind


@dataclass(frozen=True, slots=True)
class FeedDifference:
    """One field that the police sent and we corrected. Values are None where they are not shown.

    `is_offered`: a caseworker may take over the police's value. It is not where it would make one person
    another, or where the field can't be corrected.
    """

    field: str
    label: str
    police: str | None
    ours: str | None
    is_shown: bool
    is_offered: bool


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
    sent = given_values.last_sent_row(session, head.referral.id, head.key).values
    readable = readable_row(sent)
    return tuple(
        _difference(name, sent, head, is_offered=may_take_over(name, fields, head.person, readable))
        for name in fields
    )


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


def is_offered(session: Session, head: ReferralHeader, column: str) -> bool:
    """Whether a caseworker may use the police's value of this column for the person on record."""
    return any(item.field == column and item.is_offered for item in feed_differences(session, head))


def readable_row(sent: Mapping[str, str]) -> dict[str, Any]:
    """The row with its birth date as ours are kept, so that two spellings of one day are not two days."""
    values = dict(sent)
    if values.get("date_of_birth"):
        try:
            values["date_of_birth"] = read_date(values["date_of_birth"].strip()).isoformat()
        except CellError:
            values["date_of_birth"] = ""
    return values


def _difference(
    name: str, sent: Mapping[str, Any], head: ReferralHeader, *, is_offered: bool
) -> FeedDifference:
    label = field_label(name)
    if name in CONTACT_FIELDS:
        return FeedDifference(name, label, None, None, is_shown=False, is_offered=is_offered)
    ours = display_value(name, given_values.recorded_value(head, name))
    return FeedDifference(name, label, sent.get(name) or None, ours, is_shown=True, is_offered=is_offered)
