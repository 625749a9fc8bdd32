"""The Gateway's own figures: referrals, waits, providers' answers, outcomes. Counts and days, no names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, DateTime, Row, bindparam, text
from sqlalchemy.orm import Session

from victim_gateway.offer_vocabulary import WithdrawGroup
from victim_gateway.queries.compliance.clocks_sql import plan_for_many_rows
from victim_gateway.queries.compliance.service_days import count_service_days, has_few_stale_days
from victim_gateway.rules.withdraw_groups import WITHDRAW_GROUPS
from victim_gateway.times import from_london_wall
from victim_gateway.vocabulary import CloseOutcome, WithdrawReason

# An event that a correction has taken back did not happen. By the few that were, not event by event.
_LIVE = "e.id NOT IN (SELECT v.voids_id FROM case_event v WHERE v.voids_id IS NOT NULL)"
_WEEKS = text(
    """
SELECT width_bucket(received_at, :mondays) AS week, count(*) AS referrals,
    count(*) FILTER (WHERE source <> 'police_feed') AS not_police
FROM referral WHERE received_at >= :first AND received_at < :after AND state <> 'entered_in_error'
GROUP BY 1
"""
).bindparams(bindparam("mondays", type_=ARRAY(DateTime(timezone=True))))
# Days until the named event first happened. Read from its own index, without the events themselves.
_WAITS = f"""
WITH received AS MATERIALIZED (
    SELECT id, received_at FROM referral
    WHERE received_at >= :first AND received_at < :after AND state <> 'entered_in_error'
), step AS (
    SELECT e.event, min(r.received_at) AS received_at, min(e.occurred_at) AS occurred_at
    FROM received r JOIN case_event e ON e.referral_id = r.id
    WHERE e.event IN ('first_contact_attempted', 'triage_assessment_completed') AND {_LIVE}
    GROUP BY r.id, e.event
), waited AS (
    SELECT event, greatest(date_part('epoch', occurred_at - received_at), 0) / 86400 AS days FROM step
)
SELECT event, count(*) AS referrals, percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY days) AS days
FROM waited GROUP BY event
"""  # noqa: S608
# By the few referrals that were entered in error, which have an index of their own, and by the place of a name: texts
# are slow to put in order.
_PROVIDERS = """
SELECT min(o.name) AS name, count(*) AS offered, count(*) FILTER (WHERE r.state IN
        ('accepted', 'in_service', 'closed', 'returned', 'ended_early')) AS accepted,
    count(*) FILTER (WHERE r.state = 'declined') AS declined,
    count(*) FILTER (WHERE r.state = 'expired') AS expired,
    count(*) FILTER (WHERE r.state = 'withdrawn') AS withdrawn,
    count(*) FILTER (WHERE r.state IN ('offered', 'acknowledged', 'information_requested')) AS waiting,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(extract(epoch FROM r.answered_at - r.offered_at), 0)
        / 86400) AS median_days
FROM onward_referral r
    JOIN (SELECT id, name, dense_rank() OVER (ORDER BY name) AS place FROM organisation) o ON o.id = r.provider_id
WHERE r.offered_at >= :first AND r.offered_at < :after AND r.state NOT IN ('draft', 'entered_in_error')
    AND r.referral_id NOT IN (SELECT f.id FROM referral f WHERE f.state = 'entered_in_error')
GROUP BY o.place ORDER BY o.place
"""
# By the event and not by the state: a closing of a past month stays one when the referral is reopened since. One that
# was closed twice in the period counts once, as it ended last. A past case that was left closed when it was loaded
# was not closed on that day, and nobody knows on which: its event has another name.
_OUTCOMES = f"""
SELECT outcome, count(*) AS referrals FROM (
    SELECT DISTINCT ON (e.referral_id) e.reason_code AS outcome
    FROM case_event e JOIN referral r ON r.id = e.referral_id
    WHERE e.event = 'referral.closed' AND e.occurred_at >= :first AND e.occurred_at < :after
        AND r.state <> 'entered_in_error' AND {_LIVE}
    ORDER BY e.referral_id, e.occurred_at DESC, e.sequence DESC
) closing GROUP BY outcome ORDER BY 2 DESC, 1
"""  # noqa: S608


# Events are found by their referral. One that was taken back twice is two onward referrals.
_WITHDRAWN = f"""
SELECT e.reason_code AS reason, count(DISTINCT o.id) AS number
FROM onward_referral o
    JOIN case_event e ON e.referral_id = o.referral_id AND e.onward_referral_id = o.id
WHERE o.state = 'withdrawn' AND o.ended_at >= :first AND o.ended_at < :after
    AND e.event = 'onward_referral.withdrawn' AND {_LIVE}
    AND o.referral_id NOT IN (SELECT f.id FROM referral f WHERE f.state = 'entered_in_error')
GROUP BY e.reason_code
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """Referrals received in the week that begins on a Monday."""

    monday: date
    referrals: int
    not_police: int


@dataclass(frozen=True, slots=True)
class WaitFigures:
    """How long referrals waited for something, in days of 24 hours; None where it happened to none."""

    referrals: int = 0
    median_days: float | None = None
    ninetieth_days: float | None = None


