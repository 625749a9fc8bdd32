"""The events that are stored of some referrals, to tell whether a row of a feed says something new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import bulk_insert
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.feeds.case_events import CaseEventRow
from victim_gateway.models import CaseEvent
from victim_gateway.vocabulary import EventKind

WHOLE_DAY = "whole_day"
"""In the details of an event of which only the date was given; its moment is then the start of that date."""

_EventKey = tuple[UUID, str, str]


# Not frozen: that would take four times as long to make, and an import makes one for each event.
@dataclass(slots=True)
class _KnownMoment:
    """When an event happened, to the minute, or on which date where no time was given."""

    at: datetime
    is_whole_day: bool

    def is_same_as(self, other: _KnownMoment) -> bool:
        if self.is_whole_day or other.is_whole_day:
            return times.london_date(self.at) == times.london_date(other.at)
        return self.at.replace(second=0, microsecond=0) == other.at.replace(second=0, microsecond=0)


class KnownEvents:
    """The events of the Code that stand for some referrals; one query, and what is added counts as known."""

    def __init__(self, session: Session, referral_ids: Collection[UUID]) -> None:
        self._moments: dict[_EventKey, list[_KnownMoment]] = defaultdict(list)
        voider = named_alias(CaseEvent, "voider")
        stored = select(
            CaseEvent.referral_id,
            CaseEvent.event,
            CaseEvent.subject,
            CaseEvent.occurred_at,
            CaseEvent.details.op("?")(WHOLE_DAY).label("is_whole_day"),
        ).where(
            bulk_insert.column_in(CaseEvent.referral_id, referral_ids),
            CaseEvent.kind == EventKind.CODE,
            CaseEvent.voids_id.is_(None),
            ~select(voider.id).where(voider.voids_id == CaseEvent.id).exists(),
        )
        for row in session.execute(stored):
            moment = _KnownMoment(row.occurred_at, row.is_whole_day)
            self._moments[row.referral_id, row.event, row.subject or ""].append(moment)

    def add_event(self, referral_id: UUID, row: CaseEventRow) -> bool:
        """Add the event of a row; false where it is known already.

        The same event of the same referral and subject in the same London minute is one event, and one without a
        time is the same as one at a time on that date.
        """
        moments = self._moments[referral_id, row.event, row.subject or ""]
        moment = _KnownMoment(row.occurred_at, row.is_whole_day)
        if moments and any(moment.is_same_as(known) for known in moments):
            return False
        moments.append(moment)
        return True
