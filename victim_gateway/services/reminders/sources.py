"""The sources of reminders as SQL: what each rule speaks of at a moment, one SELECT for each source that is asked.

Each gives the columns of `COLUMNS`. The pass runs every minute and finds nothing new in most of them, so a source reads
what is open and nothing else, from partial indexes: referrals with a next action, clocks of providers that run, onward
referrals that a provider may see. What hangs on a single row is looked up for that row (`LATERAL ... LIMIT 1`, or a
select as a value): nested loops are switched off for the comparison of what should be open with what is, and a join
would read all referrals or events.

A `key` names the cause, its step and the day it hangs on: a date that moves makes a new reminder, a pass that runs
again finds the same one. `reader` and `candidate_id` say who is reminded; `expires_on` is the last day on which it is
e-mailed. Every value in these texts is a code of ours; moments and days are bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from victim_gateway.compliance.calendar import england_and_wales, next_working_day
from victim_gateway.reminder_vocabulary import ReminderRecipient, ReminderSource
from victim_gateway.rules.next_action_sql import build_band_case
from victim_gateway.rules.reminder_rules import ReminderRule, find_reach, start_of_day
from victim_gateway.rules.stalled_cases import LONGEST_LOOK_DAYS
from victim_gateway.rules.step_dates import RiskBand
from victim_gateway.services.reminders.source_parts import (
    REFERRAL_COLUMNS,
    WHERE_OPEN,
    PassValues,
    SourceQuery,
    as_days,
    by_action,
    code_list,
    keep_unseen,
    key_suffix,
    london_day,
    newest_referral,
    plain_source,
    referral_of,
    repeat_number,
    subject_columns,
    urgent_value,
    worker_of,
)

COLUMNS = (
    "key, kind, code, urgent, occurrence, referral_id, onward_id, clock_id, task_id, about, due_on, reference,"
    " reader, candidate_id, provider_id, expires_on"
)
STALLED = "stalled"
_UNANSWERED = "('offered', 'acknowledged', 'information_requested')"
_OF_CLOCKS = (ReminderSource.PROVIDER_CLOCK, ReminderSource.OFFER_ANSWER)
_RECENT_FILES = timedelta(days=31)


def build_sources(rules: Iterable[ReminderRule], values: PassValues) -> list[SourceQuery]:
    """The sources of the rules that are switched on; a source without one costs nothing."""
    by_source: dict[ReminderSource, list[ReminderRule]] = {}
    for rule in rules:
        if rule.is_on:
            by_source.setdefault(rule.source, []).append(rule)
    of_clocks = [rule for source in _OF_CLOCKS for rule in by_source.get(source, [])]
    if of_clocks:
        values.bind("clock_reach", max(find_reach(rule, values.at).day for rule in of_clocks))
    built: list[SourceQuery] = []
    for rule in by_source.pop(ReminderSource.STALL, []):
        built.append(_stall(rule, values))
    is_stall_asked = bool(built)
    actions = by_source.pop(ReminderSource.NEXT_ACTION, [])
    if actions:
        built.append(_next_actions(actions, values, hides_stalled=is_stall_asked))
    for source, chosen in by_source.items():
        built += [query for rule in chosen if (query := _BUILDERS[source](rule, values)) is not None]
    return built


def _next_actions(rules: Sequence[ReminderRule], values: PassValues, *, hides_stalled: bool) -> SourceQuery:
    """All rules of next actions in one reading of what is open; to each belong the actions that it names.

    What others owe is said once its day has come. A case that stands still is asked about instead of said overdue;
    where the question goes to a provider, the caseworker hears that it is overdue.
    """
    reach = by_action(rules, values.reach)
    occurrence = by_action(rules, lambda rule: repeat_number(rule, values, "r.next_due_on"))
    stalled = (
        f" AND NOT (r.next_due_on < :today AND r.id IN (SELECT id FROM {STALLED} WHERE onward_id IS NULL))"  # noqa: S608
        if hides_stalled
        else ""
    )
    return SourceQuery(
        f"""SELECT
        kind || ':' || id || '.' || next_act || ':' || next_due_on || ':' || 'gateway' || {key_suffix("occurrence")},
        kind,
        code, urgent, occurrence, id, NULL::uuid, NULL::uuid, NULL::uuid, next_act, next_due_on, NULL::text,
        '{ReminderRecipient.CASEWORKER}', assigned_to_id, NULL::uuid,
        CASE kind WHEN 'action_due' THEN next_due_on ELSE next_due_on + lasts END
    FROM (
        SELECT r.id, r.next_act, r.next_due_on, r.assigned_to_id,
            CASE WHEN r.next_due_on < :today THEN 'action_overdue' ELSE 'action_due' END AS kind,
            {by_action(rules, lambda rule: f"'{rule.code}'")} AS code, {by_action(rules, urgent_value)} AS urgent,
            {by_action(rules, lambda rule: str(rule.expires_after_days))} AS lasts, {occurrence} AS occurrence
        FROM referral r
        WHERE {WHERE_OPEN} AND r.next_act IN ({code_list(name for rule in rules for name in rule.narrowing)})
            AND r.next_due_on <= CASE r.waiting_on WHEN 'gateway' THEN {reach} ELSE least(:today, {reach}) END{stalled}
    ) ours"""  # noqa: S608
    )


_LIVE = """live AS MATERIALIZED (
    SELECT o.id, o.referral_id, o.reference, o.provider_id, o.state, o.answer_due_on
    FROM onward_referral o
    WHERE o.provider_access_ended_at IS NULL
)"""


# The event of each clock is looked up: a join would read all events.
_CLOCKS = """clock AS MATERIALIZED (
    SELECT c.id, c.due_on, c.entitlement_id, e.stop_event = 'onward_referral_answered' AS is_answer,
        (SELECT s.onward_referral_id FROM case_event s WHERE s.id = c.start_event_id) AS onward_id
    FROM entitlement_clock c
    JOIN code_entitlement e ON e.edition = c.edition AND e.entitlement_id = c.entitlement_id
    WHERE c.edition = 'local' AND c.status IN ('running', 'overdue') AND c.provider_id IS NOT NULL
        AND e.owner = 'provider' AND c.due_on <= :clock_reach
)"""


def _provider_rows(rule: ReminderRule, values: PassValues, subjects: str) -> str:
    """The rows of a provider's own subjects, with `kind`, `thing`, `clock_id`, `about`, `due_on` and the live one."""
    occurrence = repeat_number(rule, values, "s.due_on")
    candidate = (
        worker_of("s.onward_id") if rule.recipient is ReminderRecipient.PROVIDER_WORKER else "NULL::uuid"
    )
    return f"""SELECT
        s.kind || ':' || s.thing || ':' || s.due_on || ':' || 'provider' || {key_suffix(occurrence)}, s.kind,
        '{rule.code}', {urgent_value(rule)}, {occurrence}, s.referral_id, s.onward_id, s.clock_id, NULL::uuid, s.about,
        s.due_on, s.reference, '{rule.recipient}', {candidate}, s.provider_id,
        CASE s.kind WHEN 'clock_due' THEN s.due_on ELSE s.due_on + {rule.expires_after_days} END
    FROM ({subjects}) s
    WHERE NOT (SELECT r.state IN ('closed', 'entered_in_error') FROM referral r WHERE r.id = s.referral_id)"""  # noqa: S608


