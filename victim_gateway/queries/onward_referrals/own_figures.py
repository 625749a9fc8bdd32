"""The figures of the reader's own provider: of the services that the reader may see, and of no person by name."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Float, cast, extract, func, literal_column, select, tuple_
from sqlalchemy.orm import Session

from victim_gateway.models import ProviderService
from victim_gateway.models.onward_summary import ONWARD_SUMMARY
from victim_gateway.rules.provider_figures import FATES, OfferCounts, count_offers
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import OnwardState

_OWN = ONWARD_SUMMARY.c
_DAY_S = 86_400
# The first day of the quarter in which the offer was made, in London.
_QUARTER: ColumnElement[date] = cast(
    func.date_trunc("quarter", func.timezone("Europe/London", _OWN.offered_at)), Date
)


@dataclass(frozen=True, slots=True)
class DaysTaken:
    """How long something took, in days and parts of days: the middle one and the one that nine in ten keep within."""

    median: float | None
    ninetieth: float | None


@dataclass(frozen=True, slots=True)
class OwnFigureRow:
    """The figures of all offers, of one service or of one quarter (its first day).

    `to_answer` runs from the offer to the answer, `to_contact` from accepting to the first contact and `wait` from the
    offer to the first contact, which is how long the person waited. `waiting_since` is when the one who has waited
    longest for a first contact was accepted.
    """

    service: str | None
    quarter: date | None
    counts: OfferCounts
    to_answer: DaysTaken
    to_contact: DaysTaken
    wait: DaysTaken
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """Everything, each service, and each quarter with the newest first; each adds up to the same."""

    total: OwnFigureRow
    services: tuple[OwnFigureRow, ...]
    quarters: tuple[OwnFigureRow, ...]


def own_figures(session: Session) -> OwnFigures:
    """Three statements, whatever there is; the view shows the reader's own services alone."""
    names = {row.id: row.name for row in session.execute(select(ProviderService.id, ProviderService.name))}
    states, left = _states(session)
    taken = _days_taken(session)

    def row(service_id: UUID | None, quarter: date | None) -> OwnFigureRow:
        key = (service_id, quarter)
        answer, contact, wait, since = taken.get(key, (_NONE, _NONE, _NONE, None))
        service = names.get(service_id, "") if service_id else None
        return OwnFigureRow(
            service, quarter, count_offers(states[key], left[key]), answer, contact, wait, since
        )

    services = sorted({each for each, _ in (*states, *left) if each}, key=lambda each: names.get(each, ""))
    quarters = sorted({each for _, each in (*states, *left) if each}, reverse=True)
    return OwnFigures(
        row(None, None),
        tuple(row(each, None) for each in services),
        tuple(row(None, each) for each in quarters),
    )


_NONE = DaysTaken(None, None)
_Key = tuple[UUID | None, date | None]


_StateCounts = dict[_Key, list[tuple[OnwardState, int]]]


def _states(session: Session) -> tuple[_StateCounts, _StateCounts]:
    """How many stand in each state, and apart from them those that a succession left in a state that goes on."""
    is_left = (_OWN.state.in_(LIVE_ONWARD_STATES) & _OWN.provider_access_ended_at.is_not(None)).label(
        "is_left"
    )
    rows = session.execute(
        select(_OWN.service_id, _QUARTER.label("quarter"), _OWN.state, is_left, func.count().label("number"))
        .where(_OWN.state.in_([state for state, fate in FATES.items() if fate]))
        .group_by(_OWN.service_id, literal_column("quarter"), _OWN.state, literal_column("is_left"))
    )
    states: _StateCounts = defaultdict(list)
    left: _StateCounts = defaultdict(list)
    for row in rows:
        for key in ((None, None), (row.service_id, None), (None, row.quarter)):
            (left if row.is_left else states)[key].append((row.state, row.number))
    return states, left


def _days_taken(session: Session) -> dict[_Key, tuple[DaysTaken, DaysTaken, DaysTaken, datetime | None]]:
    quarter = _QUARTER.label("quarter")
    # Grouping by an expression would need it in the same words with the same parameters: it is named within.
    offers = select(
        _OWN.service_id,
        quarter,
        _OWN.state,
        _OWN.provider_access_ended_at,
        _OWN.answered_at,
        _seconds(_OWN.answered_at, _OWN.offered_at).label("to_answer"),
        _seconds(_OWN.first_contact_at, _OWN.answered_at).label("to_contact"),
        _seconds(_OWN.first_contact_at, _OWN.offered_at).label("wait"),
    ).subquery("offers")
    rows = session.execute(
        select(
            offers.c.service_id,
            offers.c.quarter,
            *(_percentiles(offers.c[name]).label(name) for name in ("to_answer", "to_contact", "wait")),
            func.min(offers.c.answered_at)
            .filter(offers.c.state == OnwardState.ACCEPTED, offers.c.provider_access_ended_at.is_(None))
            .label("waiting_since"),
        ).group_by(
            func.grouping_sets(tuple_(), tuple_(offers.c.service_id), tuple_(offers.c.quarter)),
        )
    )
    return {
        (row.service_id, row.quarter): (
            _days(row.to_answer),
            _days(row.to_contact),
            _days(row.wait),
            row.waiting_since,
        )
        for row in rows
    }


def _seconds(until: Any, since: Any) -> Any:
    return cast(extract("epoch", until - since), Float)


def _percentiles(seconds: Any) -> Any:
    return func.percentile_cont(literal_column("ARRAY[0.5, 0.9]")).within_group(seconds)


def _days(seconds: list[float] | None) -> DaysTaken:
    """Nothing took any time yet: nothing is said."""
    if not seconds or seconds[0] is None:
        return _NONE
    return DaysTaken(*(round(each / _DAY_S, 1) for each in seconds))
