"""The service's own figures from counts that are kept by day: receipts, waits, closings.

A day of which something changed since it was counted is counted here, in the same statement and so in the same
snapshot. The figures are exactly those of `service_figures`, which reads every referral and event.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Date, Row, bindparam, text
from sqlalchemy.orm import Session

from victim_gateway.database.session_limits import set_local

MOST_STALE_DAYS = 60
"""From more days than that it is quicker to read all referrals at once: after an import of past years."""
_IS_VOIDED = "EXISTS (SELECT FROM case_event v WHERE v.voids_id = {event}.id)"
_WITHIN_DAY = """{moment} >= (d.day::timestamp AT TIME ZONE 'Europe/London')
        AND {moment} < ((d.day + 1)::timestamp AT TIME ZONE 'Europe/London')"""
# What the days of `chosen` come to, as rows of `fresh`. By referral and not over all events: the days are few, and
# nothing tells the planner so.
COUNTS_OF_CHOSEN_DAYS = f"""
received AS MATERIALIZED (
    SELECT d.day, r.id, r.received_at, r.source
    FROM chosen d JOIN referral r ON {_WITHIN_DAY.format(moment="r.received_at")}
    WHERE r.state <> 'entered_in_error'
),
waited AS (
    SELECT r.day, k.event, greatest(date_part('epoch', first.occurred_at - r.received_at), 0) / 86400 AS days
    FROM received r CROSS JOIN (VALUES ('first_contact_attempted'), ('triage_assessment_completed')) AS k (event)
    CROSS JOIN LATERAL (
        SELECT e.occurred_at FROM case_event e
        WHERE e.referral_id = r.id AND e.event = k.event AND NOT {_IS_VOIDED.format(event="e")}
        ORDER BY e.occurred_at LIMIT 1
    ) AS first
),
closed AS (
    SELECT d.day, e.reason_code AS outcome, again.day AS until_on
    FROM chosen d JOIN case_event e
        ON e.event = 'referral.closed' AND {_WITHIN_DAY.format(moment="e.occurred_at")}
    JOIN LATERAL (
        SELECT FROM referral r WHERE r.id = e.referral_id AND r.state <> 'entered_in_error' OFFSET 0
    ) AS counted ON true
    LEFT JOIN LATERAL (
        SELECT (n.occurred_at AT TIME ZONE 'Europe/London')::date AS day FROM case_event n
        WHERE n.referral_id = e.referral_id AND n.event = 'referral.closed' AND NOT {_IS_VOIDED.format(event="n")}
            AND n.occurred_at >= e.occurred_at AND (n.occurred_at, n.sequence) > (e.occurred_at, e.sequence)
        ORDER BY n.occurred_at, n.sequence LIMIT 1
    ) AS again ON true
    WHERE NOT {_IS_VOIDED.format(event="e")}
),
fresh AS (
    SELECT day, 'received' AS kind, NULL::text AS value, NULL::date AS until_on, count(*) AS referrals,
        NULL::double precision[] AS waits
    FROM received GROUP BY day
    UNION ALL
    SELECT day, 'not_police', NULL, NULL, count(*), NULL FROM received WHERE source <> 'police_feed' GROUP BY day
    UNION ALL
    SELECT day, event, floor(days)::bigint::text, NULL, count(*), array_agg(days) FROM waited GROUP BY 1, 2, 3
    UNION ALL
    SELECT day, 'referral.closed', outcome, until_on, count(*), NULL FROM closed GROUP BY 1, 3, 4
)"""  # noqa: S608  nothing in it comes from outside
_STALE_DAYS = text(
    "SELECT count(*) FROM (SELECT DISTINCT day FROM stale_service_day WHERE day BETWEEN :first AND :last) AS days"
)
# A percentile lies between two waits; only those of as many whole days are put in order to find the two, and
# weighed as percentile_cont() does.
_FIGURES = f"""
WITH chosen AS MATERIALIZED (
    SELECT DISTINCT day FROM stale_service_day WHERE day BETWEEN :first AND :last
),{COUNTS_OF_CHOSEN_DAYS},
counted AS MATERIALIZED (
    SELECT c.day, c.kind, c.value, c.until_on, c.referrals, c.waits FROM service_day_count c
    WHERE c.day BETWEEN :first AND :last AND NOT EXISTS (SELECT FROM chosen d WHERE d.day = c.day)
    UNION ALL
    SELECT day, kind, value, until_on, referrals, waits FROM fresh
),
alike AS (
    SELECT kind, value::bigint AS whole_days, sum(referrals)::bigint AS referrals
    FROM counted WHERE waits IS NOT NULL GROUP BY 1, 2
),
placed AS MATERIALIZED (
    SELECT kind, whole_days, referrals,
        (sum(referrals) OVER (PARTITION BY kind ORDER BY whole_days) - referrals)::bigint AS shorter,
        (sum(referrals) OVER (PARTITION BY kind))::bigint AS total
    FROM alike
),
ranked AS MATERIALIZED (
    SELECT t.kind, t.total, s.share, s.share * (t.total - 1) AS place
    FROM (SELECT DISTINCT kind, total FROM placed) t
    CROSS JOIN (VALUES (0.5::double precision), (0.9::double precision)) AS s (share)
),
needed AS (
    SELECT DISTINCT p.kind, p.whole_days, p.shorter FROM ranked r JOIN placed p
        ON p.kind = r.kind AND p.shorter <= ceil(r.place) AND p.shorter + p.referrals > floor(r.place)
),
ordered AS MATERIALIZED (
    SELECT n.kind, w.days,
        n.shorter + row_number() OVER (PARTITION BY n.kind, n.whole_days ORDER BY w.days) - 1 AS place
    FROM needed n JOIN counted c ON c.kind = n.kind AND c.value = n.whole_days::text
    CROSS JOIN LATERAL unnest(c.waits) AS w (days)
)
SELECT kind, date_trunc('week', day::timestamp)::date AS monday, NULL AS value, NULL::double precision AS share,
    sum(referrals)::bigint AS referrals, NULL::double precision AS days