def _provider_clocks(rule: ReminderRule, values: PassValues) -> SourceQuery:
    subjects = f"""SELECT CASE WHEN c.due_on < :today THEN 'clock_overdue' ELSE 'clock_due' END AS kind,
        c.id::text AS thing, o.referral_id, o.id AS onward_id, c.id AS clock_id, c.entitlement_id AS about, c.due_on,
        o.reference, o.provider_id
    FROM clock c JOIN live o ON o.id = c.onward_id
    WHERE NOT c.is_answer AND c.due_on <= {values.reach(rule)}"""  # noqa: S608
    return SourceQuery(_provider_rows(rule, values, subjects), (_LIVE, _CLOCKS))


def _offers(rule: ReminderRule, values: PassValues) -> SourceQuery:
    """Before the day by its clock, then the offer itself is asked about, once. A question puts nothing off."""
    reach = values.reach(rule)
    subjects = f"""SELECT 'clock_due' AS kind, c.id::text AS thing, o.referral_id, o.id AS onward_id, c.id AS clock_id,
        c.entitlement_id AS about, c.due_on, o.reference, o.provider_id
    FROM clock c JOIN live o ON o.id = c.onward_id
    WHERE c.is_answer AND c.due_on <= {reach} AND c.due_on > :today AND coalesce(o.answer_due_on, c.due_on) > :today
        AND o.state IN {_UNANSWERED}
  UNION ALL
    SELECT 'offer_unanswered', o.id::text, o.referral_id, o.id, NULL, 'provider_response', o.answer_due_on,
        o.reference, o.provider_id
    FROM live o
    WHERE o.state IN {_UNANSWERED} AND o.answer_due_on <= least(:today, {reach})"""  # noqa: S608
    return SourceQuery(_provider_rows(rule, values, subjects), (_LIVE, _CLOCKS))


