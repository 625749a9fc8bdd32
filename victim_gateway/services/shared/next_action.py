"""Compute each referral's next action, who must take it, and the last step (cached on the referral for the queue).

The rules are the table in `rules/next_action.py`; here the facts that it reads are gathered for many referrals at
once, and the answers are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from config.step_limits import StepLimits
from victim_gateway.actors import Actor
from victim_gateway.compliance.clocks import Status
from victim_gateway.compliance.editions import LOCAL
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import actor_of, as_service, transaction
from victim_gateway.models import Referral
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.case_steps import events_without_step
from victim_gateway.rules.next_action_sql import (
    build_action_case,
    build_band_case,
    build_due_on_case,
    build_progress_case,
    build_rule_number_case,
    build_step_days_case,
    build_waiting_on_case,
)
from victim_gateway.rules.step_dates import StepProgress
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.shared import tasks
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    NextAction,
    OnwardState,
    ReferralState,
    SafeAnswer,
)

_AT_ONCE = 2000
# When something was last done in a step, of the referral in `ruled`. Looked up only for the rule that decides.
_PROGRESS = {
    StepProgress.ATTEMPT: "SELECT max(a.attempted_at) FROM contact_attempt a WHERE a.referral_id = {id}",
    StepProgress.SAFE_CONTACT: "SELECT p.recorded_at FROM safe_contact_plan p JOIN referral s"
    " ON s.person_id = p.person_id WHERE s.id = {id} AND p.superseded_at IS NULL",
    StepProgress.ASSESSMENT: "SELECT max(a.recorded_at) FROM triage_assessment a WHERE a.referral_id = {id}",
    StepProgress.PROVIDER: "SELECT max(e.recorded_at) FROM case_event e"
    " WHERE e.referral_id = {id} AND e.onward_referral_id IS NOT NULL",
}


@cache
def _build_refresh(limits: StepLimits) -> TextClause:
    """The statement for the days of one area.

    The columns of `facts` are those that `rules/next_action_sql.py` asks for. PostgreSQL makes `facts` part of
    `ruled`, so that an assessment is looked up only for a referral whose earlier rules do not hold. `ruled` is
    MATERIALIZED, or the long CASE would be evaluated again for every column that is made from it.
    A check of safe contact is one task for a person and hangs on one of their referrals: it is a task of all that are
    not ended, or a caseworker would be told to call from the other one.
    """
    progress = {
        each: f"({select.format(id='ruled.id')}) AT TIME ZONE 'Europe/London'"
        for each, select in _PROGRESS.items()
    }
    no_step = ", ".join(f"'{event}'" for event in events_without_step())
    live = ", ".join(f"'{state}'" for state in LIVE_ONWARD_STATES)
    return text(
        f"""
    WITH onward AS (
        SELECT o.referral_id, array_agg(o.state) AS states,
            bool_or(o.state = '{OnwardState.DECLINED}' AND o.decline_confirmed_at IS NULL) AS unconfirmed_decline,
            min(o.answer_due_on) FILTER (
                WHERE o.state IN ('{OnwardState.OFFERED}', '{OnwardState.ACKNOWLEDGED}')) AS answer_due_on
        FROM onward_referral o WHERE o.referral_id = ANY(:ids)
            -- Nobody at the provider can do anything about one that was left by a succession.
            AND NOT (o.state IN ({live}) AND o.provider_access_ended_at IS NOT NULL)
        GROUP BY o.referral_id
    ), tasks AS (
        SELECT t.referral_id, array_agg(t.kind) AS kinds, min(t.due_on) AS due_on
        FROM (
            SELECT own.referral_id, own.kind, own.due_on
            FROM task own WHERE own.done_at IS NULL AND own.referral_id = ANY(:ids)
            UNION ALL
            SELECT s.id, asked.kind, asked.due_on
            FROM referral s
            JOIN task asked ON asked.dedupe_key = '{tasks.SAFE_CONTACT_CHECK_PREFIX}' || s.person_id
                AND asked.done_at IS NULL AND asked.referral_id <> s.id
            WHERE s.id = ANY(:ids) AND s.state NOT IN ('{ReferralState.CLOSED}', '{ReferralState.ENTERED_IN_ERROR}')
        ) t GROUP BY t.referral_id
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
        SELECT r.id, r.state, r.next_act AS act_before, r.waiting_on AS waited_on_before, r.next_since,
            {build_band_case()} AS band,
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
                    AND p.checked_at >= :asked_since
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
            act_before, waited_on_before, next_since, band, {build_rule_number_case()} AS rule
        FROM facts
    ), named AS MATERIALIZED (
        SELECT ruled.*,
            {build_action_case()} AS next_act,
            {build_waiting_on_case()} AS waiting_on,
            {build_step_days_case(limits)} AS step_days,
            ({build_progress_case(progress)})::date AS progress_on
        FROM ruled
    ), started AS MATERIALIZED (
        SELECT named.*, greatest(progress_on, (
            CASE WHEN act_before = next_act AND waited_on_before = waiting_on THEN next_since ELSE :at END
            AT TIME ZONE 'Europe/London')::date) AS start_on
        FROM named
    ), answer AS (
        SELECT s.id, s.next_act, s.waiting_on,
            {build_due_on_case("coalesce(w.day, s.start_on + s.step_days)")} AS due_on,
            CASE WHEN :with_steps AND s.next_act <> '{NextAction.NOTHING}' THEN (
                SELECT max(e.recorded_at) FROM case_event e
                WHERE e.referral_id = s.id AND e.actor_id IS NOT NULL AND e.import_batch_id IS NULL
                    AND e.event NOT IN ({no_step})) END AS last_step_at
        FROM started s
        LEFT JOIN calendar_day c ON c.day = s.start_on
        LEFT JOIN calendar_day w ON w.is_working AND w.ordinal = c.ordinal + s.step_days
    )
    UPDATE referral r
    SET next_act = n.next_act, waiting_on = n.waiting_on, next_due_on = n.due_on,
        last_step_at = coalesce(n.last_step_at, r.last_step_at, r.received_at),
        next_since = CASE WHEN r.next_act = n.next_act AND r.waiting_on = n.waiting_on
            THEN r.next_since ELSE :at END
    FROM answer n
    WHERE n.id = r.id
        AND (r.next_act, r.waiting_on, r.next_due_on, r.last_step_at) IS DISTINCT FROM
            (n.next_act, n.waiting_on, n.due_on, coalesce(n.last_step_at, r.last_step_at, r.received_at))
    """  # noqa: S608  every value is a member of our own enums
    )


def refresh_next_actions(
    session: Session, referral_ids: Sequence[UUID], *, at: datetime, with_steps: bool = False
) -> None:
    """Recompute what happens next on these referrals in one statement.

    Last in every action that changes a referral or what hangs on it.
    `next_since` becomes `at` only where the action or who must take it changed. Clocks must be refreshed before.
    The last step is looked up after what a person did, and `with_steps`: what runs by itself is no step, and a feed
    need not read the events of each referral.
    Runs as the service, so that a provider's answer moves the Gateway's queue; call it outside `as_service`.
    """
    if not referral_ids:
        return
    is_of_person = actor_of(session).user_id is not None
    with as_service(session):
        thresholds = current_settings().area.thresholds
        asked_since = at - timedelta(days=thresholds.safe_contact_recheck_days)
        session.execute(
            _build_refresh(thresholds.next_action_working_days),
            {
                "ids": list(referral_ids),
                "at": at,
                "asked_since": asked_since,
                "with_steps": with_steps or is_of_person,
            },
        )


def refresh_person_referrals(
    session: Session, person_id: UUID, *, at: datetime, but: UUID | None = None
) -> None:
    """Recompute what happens next on every referral of a person that waits, those too that the actor may not see.

    For what belongs to the person: how they may be reached, and the check of it. `but` is the referral of the
    action itself, which is refreshed when it ends. The referrals are locked already.
    """
    with as_service(session):
        waiting = select(Referral.id).where(
            is_record_of(Referral.person_id, person_id),
            Referral.id != but,
            Referral.next_action != NextAction.NOTHING,
        )
        ids = session.scalars(waiting.order_by(Referral.id)).all()
    refresh_next_actions(session, ids, at=at)


def refresh_open_referrals(*, actor: Actor, at: datetime) -> None:
    """Recompute what happens next on every referral that waits: after an upgrade, and each night.

    In parts, each its own transaction, so that nobody who saves meanwhile waits long.
    """
    with transaction(actor) as session:
        ids = session.scalars(
            select(Referral.id).where(Referral.next_action != NextAction.NOTHING).order_by(Referral.id)
        ).all()
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        with transaction(actor) as session:
            locked = (
                select(Referral.id)
                .where(Referral.id.in_(part))
                .order_by(Referral.id)
                .with_for_update(key_share=True)
            )
            session.execute(locked)
            refresh_next_actions(session, part, at=at, with_steps=True)
