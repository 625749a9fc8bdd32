"""The statements of one pass: which reminders should be open, and the changes that make them so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import TextClause, text

from victim_gateway.reminder_vocabulary import ReminderRecipient
from victim_gateway.rules.reminder_rules import WITH_OVERDUE, ReminderRule, find_escalation_limit
from victim_gateway.services.reminders.source_parts import PassValues
from victim_gateway.services.reminders.sources import COLUMNS, build_sources

_COORDINATOR = f"'{ReminderRecipient.COORDINATOR}'"
_OF_PROVIDER = f"('{ReminderRecipient.PROVIDER}', '{ReminderRecipient.PROVIDER_WORKER}')"
# So many referrals of a rule are looked through for those that a reader may see.
MOST_NAMED = 200
_OVERDUE_KINDS = "('action_overdue', 'clock_overdue', 'offer_unanswered')"


@dataclass(frozen=True, slots=True)
class PassStatement:
    """A statement made of the rules in force, with what it binds."""

    statement: TextClause
    values: dict[str, Any]


def _wanted(rules: Iterable[ReminderRule], values: PassValues) -> str:
    """Everything that ought to be open at :today, one row for each reminder and reader.

    The reader of a caseworker's reminder is the account that has the referral, or the common list where it is closed or
    absent; that of a coordinator's are the seniors of the Gateway; that of a provider's are its people.
    """
    sources = build_sources(rules, values)
    tables = list(dict.fromkeys(table for source in sources for table in source.tables))
    rows = "\n  UNION ALL\n    ".join(source.select for source in sources) or f"SELECT {_NO_ROW} WHERE false"
    return f"""