def _stall(rule: ReminderRule, values: PassValues) -> SourceQuery:
    """Open referrals on which no step was taken for the rule's days at their risk, and which wait for no day to come.

    Where a provider has the case, its worker is asked; else the caseworker.
    """
    high = values.reach(rule, band=RiskBand.HIGH)
    by_band = {band: values.reach(rule, band=band) for band in RiskBand}
    limit = "CASE band " + " ".join(f"WHEN '{band}' THEN {reach}" for band, reach in by_band.items()) + " END"
    days = (
        "CASE band "
        + " ".join(f"WHEN '{band}' THEN {as_days(rule, rule.offset_of(band))}" for band in RiskBand)
        + " END"
    )
    lately = values.bind("answered_since", values.at - timedelta(days=LONGEST_LOOK_DAYS + 1))
    table = f"""{STALLED} AS MATERIALIZED (
    SELECT open.*, o.onward_id, o.onward_reference, o.provider_id
    FROM (
        SELECT r.id, r.assigned_to_id, r.waiting_on, r.last_step_at, r.next_due_on, {build_band_case()} AS band
        FROM referral r
        WHERE {WHERE_OPEN} AND r.last_step_at IS NOT NULL AND r.last_step_at < {high}
            AND (r.next_due_on IS NULL OR r.next_due_on < :today)
    ) open
    LEFT JOIN (
        SELECT DISTINCT ON (o.referral_id) o.referral_id, o.id AS onward_id, o.reference AS onward_reference,
            o.provider_id
        FROM onward_referral o
        WHERE o.state IN ('accepted', 'in_service') AND o.provider_access_ended_at IS NULL
        ORDER BY o.referral_id, o.offered_at DESC
    ) o ON o.referral_id = open.id AND open.waiting_on = 'provider'
    WHERE open.last_step_at < {limit}
        AND open.id NOT IN (
            SELECT latest.referral_id FROM (
                SELECT DISTINCT ON (a.referral_id) a.referral_id, a.look_again_on FROM stall_answer a
                WHERE a.answered_at >= {lately} ORDER BY a.referral_id, a.answered_at DESC
            ) latest WHERE latest.look_again_on > :today)
        AND open.id NOT IN (
            SELECT p.referral_id FROM support_plan p WHERE p.superseded_at IS NULL AND p.review_on > :today)
        AND (o.onward_id IS NULL OR o.onward_id NOT IN (
            SELECT a.onward_referral_id FROM onward_appointment a WHERE a.state = 'planned' AND a.starts_at > :at))
)"""  # noqa: S608
    occurrence = repeat_number(rule, values, "s.last_step_at")
    return SourceQuery(
        f"""SELECT
        '{rule.code}:' || s.id || ':' || extract(epoch FROM s.last_step_at)::bigint || {key_suffix(occurrence)},
        'task_waiting', '{rule.code}', {urgent_value(rule)}, {occurrence}, s.id, s.onward_id, NULL::uuid, NULL::uuid,
        '{rule.code}', {london_day("s.last_step_at")}, s.onward_reference,
        CASE WHEN s.onward_id IS NULL THEN '{ReminderRecipient.CASEWORKER}'
            ELSE '{ReminderRecipient.PROVIDER_WORKER}' END,
        CASE WHEN s.onward_id IS NULL THEN s.assigned_to_id ELSE {worker_of("s.onward_id")} END, s.provider_id,
        {london_day("s.last_step_at")} + {days} + {rule.expires_after_days}
    FROM {STALLED} s""",  # noqa: S608
        (table,),
    )


