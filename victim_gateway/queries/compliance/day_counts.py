"""Counts of clocks as they stand today, by the day on which they started.

From the counts that are kept by day; a day of which a clock was written since it was counted is counted here, in
the same statement and so in the same snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, Date, Row, Text, bindparam, text
from sqlalchemy.orm import Session

LATEST_FACTS = """
SELECT k.district, k.crime_type FROM case_facts k WHERE k.referral_id = {referral_id}
ORDER BY k.recorded_at DESC, k.sequence DESC LIMIT 1"""


class CountSplit(StrEnum):
    """By what clocks are counted apart."""

    ALL = "all"
    DISTRICT = "district"
    CRIME_TYPE = "crime_type"


@dataclass(frozen=True, slots=True)
class DayCountFilter:
    """Clocks that started within London dates, of one duty, in one district or of one crime type where given."""

    period: tuple[date, date]
    splits: tuple[CountSplit, ...] = (CountSplit.ALL,)
    value: str | None = None
    duty: tuple[str, str] | None = None
    """Edition and entitlement."""


# Month and status are those of the page; a clock that was counted as running may be late since.
_GROUPED = """
WITH stale AS MATERIALIZED (
    SELECT DISTINCT day FROM stale_figure_day WHERE day BETWEEN :first AND :last
),
written AS MATERIALIZED (
    SELECT c.referral_id, c.started_on AS day, c.edition, c.entitlement_id, c.enhanced, c.status,
        c.late_status, c.due_on
    FROM entitlement_clock c JOIN stale s ON s.day = c.started_on{duty_of_c}
),
placed AS (
    SELECT w.*, f.district, f.crime_type
    FROM written w LEFT JOIN (
        SELECT r.referral_id, l.district, l.crime_type
        FROM (SELECT DISTINCT referral_id FROM written) r
        LEFT JOIN LATERAL ({latest_facts}) l ON true
    ) f ON f.referral_id = w.referral_id
),
counted AS (
    SELECT d.split, d.value, d.edition, d.entitlement_id, d.enhanced, d.day, d.status, d.late_status, d.due_on, d.clocks
    FROM clock_day_count d
    WHERE d.day BETWEEN :first AND :last AND d.split IN ({splits}){value_of_d}{duty_of_d}
        AND NOT EXISTS (SELECT FROM stale s WHERE s.day = d.day)
    {live}
)
SELECT split, value, edition, entitlement_id, enhanced, date_trunc('month', day::timestamp) AS month,
    CASE WHEN status = 'running' AND due_on < :today THEN late_status ELSE status END AS status,
    sum(clocks)::bigint AS clocks
FROM counted GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_LIVE = """UNION ALL
    SELECT '{split}', {column}, edition, entitlement_id, enhanced, day, status, late_status, due_on, 1
    FROM {table}{value}
    """


def count_by_day(session: Session, chosen: DayCountFilter, *, today: date) -> Sequence[Row[Any]]:
    """Rows of split, value, edition, entitlement_id, enhanced, month, status, clocks."""
    duty = " AND {0}.edition = :edition AND {0}.entitlement_id = :entitlement_id"
    statement = _GROUPED.format(
        latest_facts=LATEST_FACTS.format(referral_id="r.referral_id"),
        splits=", ".join(f"'{split}'" for split in chosen.splits),
        duty_of_c=duty.format("c") if chosen.duty else "",
        duty_of_d=duty.format("d") if chosen.duty else "",
        value_of_d=" AND d.value = :value" if chosen.value is not None else "",
        live="".join(_live(split, has_value=chosen.value is not None) for split in chosen.splits),
    )
    bound: list[BindParameter[Any]] = [
        bindparam("first", chosen.period[0], Date),
        bindparam("last", chosen.period[1], Date),
        bindparam("today", today, Date),
    ]
    if chosen.value is not None:
        bound.append(bindparam("value", chosen.value, Text))
    if chosen.duty is not None:
        names = ("edition", "entitlement_id")
        bound += [bindparam(name, value, Text) for name, value in zip(names, chosen.duty, strict=True)]
    return session.execute(text(statement).bindparams(*bound)).all()


def _live(split: CountSplit, *, has_value: bool) -> str:
    if split is CountSplit.ALL:
        return _LIVE.format(split=split, column="NULL", table="written", value="")
    value = f" WHERE {split} = :value" if has_value else ""
    return _LIVE.format(split=split, column=split, table="placed", value=value)