FROM counted WHERE kind IN ('received', 'not_police') GROUP BY 1, 2
UNION ALL
SELECT kind, NULL, value, NULL, sum(referrals)::bigint, NULL
FROM counted WHERE kind = 'referral.closed' AND (until_on IS NULL OR until_on > :last) GROUP BY 1, 3
UNION ALL
SELECT r.kind, NULL, NULL, r.share, r.total,
    low.days + (r.place - floor(r.place)) * (high.days - low.days)
FROM ranked r JOIN ordered low ON low.kind = r.kind AND low.place = floor(r.place)::bigint
JOIN ordered high ON high.kind = r.kind AND high.place = ceil(r.place)::bigint
ORDER BY kind, referrals DESC, value
"""  # noqa: S608
_PERIOD = (bindparam("first", type_=Date), bindparam("last", type_=Date))


def has_few_stale_days(session: Session, first: date, last: date) -> bool:
    """Whether the kept counts hold enough of the period to be worth reading."""
    stale = session.scalar(_STALE_DAYS.bindparams(*_PERIOD), {"first": first, "last": last}) or 0
    return stale <= MOST_STALE_DAYS


def count_service_days(session: Session, first: date, last: date) -> Sequence[Row[Any]]:
    """Rows of kind, monday, value, share, referrals, days: weeks of receipts, outcomes, and two shares of each wait.

    Outcomes come in their order: the most frequent first, then by name.
    """
    set_local(session, "work_mem", "64MB")
    set_local(session, "jit", "off")
    # Putting texts in order by the rules of a language costs more than everything else here.
    set_local(session, "enable_mergejoin", "off")
    return session.execute(text(_FIGURES).bindparams(*_PERIOD), {"first": first, "last": last}).all()