def _open_tasks(rule: ReminderRule, values: PassValues) -> SourceQuery:
    subject = subject_columns(rule, values, thing="t.id::text", day="t.due_on", task_id="t.id")
    return plain_source(
        rule,
        f"""SELECT {REFERRAL_COLUMNS}, {subject}
    FROM task t CROSS JOIN LATERAL ({referral_of("t.referral_id")}) r
    WHERE t.done_at IS NULL AND t.kind IN ({code_list(rule.narrowing)}) AND t.due_on <= {values.reach(rule)}""",  # noqa: S608
    )


def _partner_duties(rule: ReminderRule, values: PassValues) -> SourceQuery:
    """What partners owed on one day, said once for a referral and that day: the page of its rights says which.

    The nightly recompute turns a clock that ran out to "unknown", which no index holds by its day: it is said on the
    day itself, and what stands is looked at by its referral.
    """
    still = """(SELECT true FROM entitlement_clock c WHERE c.referral_id = h.referral_id AND c.due_on = h.due_on
            AND c.edition <> 'local' AND c.stopped_at IS NULL
            AND c.status IN ('running', 'unknown', 'overdue') LIMIT 1)"""
    table = f"""duty AS MATERIALIZED (
    SELECT '{rule.code}:' || c.referral_id || ':' || c.due_on AS key, c.referral_id, c.due_on
    FROM entitlement_clock c
    JOIN code_entitlement e ON e.edition = c.edition AND e.entitlement_id = c.entitlement_id
    WHERE c.status = 'running' AND c.edition <> 'local' AND e.owner IN ({code_list(rule.narrowing)})
        AND c.due_on <= {values.reach(rule)} AND c.due_on >= {values.since(rule)}
    GROUP BY c.referral_id, c.due_on
), duty_said AS MATERIALIZED (
    SELECT h.dedupe_key AS key, h.referral_id, h.due_on
    FROM reminder h
    WHERE h.rule_code = '{rule.code}' AND h.resolved_at IS NULL AND h.escalated_from_id IS NULL
        AND h.due_on >= {values.since(rule)} AND {still}
)"""  # noqa: S608
    return SourceQuery(
        f"""SELECT s.key, 'task_waiting', '{rule.code}', {urgent_value(rule)}, 0, s.referral_id,
        NULL::uuid, NULL::uuid, NULL::uuid,
        '{rule.code}', s.due_on, r.reference, '{rule.recipient}', r.assigned_to_id, NULL::uuid,
        s.due_on + {rule.expires_after_days}
    FROM (SELECT * FROM duty UNION SELECT * FROM duty_said) s
    CROSS JOIN LATERAL ({referral_of("s.referral_id", WHERE_OPEN)}) r
    WHERE {keep_unseen(rule, "s.key")}""",  # noqa: S608
        (table,),
    )


