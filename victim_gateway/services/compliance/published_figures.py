"""Which figures were published, and whether something that happened on a day would change them.

A report is published when it was made for outside the service: with small counts hidden, as files that leave
the service are, not for "work inside the Gateway", and with at least one row. Plain counts are for use inside
and publish nothing. The audit says which reports those are: it notes every report with its parameters when it
is made, and nobody can change or delete it, so no second list is kept that could differ from it.

A day counts as published from the first to the last day of such a report, as far as its moment goes: what
happened later was not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.models import AuditEntry
from victim_gateway.times import london_date

REPORT_MADE = "compliance.report_made"
INSIDE_THE_SERVICE = "own_work"
"""The reason of a report that stays inside the service."""


@dataclass(frozen=True, slots=True)
class PublishedPeriod:
    """London dates, both included, whose figures were published."""

    first: date
    last: date


def published_periods(session: Session) -> list[PublishedPeriod]:
    """The period of every published report, in the order of publishing. Needs the service's role."""
    entries = session.scalars(
        select(AuditEntry.entry)
        .where(AuditEntry.action == REPORT_MADE)
        .order_by(AuditEntry.at, AuditEntry.sequence)
    )
    found = (_published_period(json.loads(entry)["details"]) for entry in entries)
    return [period for period in found if period is not None]


def published_months(periods: Iterable[PublishedPeriod], days: Iterable[date]) -> set[str]:
    """The months, as YYYY-MM, in which one of the days lies in a published period."""
    spans = list(periods)
    hit = {day for day in set(days) if any(span.first <= day <= span.last for span in spans)}
    return {f"{day:%Y-%m}" for day in hit}


def _published_period(details: dict[str, object]) -> PublishedPeriod | None:
    if details["unsuppressed"] or details.get("reason") == INSIDE_THE_SERVICE or not details["rows"]:
        return None
    as_at = london_date(datetime.fromisoformat(str(details["as_at"])))
    first = date.fromisoformat(str(details["started_from"]))
    last = min(date.fromisoformat(str(details["started_to"])), as_at)
    return PublishedPeriod(first, last) if first <= last else None
