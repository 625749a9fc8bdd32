"""The statements of one pass: which reminders should be open, and the changes that make them so."""

from __future__ import annotations

from sqlalchemy import text

# Everything that ought to be open at :today, one row for each reminder and reader. A row's `key` names its
# cause, its step and the day it was due: a due date that moves makes a new reminder, a pass that runs again
# finds the same one. To the Gateway a reminder says what the list of work says: the next action of a referral, by
# its date; what a provider owes is said once its day has come. To a provider, its own clocks and offers: an
# unanswered offer is said once, its clock warns before the day, then the offer itself is asked about. A question
# of the provider does not put the answer off.
#
# The pass runs every minute and finds nothing new in most of them, so it reads what is open and nothing else, from
# partial indexes: referrals with a next action, clocks of providers that run, onward referrals that a provider may
# see, reminders that stand. What hangs on a single row is looked up for that row: nested loops are switched off for
# the comparison of the two lists, and a join would read all events.
_WANTED = """
WITH gateway AS (
    SELECT id FROM organisation WHERE kind = 'gateway' ORDER BY key LIMIT 1
), live AS MATERIALIZED (
    SELECT o.id, o.referral_id, o.reference, o.provider_id, o.state, o.answer_due_on
    FROM onward_referral o
    WHERE o.provider_access_ended_at IS NULL
), clock AS MATERIALIZED (
    SELECT c.id, c.due_on, c.entitlement_id, e.stop_event = 'onward_referral_answered' AS is_answer,
        (SELECT s.onward_referral_id FROM case_event s WHERE s.id = c.start_event_id) AS onward_id
    FROM entitlement_clock c
    JOIN code_entitlement e ON e.edition = c.edition AND e.entitlement_id = c.entitlement_id
    WHERE c.edition = 'local' AND c.status IN ('running', 'overdue') AND c.provider_id IS NOT NULL
        AND e.owner = 'provider' AND c.due_on <= :horizon
), of_provider AS (
    SELECT CASE WHEN c.due_on < :today THEN 'clock_overdue' ELSE 'clock_due' END AS kind, c.id::text AS thing,
        o.referral_id, o.id AS onward_id, c.id AS clock_id, c.entitlement_id AS about, c.due_on, o.reference,
        o.provider_id
    FROM clock c JOIN live o ON o.id = c.onward_id
    WHERE NOT c.is_answer OR (c.due_on > :today AND coalesce(o.answer_due_on, c.due_on) > :today
        AND o.state IN ('offered', 'acknowledged', 'information_requested'))
  UNION ALL
    SELECT 'offer_unanswered', o.id::text, o.referral_id, o.id, NULL, 'provider_response', o.answer_due_on,
        o.reference, o.provider_id
    FROM live o
    WHERE o.state IN ('offered', 'acknowledged', 'information_requested') AND o.answer_due_on <= :today
), wanted AS MATERIALIZED (
    SELECT kind || ':' || thing || ':' || due_on || ':' || 'provider' AS key, kind, referral_id, onward_id, clock_id,
        about, due_on, reference, NULL::uuid AS user_id, provider_id AS organisation_id
    FROM of_provider
    WHERE NOT (SELECT r.state IN ('closed', 'entered_in_error') FROM referral r WHERE r.id = referral_id)
  UNION ALL
    SELECT kind || ':' || id || '.' || next_act || ':' || next_due_on || ':' || 'gateway', kind, id, NULL, NULL,
        next_act, next_due_on, NULL, user_id, CASE WHEN user_id IS NULL THEN (SELECT id FROM gateway) END
    FROM (
        SELECT r.id, r.next_act, r.next_due_on, u.id AS user_id,
            CASE WHEN r.next_due_on < :today THEN 'action_overdue' ELSE 'action_due' END AS kind
        FROM referral r
        LEFT JOIN app_user u ON u.id = r.assigned_to_id AND u.disabled_at IS NULL
        WHERE r.next_act <> 'nothing'
            AND r.next_due_on <= CASE r.waiting_on WHEN 'gateway' THEN :horizon ELSE :today END
    ) ours
)"""

# What is wanted and absent is added; what is wanted but was laid aside, or stands with somebody else, is
# opened again for its reader of today; what is no longer wanted is resolved.
PASS = text(
    _WANTED  # noqa: S608  two constants
    + """, standing AS MATERIALIZED (
    SELECT h.id, h.dedupe_key AS key, h.recipient_user_id AS user_id, h.recipient_organisation_id AS organisation_id
    FROM reminder h
    WHERE h.resolved_at IS NULL AND h.kind <> 'note_written'
), missing AS MATERIALIZED (
    SELECT w.* FROM wanted w LEFT JOIN standing h ON h.key = w.key
    WHERE (w.user_id IS NOT NULL OR w.organisation_id IS NOT NULL)
        AND (h.id IS NULL OR (h.user_id, h.organisation_id) IS DISTINCT FROM (w.user_id, w.organisation_id))
), added AS (
    INSERT INTO reminder (id, kind, dedupe_key, referral_id, onward_referral_id, clock_id,
        recipient_user_id, recipient_organisation_id, about, reference, due_on, created_at)
    SELECT gen_random_uuid(), kind, key, referral_id, onward_id, clock_id, user_id, organisation_id, about,
        coalesce(w.reference, (SELECT r.reference FROM referral r WHERE r.id = w.referral_id)), due_on, :at
    FROM missing w
    WHERE (SELECT h.id FROM reminder h WHERE h.dedupe_key = w.key) IS NULL
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING 1
), known AS MATERIALIZED (
    SELECT (SELECT h.id FROM reminder h WHERE h.dedupe_key = w.key) AS id, w.user_id, w.organisation_id
    FROM missing w
), renewed AS (
    UPDATE reminder h SET resolved_at = NULL, seen_at = NULL, recipient_user_id = w.user_id,
        recipient_organisation_id = w.organisation_id
    FROM known w
    WHERE h.id = w.id
    RETURNING h.id
), resolved AS (
    UPDATE reminder h SET resolved_at = :at
    WHERE h.id = ANY (ARRAY(
        SELECT s.id FROM standing s LEFT JOIN wanted w ON w.key = s.key WHERE w.key IS NULL))
    RETURNING 1
)
SELECT (SELECT count(*) FROM added) AS created, (SELECT count(*) FROM resolved) AS resolved,
    (SELECT array_agg(id) FROM renewed) AS renewed"""
)

# A reminder of a note is resolved when it was seen, or when its reader may no longer read the note.
NOTES_DONE = text(
    """UPDATE reminder h SET resolved_at = :at
    WHERE h.resolved_at IS NULL AND h.kind = 'note_written' AND (h.seen_at IS NOT NULL
        OR EXISTS (SELECT FROM onward_referral o
            WHERE o.id = h.onward_referral_id AND o.provider_access_ended_at IS NOT NULL)
        OR EXISTS (SELECT FROM referral r
            WHERE r.id = h.referral_id AND r.state IN ('closed', 'entered_in_error')))"""
)