def _safe_contact_plans(rule: ReminderRule, values: PassValues) -> SourceQuery:
    """Plans whose answers are about to be too old, while they still count; then the next action says so."""
    asked_since = values.bind("asked_since", values.at - timedelta(days=values.recheck_days))
    day = f"({london_day('p.checked_at')} + {values.recheck_days})"
    subject = subject_columns(rule, values, thing="p.id::text", day=day, moment="p.checked_at")
    usual = f"{WHERE_OPEN} AND r.next_act <> 'find_safe_way'"
    return plain_source(
        rule,
        f"""SELECT {REFERRAL_COLUMNS}, {subject}
    FROM safe_contact_plan p CROSS JOIN LATERAL ({newest_referral("p.person_id", usual)}) r
    WHERE p.superseded_at IS NULL AND p.safe = 'yes' AND p.checked_at < {values.reach(rule)}
        AND p.checked_at >= {asked_since}""",  # noqa: S608
    )


def _consents(rule: ReminderRule, values: PassValues) -> SourceQuery:
    """A yes to sharing that nobody asked about again; several of one day are one thing to ask."""
    day = london_day("c.given_at")
    subject = subject_columns(rule, values, thing="r.id::text", day=day, moment="c.given_at")
    return plain_source(
        rule,
        f"""SELECT DISTINCT ON (c.person_id, {day}) {REFERRAL_COLUMNS}, {subject}
    FROM consent c CROSS JOIN LATERAL ({newest_referral("c.person_id", WHERE_OPEN)}) r
    WHERE c.withdrawn_at IS NULL AND c.agreed AND c.purpose = 'share_with_provider'
        AND c.given_at < {values.reach(rule)} AND c.given_at >= {values.since(rule)}
    ORDER BY c.person_id, {day}, c.given_at""",  # noqa: S608
    )


def _follow_up_calls(rule: ReminderRule, values: PassValues) -> SourceQuery:
    """A person whom a provider helps, and to whom we have not talked since."""
    day = london_day("r.talked_at")
    subject = subject_columns(rule, values, thing="r.id::text", day=day, moment="r.talked_at")
    return plain_source(
        rule,
        f"""SELECT r.id, NULL::text AS reference, r.assigned_to_id, {subject}
    FROM (
        SELECT r.id, r.assigned_to_id, (SELECT max(a.attempted_at) FROM contact_attempt a
            WHERE a.referral_id = r.id AND a.outcome = 'reached') AS talked_at
        FROM referral r
        WHERE {WHERE_OPEN} AND r.next_act = 'wait_for_provider' AND r.id IN (
            SELECT o.referral_id FROM onward_referral o
            WHERE o.state IN ('accepted', 'in_service') AND o.provider_access_ended_at IS NULL)
    ) r
    WHERE r.talked_at < {values.reach(rule)} AND r.talked_at >= {values.since(rule)}""",  # noqa: S608
    )


def _withholdings(rule: ReminderRule, values: PassValues) -> SourceQuery:
    """Until the day itself, on which a task is opened."""
    subject = subject_columns(rule, values, thing="w.id::text", day="w.review_on")
    return plain_source(
        rule,
        f"""SELECT {REFERRAL_COLUMNS}, {subject}
    FROM withholding w CROSS JOIN LATERAL ({referral_of("w.referral_id")}) r
    WHERE w.state = 'agreed' AND w.review_on <= {values.reach(rule)} AND w.review_on > :today""",  # noqa: S608
    )


def _device_loans(rule: ReminderRule, values: PassValues) -> SourceQuery:
    """Until it is due back; the day after, a task is opened."""
    subject = subject_columns(rule, values, thing="d.id::text", day="d.due_back_on")
    return plain_source(
        rule,
        f"""SELECT {REFERRAL_COLUMNS}, {subject}
    FROM device_loan d CROSS JOIN LATERAL ({referral_of("d.referral_id")}) r
    WHERE d.ended_on IS NULL AND d.asked_at IS NULL AND d.due_back_on <= {values.reach(rule)}
        AND d.due_back_on >= :today""",  # noqa: S608
    )