@dataclass(frozen=True, slots=True)
class ProviderFigures:
    """Outcomes of the onward referrals offered to one provider, adding up to `offered`, and days until the answer."""

    name: str
    offered: int
    accepted: int
    declined: int
    expired: int
    withdrawn: int
    waiting: int
    median_days: float | None


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """The Gateway in one period."""

    weeks: tuple[WeekFigures, ...]
    first_attempt: WaitFigures
    triage: WaitFigures
    providers: tuple[ProviderFigures, ...]
    outcomes: tuple[tuple[CloseOutcome | None, int], ...]
    withdrawals: tuple[tuple[WithdrawGroup, int], ...] = ()

    @property
    def received(self) -> int:
        """Referrals received."""
        return sum(week.referrals for week in self.weeks)

    @property
    def closed(self) -> int:
        """Referrals closed."""
        return sum(number for _, number in self.outcomes)


def service_figures(session: Session, first: date, last: date) -> ServiceFigures:
    """The figures of London days, both included: by receipt, offer and closing, each on its own day.

    From the counts kept by day, or from all referrals and events where too many days wait to be counted.
    """
    if has_few_stale_days(session, first, last):
        return figures_from_days(session, first, last)
    return figures_from_every_row(session, first, last)


def figures_from_days(session: Session, first: date, last: date) -> ServiceFigures:
    """The figures from the counts kept by day."""
    rows = count_service_days(session, first, last)
    received = {(row.kind, row.monday): row.referrals for row in rows if row.monday}
    shares = {(row.kind, row.share): row for row in rows if row.share}
    outcomes = {row.value: row.referrals for row in rows if row.kind == "referral.closed"}
    mondays = _mondays(first, last)
    return ServiceFigures(
        weeks=tuple(
            WeekFigures(day, received.get(("received", day), 0), received.get(("not_police", day), 0))
            for day in mondays
        ),
        first_attempt=_wait_of_shares(shares, "first_contact_attempted"),
        triage=_wait_of_shares(shares, "triage_assessment_completed"),
        providers=_providers(session, first, last),
        withdrawals=_withdrawals(session, first, last),
        outcomes=_outcomes(outcomes.items()),
    )


def figures_from_every_row(session: Session, first: date, last: date) -> ServiceFigures:
    """The same figures, from every referral and event of the period."""
    plan_for_many_rows(session)
    bounds = _bounds(first, last)
    mondays = _mondays(first, last)
    weeks = session.execute(_WEEKS, {**bounds, "mondays": [_midnight(monday) for monday in mondays]})
    waits = {row.event: _wait(row) for row in session.execute(text(_WAITS), bounds)}
    return ServiceFigures(
        weeks=_every_week(weeks.all(), mondays),
        first_attempt=waits.get("first_contact_attempted", WaitFigures()),
        triage=waits.get("triage_assessment_completed", WaitFigures()),
        providers=_providers(session, first, last),
        withdrawals=_withdrawals(session, first, last),
        outcomes=_outcomes((row.outcome, row.referrals) for row in session.execute(text(_OUTCOMES), bounds)),
    )


def _withdrawals(session: Session, first: date, last: date) -> tuple[tuple[WithdrawGroup, int], ...]:
    """Onward referrals taken back in the period, by the side on which the reason lies."""
    counted = dict.fromkeys(WithdrawGroup, 0)
    for row in session.execute(text(_WITHDRAWN), _bounds(first, last)):
        counted[WITHDRAW_GROUPS[WithdrawReason(row.reason)]] += row.number
    return tuple((group, number) for group, number in counted.items() if number)


def _providers(session: Session, first: date, last: date) -> tuple[ProviderFigures, ...]:
    rows = session.execute(text(_PROVIDERS), _bounds(first, last))
    return tuple(ProviderFigures(*row) for row in rows)


def _outcomes(counted: Iterable[tuple[str | None, int]]) -> tuple[tuple[CloseOutcome | None, int], ...]:
    return tuple((CloseOutcome(outcome) if outcome else None, number) for outcome, number in counted)


def _wait_of_shares(shares: Mapping[tuple[str, float], Row[Any]], event: str) -> WaitFigures:
    median, ninetieth = shares.get((event, 0.5)), shares.get((event, 0.9))
    if median is None or ninetieth is None:
        return WaitFigures()
    return WaitFigures(median.referrals, median.days, ninetieth.days)


def _bounds(first: date, last: date) -> dict[str, datetime]:
    return {"first": _midnight(first), "after": _midnight(last + timedelta(days=1))}


def _mondays(first: date, last: date) -> list[date]:
    monday = first - timedelta(days=first.weekday())
    return [monday + timedelta(weeks=number) for number in range((last - monday).days // 7 + 1)]


def _every_week(rows: Sequence[Row[Any]], mondays: Sequence[date]) -> tuple[WeekFigures, ...]:
    """Fill in the weeks in which no referral was received."""
    received = {row.week: (row.referrals, row.not_police) for row in rows}
    return tuple(
        WeekFigures(monday, *received.get(number, (0, 0))) for number, monday in enumerate(mondays, start=1)
    )


def _wait(row: Row[Any]) -> WaitFigures:
    median, ninetieth = row.days
    return WaitFigures(row.referrals, float(median), float(ninetieth))


def _midnight(day: date) -> datetime:
    return from_london_wall(datetime(day.year, day.month, day.day))
