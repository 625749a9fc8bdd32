"""What happens next on a referral: who owes which act, since when, by when. A cache for the queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import as_service

# The first line that fits is the next act. A question from a provider and a decline come before the ordinary
# steps, because somebody else is waiting; a check of safe contact comes before any contact.
_REFRESH = text(
    """
    WITH chosen AS (
        SELECT r.id, r.state, r.assigned_to_id FROM referral r WHERE r.id = ANY(:ids)
    ), onward AS (
        SELECT o.referral_id,
            bool_or(o.state = 'information_requested') AS asked,
            bool_or(o.state = 'declined' AND o.decline_confirmed_at IS NULL) AS declined,
            bool_or(o.state IN ('offered', 'acknowledged', 'accepted', 'in_service')) AS live,
            min(o.answer_due_on) FILTER (WHERE o.state IN ('offered', 'acknowledged')) AS answer_due_on
        FROM onward_referral o WHERE o.referral_id = ANY(:ids) GROUP BY o.referral_id
    ), tasks AS (
        SELECT t.referral_id, count(*) AS open,
            bool_or(t.kind = 'provider_asked') AS asked,
            bool_or(t.kind IN ('provider_declined', 'offer_expired')) AS declined,
            bool_or(t.kind = 'service_ended') AS ended,
            bool_or(t.kind = 'safe_contact_check') AS unsafe,
            min(t.due_on) AS due_on
        FROM task t WHERE t.done_at IS NULL AND t.referral_id = ANY(:ids) GROUP BY t.referral_id
    ), clocks AS (
        SELECT c.referral_id,
            min(c.due_on) FILTER (WHERE e.owner = 'gateway') AS gateway_due_on,
            min(c.due_on) FILTER (WHERE e.owner = 'provider' AND o.provider_access_ended_at IS NULL)
                AS provider_due_on
        FROM entitlement_clock c
        JOIN code_entitlement e ON e.edition = c.edition AND e.entitlement_id = c.entitlement_id
        JOIN case_event s ON s.id = c.start_event_id
        LEFT JOIN onward_referral o ON o.id = s.onward_referral_id
        WHERE c.edition = 'local' AND c.status IN ('running', 'overdue') AND c.referral_id = ANY(:ids)
        GROUP BY c.referral_id
    ), next AS (
        SELECT f.id,
            CASE
                WHEN f.state = 'entered_in_error' THEN 'nothing'
                WHEN f.state = 'closed' THEN CASE WHEN t.open > 0 THEN 'do_task' ELSE 'nothing' END
                WHEN f.state = 'held' THEN 'resolve_hold'
                WHEN o.asked OR t.asked THEN 'answer_provider'
                WHEN o.declined OR t.declined THEN 'plan_after_decline'
                WHEN f.state = 'received' OR f.assigned_to_id IS NULL THEN 'assign'
                WHEN t.unsafe THEN 'do_task'
                WHEN f.state = 'assigned' THEN 'make_contact'
                WHEN f.state = 'in_contact' THEN 'assess'
                WHEN t.ended THEN 'review_support'
                WHEN t.open > 0 THEN 'do_task'
                WHEN o.live THEN 'wait_for_provider'
                WHEN f.state = 'supported' THEN 'review_support'
                WHEN f.state = 'triaged' OR EXISTS (
                    SELECT FROM triage_assessment a WHERE a.referral_id = f.id) THEN 'refer_or_close'
                WHEN EXISTS (
                    SELECT FROM contact_attempt a WHERE a.referral_id = f.id AND a.outcome = 'reached')
                    THEN 'assess'
                ELSE 'make_contact'
            END AS act,
            least(t.due_on, c.gateway_due_on) AS gateway_due_on,
            least(o.answer_due_on, c.provider_due_on) AS provider_due_on
        FROM chosen f
        LEFT JOIN onward o ON o.referral_id = f.id
        LEFT JOIN tasks t ON t.referral_id = f.id
        LEFT JOIN clocks c ON c.referral_id = f.id
    ), owed AS (
        SELECT n.id, n.act,
            CASE n.act WHEN 'nothing' THEN 'nobody' WHEN 'wait_for_provider' THEN 'provider'
                ELSE 'gateway' END AS owner,
            CASE n.act WHEN 'nothing' THEN NULL WHEN 'wait_for_provider' THEN n.provider_due_on
                ELSE n.gateway_due_on END AS due_on
        FROM next n
    )
    UPDATE referral r
    SET next_act = n.act, waiting_on = n.owner, next_due_on = n.due_on,
        next_since = CASE WHEN r.next_act = n.act AND r.waiting_on = n.owner THEN r.next_since ELSE :at END
    FROM owed n
    WHERE n.id = r.id
        AND (r.next_act, r.waiting_on, r.next_due_on) IS DISTINCT FROM (n.act, n.owner, n.due_on)
    """
)


def refresh_next(session: Session, referral_id: UUID, *, at: datetime) -> None:
    """Recompute what happens next on one referral; last in every action that moves it or what hangs on it."""
    refresh_next_many(session, [referral_id], at=at)


def refresh_next_many(session: Session, referral_ids: Sequence[UUID], *, at: datetime) -> None:
    """Recompute what happens next on these referrals in one statement.

    `next_since` becomes `at` only where the act or its owner changed. Clocks must be refreshed before. Runs
    as the service, so that a provider's act moves the Gateway's queue; call it outside `as_service`.
    """
    if not referral_ids:
        return
    with as_service(session):
        session.execute(_REFRESH, {"ids": list(referral_ids), "at": at})
