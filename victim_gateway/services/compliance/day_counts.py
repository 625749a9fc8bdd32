"""Keep clocks and the service's own figures counted by day: each pass counts anew the days that changed since.

A page reads the counts of all other days and counts the marked ones itself (`queries/compliance/day_counts.py`,
`service_days.py`), so a pass that comes late makes a page slower and never wrong.
"""

from __future__ import annotations

from sqlalchemy import TextClause, text

from victim_gateway.actors import Actor
from victim_gateway.database.session_limits import set_local, set_timeouts
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.compliance.day_counts import LATEST_FACTS
from victim_gateway.queries.compliance.service_days import COUNTS_OF_CHOSEN_DAYS

DAYS_AT_ONCE = 32
DAYS_IN_A_PASS = 96
"""An import marks a whole year again and again: counted as often as that it would be work for nothing."""
STATEMENT_TIMEOUT = "1min"
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('clock_day_count'))")
# One statement, so that the marks that go are those of the clocks that are counted: a mark that is written
# meanwhile is not seen, and stays.
_COUNT = text(
    f"""
WITH chosen AS MATERIALIZED (
    SELECT day FROM stale_figure_day GROUP BY day ORDER BY min(id) LIMIT :days
),
unmarked AS (DELETE FROM stale_figure_day s USING chosen d WHERE s.day = d.day),
replaced AS (DELETE FROM clock_day_count s USING chosen d WHERE s.day = d.day),
started AS MATERIALIZED (
    SELECT c.referral_id, c.started_on AS day, c.edition, c.entitlement_id, c.enhanced, c.status,
        CASE WHEN c.status = 'running' AND c.due_on IS NOT NULL THEN c.late_status ELSE '' END AS late_status,
        CASE WHEN c.status = 'running' THEN c.due_on END AS due_on
    FROM entitlement_clock c JOIN chosen d ON d.day = c.started_on
),
placed AS MATERIALIZED (
    SELECT r.referral_id, f.district, f.crime_type
    FROM (SELECT DISTINCT referral_id FROM started) r
    LEFT JOIN LATERAL ({LATEST_FACTS.format(referral_id="r.referral_id")}) f ON true
),
alike AS MATERIALIZED (
    SELECT s.day, s.edition, s.entitlement_id, s.enhanced, s.status, s.late_status, s.due_on,
        p.district, p.crime_type, count(*) AS clocks
    FROM started s JOIN placed p ON p.referral_id = s.referral_id
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
),
counted AS (
    INSERT INTO clock_day_count
        (day, split, value, edition, entitlement_id, enhanced, status, late_status, due_on, clocks)
    SELECT day, 'all', NULL, edition, entitlement_id, enhanced, status, late_status, due_on, sum(clocks)
    FROM alike GROUP BY 1, 4, 5, 6, 7, 8, 9
    UNION ALL
    SELECT day, 'district', district, edition, entitlement_id, enhanced, status, late_status, due_on, sum(clocks)
    FROM alike GROUP BY 1, 3, 4, 5, 6, 7, 8, 9
    UNION ALL
    SELECT day, 'crime_type', crime_type, edition, entitlement_id, enhanced, status, late_status, due_on, sum(clocks)
    FROM alike GROUP BY 1, 3, 4, 5, 6, 7, 8, 9
)
SELECT count(*) FROM chosen
"""  # noqa: S608  nothing in it comes from outside
)


_SERVICE_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('service_day_count'))")
_COUNT_SERVICE = text(
    f"""
WITH chosen AS MATERIALIZED (
    SELECT day FROM stale_service_day GROUP BY day ORDER BY min(id) LIMIT :days
),
unmarked AS (DELETE FROM stale_service_day s USING chosen d WHERE s.day = d.day),
replaced AS (DELETE FROM service_day_count s USING chosen d WHERE s.day = d.day),{COUNTS_OF_CHOSEN_DAYS},
kept AS (
    INSERT INTO service_day_count (day, kind, value, until_on, referrals, waits)
    SELECT day, kind, value, until_on, referrals, waits FROM fresh
)
SELECT count(*) FROM chosen
"""  # noqa: S608
)


def count_stale_days(*, actor: Actor, at_most: int = DAYS_IN_A_PASS) -> int:
    """Count the marked days of clocks anew, those first that wait longest, and say how many; one worker at a time."""
    return _count_days(_COUNT, _LOCK, actor, at_most)


def count_stale_service_days(*, actor: Actor, at_most: int = DAYS_IN_A_PASS) -> int:
    """Count the marked days of the service's own figures anew, as those of clocks."""
    return _count_days(_COUNT_SERVICE, _SERVICE_LOCK, actor, at_most)


def _count_days(count: TextClause, lock: TextClause, actor: Actor, at_most: int) -> int:
    done = 0
    while done < at_most:
        with transaction(actor) as session:
            set_timeouts(session, statement=STATEMENT_TIMEOUT)
            # A few days of many years: by their index, even where their rows lie scattered.
            set_local(session, "enable_seqscan", "off")
            set_local(session, "jit", "off")
            if not session.scalar(lock):
                break
            counted = session.execute(count, {"days": min(DAYS_AT_ONCE, at_most - done)}).scalar_one()
        if not counted:
            break
        done += counted
    return done