WITH gateway AS (
    SELECT id FROM organisation WHERE kind = 'gateway' ORDER BY key LIMIT 1
){"".join(f", {table}" for table in tables)}, spoken ({COLUMNS}) AS (
    {rows}
), wanted AS MATERIALIZED (
    SELECT s.key, split_part(s.key, '#', 1) AS first_key, s.kind, s.code, s.urgent, s.occurrence, s.referral_id,
        s.onward_id, s.clock_id, s.task_id, s.about, s.due_on, s.reference, s.expires_on,
        CASE WHEN s.reader <> {_COORDINATOR} THEN u.id END AS user_id,
        CASE WHEN s.reader IN {_OF_PROVIDER} THEN CASE WHEN u.id IS NULL THEN s.provider_id END
            WHEN u.id IS NULL OR s.reader = {_COORDINATOR} THEN (SELECT id FROM gateway) END AS organisation_id,
        CASE WHEN s.reader = {_COORDINATOR} THEN 'senior' END AS role
    FROM spoken s
    LEFT JOIN app_user u ON u.id = s.candidate_id AND u.disabled_at IS NULL
)"""  # noqa: S608  every value is a code of ours


_NO_ROW = (
    "NULL::text, NULL::text, NULL::text, false, 0, NULL::uuid, NULL::uuid, NULL::uuid, NULL::uuid, NULL::text,"
    " NULL::date, NULL::text, NULL::text, NULL::uuid, NULL::uuid, NULL::date"
)


def _escalated(rules: Iterable[ReminderRule], values: PassValues) -> str:
    """What stands unanswered for longer than its rule allows: said to the coordinator, once, while its cause lasts."""
    limits, moments = [], []
    for rule in rules:
        limit = find_escalation_limit(rule, values.at) if rule.is_on else None
        if limit is not None:
            overdue = f" AND w.kind IN {_OVERDUE_KINDS}" if rule.source in WITH_OVERDUE else ""
            made = values.bind(f"{rule.code}_escalate", limit)
            moments.append(limit)
            limits.append(f"(w.code = '{rule.code}' AND h.first_made_at < {made}{overdue})")
    any_limit = values.bind("escalate_any", max(moments, default=values.at - timedelta(days=3650)))
    return f"""SELECT 'escalated:' || w.first_key, w.first_key, 'task_waiting', w.code,
        w.urgent OR coalesce((SELECT r.risk = 'high' OR r.domestic_abuse FROM referral r
            WHERE r.id = w.referral_id), false),
        0, w.referral_id, NULL::uuid, NULL::uuid, w.task_id, w.about, w.due_on, NULL::text, CAST(:today AS date) + 30,
        NULL::uuid, (SELECT id FROM gateway), 'senior', h.first_id
    FROM (
        SELECT s.key, CASE WHEN s.occurrence = 0 THEN s.created_at ELSE (SELECT f.created_at FROM reminder f
                WHERE f.dedupe_key = split_part(s.key, '#', 1)) END AS first_made_at,
            CASE WHEN s.occurrence = 0 THEN s.id ELSE (SELECT f.id FROM reminder f
                WHERE f.dedupe_key = split_part(s.key, '#', 1)) END AS first_id
        FROM standing s
        WHERE s.created_at < {any_limit} OR s.occurrence > 0
    ) h JOIN wanted w ON w.key = h.key
    WHERE {" OR ".join(limits) or "false"}"""  # noqa: S608


def build_pass(rules: Iterable[ReminderRule], values: PassValues, *, most: int) -> PassStatement:
    """The statement of one pass; of what is missing `most` are made, the most urgent first.

    What is wanted and absent is added; what is wanted but was laid aside, or stands with another reader, is opened
    again for its reader of today; what is no longer wanted is resolved.
    """
    chosen = tuple(rules)
    most_name = values.bind("most", most)
    statement = f"""{_wanted(chosen, values)}, standing AS MATERIALIZED (
    SELECT h.id, h.dedupe_key AS key, h.recipient_user_id AS user_id, h.recipient_organisation_id AS organisation_id,
        h.recipient_role AS role, h.created_at, h.occurrence
    FROM reminder h
    WHERE h.resolved_at IS NULL AND h.kind <> 'note_written'
), every AS (
    SELECT w.key, w.first_key, w.kind, w.code, w.urgent, w.occurrence, w.referral_id, w.onward_id, w.clock_id,
        w.task_id, w.about, w.due_on, w.reference, w.expires_on, w.user_id, w.organisation_id, w.role,
        NULL::uuid AS from_id
    FROM wanted w
  UNION ALL
    {_escalated(chosen, values)}
), compared AS MATERIALIZED (
    -- Of both lists what differs: in most minutes nothing.
    SELECT w.*, h.id AS standing_id FROM every w FULL JOIN standing h ON h.key = w.key
    WHERE w.key IS NULL OR h.id IS NULL
        OR (h.user_id, h.organisation_id, h.role) IS DISTINCT FROM (w.user_id, w.organisation_id, w.role)
), apart AS (
    SELECT * FROM compared w WHERE w.user_id IS NOT NULL OR w.organisation_id IS NOT NULL
), missing AS MATERIALIZED (
    SELECT * FROM apart w
    ORDER BY w.urgent DESC,
        (SELECT r.risk = 'high' OR r.domestic_abuse FROM referral r WHERE r.id = w.referral_id) DESC NULLS LAST,
        w.due_on, w.key
    LIMIT {most_name}
), added AS (
    INSERT INTO reminder (id, kind, dedupe_key, rule_code, is_urgent, occurrence, escalated_from_id, referral_id,
        onward_referral_id, clock_id, task_id, recipient_user_id, recipient_organisation_id, recipient_role, about,
        reference, due_on, created_at, expires_at)
    SELECT gen_random_uuid(), kind, key, code, urgent, occurrence, from_id, referral_id, onward_id, clock_id, task_id,
        user_id, organisation_id, role, about,
        coalesce(w.reference, (SELECT r.reference FROM referral r WHERE r.id = w.referral_id)), due_on, :at,
        (w.expires_on + 1)::timestamp AT TIME ZONE 'Europe/London'
    FROM missing w
    WHERE (SELECT h.id FROM reminder h WHERE h.dedupe_key = w.key) IS NULL
    ON CONFLICT DO NOTHING
    RETURNING 1
), known AS MATERIALIZED (
    SELECT (SELECT h.id FROM reminder h WHERE h.dedupe_key = w.key) AS id, w.user_id, w.organisation_id, w.role
    FROM missing w
), renewed AS (
    UPDATE reminder h SET resolved_at = NULL, seen_at = NULL, recipient_user_id = w.user_id,
        recipient_organisation_id = w.organisation_id, recipient_role = w.role
    FROM known w
    WHERE h.id = w.id
    RETURNING h.id
), resolved AS (
    UPDATE reminder h SET resolved_at = :at
    WHERE h.id = ANY (ARRAY(SELECT c.standing_id FROM compared c WHERE c.key IS NULL))
    RETURNING 1
)
SELECT (SELECT count(*) FROM added) AS created, (SELECT count(*) FROM resolved) AS resolved,
    (SELECT array_agg(id) FROM renewed) AS renewed"""  # noqa: S608
    return PassStatement(text(statement), values.bound)


def build_wanted(rules: Iterable[ReminderRule], values: PassValues) -> PassStatement:
    """What ought to be open at a moment, with whether a reminder of it was ever made; changes nothing."""
    statement = f"""{_wanted(tuple(rules), values)}
    SELECT w.key, w.first_key, w.kind, w.code, w.urgent, w.occurrence, w.referral_id, w.onward_id, w.clock_id,
        w.task_id, w.about, w.due_on, w.reference, w.expires_on, w.user_id, w.organisation_id, w.role,
        EXISTS (SELECT FROM reminder h WHERE h.dedupe_key = w.key) AS is_made
    FROM wanted w"""  # noqa: S608
    return PassStatement(text(statement), values.bound)


def build_counts(rules: Iterable[ReminderRule], values: PassValues) -> PassStatement:
    """How much of each rule ought to be open at a moment, how much of it was ever made, and its first referrals."""
    statement = f"""{_wanted(tuple(rules), values)}
    SELECT w.code, count(*) AS number, count(*) FILTER (
            WHERE EXISTS (SELECT FROM reminder h WHERE h.dedupe_key = w.key)) AS made,
        (array_agg(w.referral_id ORDER BY w.due_on, w.key))[1\\:{MOST_NAMED}] AS referral_ids
    FROM wanted w GROUP BY w.code"""  # noqa: S608
    return PassStatement(text(statement), values.bound)


# A reminder of a note is resolved when it was seen, or when its reader may no longer read the note.
NOTES_DONE = text(
    """UPDATE reminder h SET resolved_at = :at
    WHERE h.resolved_at IS NULL AND h.kind = 'note_written' AND (h.seen_at IS NOT NULL
        OR EXISTS (SELECT FROM onward_referral o
            WHERE o.id = h.onward_referral_id AND o.provider_access_ended_at IS NOT NULL)
        OR EXISTS (SELECT FROM referral r
            WHERE r.id = h.referral_id AND r.state IN ('closed', 'entered_in_error')))"""
)