def _closed(rule: ReminderRule, values: PassValues, narrower: str = "") -> SourceQuery:
    day = london_day("r.closed_at")
    subject = subject_columns(rule, values, thing="r.id::text", day=day, moment="r.closed_at")
    return plain_source(
        rule,
        f"""SELECT r.id, NULL::text AS reference, r.assigned_to_id, {subject}
    FROM referral r
    WHERE r.state = 'closed' AND r.closed_at < {values.reach(rule)}
        AND r.closed_at >= {values.since(rule)}{narrower}""",  # noqa: S608
    )


def _surveys(rule: ReminderRule, values: PassValues) -> SourceQuery:
    """People whom we reached, who were not asked at the end, and who said no to nothing that a question needs."""
    return _closed(
        rule,
        values,
        """
        AND r.outcome IN ('needs_met', 'referred_on', 'other')
        AND (SELECT true FROM satisfaction_survey s WHERE s.referral_id = r.id
            AND (s.stage = 'at_closing' OR s.state = 'refused') LIMIT 1) IS NULL
        AND (SELECT true FROM contact_attempt a WHERE a.referral_id = r.id AND a.outcome = 'reached' LIMIT 1)
        AND (SELECT true FROM consent c WHERE c.person_id = r.person_id AND c.purpose IN ('survey', 'contact')
            AND NOT c.agreed AND c.withdrawn_at IS NULL LIMIT 1) IS NULL""",
    )


def _late_feed(rule: ReminderRule, values: PassValues) -> SourceQuery | None:
    """Today without a file, in an area that hands files in; nothing before its time, and on no day off."""
    if (
        find_reach(rule, values.at).day != values.today
        or next_working_day(values.today, england_and_wales()) != values.today
    ):
        return None
    begins = values.bind("feed_day", start_of_day(values.today))
    recent = values.bind("feed_recent", values.at - _RECENT_FILES)
    kinds = code_list(rule.narrowing)
    return SourceQuery(
        f"""SELECT '{rule.code}:' || b.kind || ':' || CAST(:today AS text), 'task_waiting', '{rule.code}',
        {urgent_value(rule)}, 0,
        NULL::uuid, NULL::uuid, NULL::uuid, NULL::uuid, b.kind, CAST(:today AS date), 'Import', '{rule.recipient}',
        NULL::uuid, NULL::uuid, CAST(:today AS date)
    FROM import_batch b
    WHERE b.kind IN ({kinds}) AND NOT b.history AND b.created_at >= {recent}
        AND b.created_at <= :at
    GROUP BY b.kind
    HAVING coalesce(max(b.created_at) FILTER (WHERE b.state <> 'refused'), '-infinity') < {begins}"""  # noqa: S608
    )


_BUILDERS: dict[ReminderSource, Callable[[ReminderRule, PassValues], SourceQuery | None]] = {
    ReminderSource.PROVIDER_CLOCK: _provider_clocks,
    ReminderSource.OFFER_ANSWER: _offers,
    ReminderSource.OPEN_TASK: _open_tasks,
    ReminderSource.PARTNER_DUTY: _partner_duties,
    ReminderSource.SAFE_CONTACT_CHECK: _safe_contact_plans,
    ReminderSource.CONSENT_REVIEW: _consents,
    ReminderSource.FOLLOW_UP_CALL: _follow_up_calls,
    ReminderSource.WITHHOLDING_REVIEW: _withholdings,
    ReminderSource.DEVICE_LOAN: _device_loans,
    ReminderSource.SURVEY: _surveys,
    ReminderSource.RETENTION: _closed,
    ReminderSource.FEED: _late_feed,
}
