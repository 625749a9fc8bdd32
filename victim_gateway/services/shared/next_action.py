"""Compute each referral's next action and who must take it (cached on the referral for the queue).

The rules are the table in `rules/next_action.py`; here the facts that it reads are gathered for many referrals at
once, and the answers are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from victim_gateway.compliance.clocks import Status
from victim_gateway.compliance.editions import LOCAL
from victim_gateway.database.transaction import as_service
from victim_gateway.rules.next_action_sql import (
    build_action_case,
    build_due_on_case,
    build_rule_number_case,
    build_waiting_on_case,
)
from victim_gateway.vocabulary import AttemptOutcome, Channel, OnwardState, SafeAnswer

# The columns of `facts` are those that `rules/next_action_sql.py` asks for. PostgreSQL makes `facts` part of `ruled`,
# so that an assessment is looked up only for a referral whose earlier rules do not hold. `ruled` is MATERIALIZED,
# or the long CASE would be evaluated again for every column that is made from it.
_REFRESH = text(
    f"""
    WITH onward AS (
        SELECT o.referral_id, array_agg(o.state) AS states,
            bool_or(o.state = '{OnwardState.DECLINED}' AND o.decline_confirmed_at IS NULL) AS unconfirmed_decline,
            min(o.answer_due_on) FILTER (
                WHERE o.state IN ('{OnwardState.OFFERED}', '{OnwardState.ACKNOWLEDGED}')) AS answer_due_on
        FROM onward_referral o WHERE o.referral_id = ANY(:ids) GROUP BY o.referral_id
    ), tasks AS (
        SELECT t.referral_id, array_agg(t.kind) AS kinds, min(t.due_on) AS due_on
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
        WHERE c.edition = '{LOCAL}' AND c.status IN ('{Status.RUNNING}', '{Status.OVERDUE}')
            AND c.referral_id = ANY(:ids)
        GROUP BY c.referral_id
    ), facts AS (
        SELECT r.id, r.state,
            coalesce(o.states, '{{}}') AS onward_states,
            coalesce(t.kinds, '{{}}') AS open_tasks,
            r.assigned_to_id IS NOT NULL AS is_assigned,
            coalesce(o.unconfirmed_decline, false) AS has_unconfirmed_decline,
            EXISTS (SELECT FROM triage_assessment a WHERE a.referral_id = r.id) AS has_assessment,
            EXISTS (
                SELECT FROM contact_attempt a
                WHERE a.referral_id = r.id AND a.outcome = '{AttemptOutcome.REACHED}') AS was_reached,
            EXISTS (
                SELECT FROM safe_contact_plan p
                WHERE p.person_id = r.person_id AND p.superseded_at IS NULL
                    AND p.safe = '{SafeAnswer.YES}' AND p.safe_channels && '{{{",".join(Channel)}}}'
            ) AS is_safe_to_contact,
            t.due_on AS task_due_on,
            o.answer_due_on,
            c.gateway_due_on AS gateway_clock_due_on,
            c.provider_due_on AS provider_clock_due_on
        FROM referral r
        LEFT JOIN onward o ON o.referral_id = r.id
        LEFT JOIN tasks t ON t.referral_id = r.id
        LEFT JOIN clocks c ON c.referral_id = r.id
        WHERE r.id = ANY(:ids)
    ), ruled AS MATERIALIZED (
        SELECT id, task_due_on, answer_due_on, gateway_clock_due_on, provider_clock_due_on,
            {build_rule_number_case()} AS rule
        FROM facts
    ), answer AS (
        SELECT id,
            {build_action_case()} AS next_act,
            {build_waiting_on_case()} AS waiting_on,
            {build_due_on_case()} AS due_on
        FROM ruled
    )
    UPDATE referral r
    SET next_act = n.next_act, waiting_on = n.waiting_on, next_due_on = n.due_on,
        next_since = CASE WHEN r.next_act = n.next_act AND r.waiting_on = n.waiting_on
            THEN r.next_since ELSE :at END
    FROM answer n
    WHERE n.id = r.id
        AND (r.next_act, r.waiting_on, r.next_due_on) IS DISTINCT FROM (n.next_act, n.waiting_on, n.due_on)
    """  # noqa: S608  every value is a member of our own enums
)


def refresh_next_actions(session: Session, referral_ids: Sequence[UUID], *, at: datetime) -> None:
    """Recompute what happens next on these referrals in one statement.

    Last in every action that changes a referral or what hangs on it.
    `next_since` becomes `at` only where the action or who must take it changed. Clocks must be refreshed before.
    Runs as the service, so that a provider's answer moves the Gateway's queue; call it outside `as_service`.
    """
    if not referral_ids:
        return
    with as_service(session):
        session.execute(_REFRESH, {"ids": list(referral_ids), "at": at})
