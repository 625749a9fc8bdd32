"""The statements of one pass: which reminders should be open, and the changes that make them so."""

from __future__ import annotations

from sqlalchemy import text

# Everything that ought to be open at :today, one row for each reminder and reader. A row's `key` names its
# cause, its step and the day it was due: a due date that moves makes a new reminder, a pass that runs again
# finds the same one. To the Gateway a reminder says what the list of work says: the next action of a referral, by
# its date; what a provider owes is said once its day has come. To a provider, its own clocks and offers: an
# unanswered offer is said once, its clock warns before the day, then the offer itself is asked about. A question
# of the provider does not put the answer off.
_WANTED = """
WITH gateway AS (
    SELECT id FROM organisation WHERE kind = 'gateway' ORDER BY key LIMIT 1
), ours AS (
    SELECT r.id, r.reference, r.state IN ('closed', 'entered_in_error') AS is_closed, u.id AS user_id,
        r.next_act, r.next_due_on, r.waiting_on,
        CASE WHEN u.id IS NULL THEN g.id END AS organisation_id
    FROM referral r
    LEFT JOIN app_user u ON u.id = r.assigned_to_id AND u.disabled_at IS NULL
    LEFT JOIN gateway g ON true
), clock AS (
    SELECT c.id, c.referral_id, c.due_on, c.entitlement_id,
        e.stop_event = 'onward_referral_answered' AS is_answer, o.id AS onward_id, o.state AS onward_state,
        o.answer_due_on,
        CASE WHEN c.due_on < :today THEN 'clock_overdue' ELSE 'clock_due' END AS kind
    FROM entitlement_clock c
    JOIN code_entitlement e ON e.edition = c.edition AND e.entitlement_id = c.entitlement_id
    JOIN case_event s ON s.id = c.start_event_id
    LEFT JOIN onward_referral o ON o.id = s.onward_referral_id AND o.provider_access_ended_at IS NULL
    WHERE c.edition = 'local' AND e.owner = 'provider' AND c.status IN ('running', 'overdue') AND c.due_on <= :horizon
), cause AS (
    SELECT CASE WHEN next_due_on < :today THEN 'action_overdue' ELSE 'action_due' END AS kind,
        id || '.' || next_act AS thing, 'gateway' AS audience, id AS referral_id, NULL::uuid AS onward_id,
        NULL::uuid AS clock_id, next_act AS about, next_due_on AS due_on
    FROM ours
    WHERE next_act <> 'nothing'
        AND next_due_on <= CASE waiting_on WHEN 'gateway' THEN :horizon ELSE :today END
  UNION ALL
    SELECT kind, id::text, 'provider', referral_id, onward_id, id, entitlement_id, due_on
    FROM clock WHERE onward_id IS NOT NULL
        AND (NOT is_answer OR (due_on > :today AND coalesce(answer_due_on, due_on) > :today
            AND onward_state IN ('offered', 'acknowledged', 'information_requested')))
  UNION ALL
    SELECT 'offer_unanswered', o.id::text, 'provider', o.referral_id, o.id, NULL, 'provider_response',
        o.answer_due_on
    FROM onward_referral o
    WHERE o.state IN ('offered', 'acknowledged', 'information_requested') AND o.answer_due_on <= :today
), wanted AS MATERIALIZED (
    SELECT c.*, c.kind || ':' || c.thing || ':' || c.due_on || ':' || c.audience AS key,
        CASE WHEN c.audience = 'provider' THEN o.reference ELSE r.reference END AS reference,
        CASE WHEN c.audience = 'gateway' THEN r.user_id END AS user_id,
        CASE WHEN c.audience = 'provider' THEN o.provider_id ELSE r.organisation_id END AS organisation_id
    FROM cause c
    JOIN ours r ON r.id = c.referral_id AND (NOT r.is_closed OR c.audience = 'gateway')
    LEFT JOIN onward_referral o ON o.id = c.onward_id
)"""

# What is wanted and absent is added; what is wanted but was laid aside, or stands with somebody else, is
# opened again for its reader of today; what is no longer wanted is resolved.
PASS = text(
    _WANTED  # noqa: S608  two constants
    + """, added AS (
    INSERT INTO reminder (id, kind, dedupe_key, referral_id, onward_referral_id, clock_id,
        recipient_user_id, recipient_organisation_id, about, reference, due_on, created_at)
    SELECT gen_random_uuid(), kind, key, referral_id, onward_id, clock_id, user_id, organisation_id,
        about, reference, due_on, :at
    FROM wanted w
    WHERE (user_id IS NOT NULL OR organisation_id IS NOT NULL)
        AND NOT EXISTS (SELECT FROM reminder h WHERE h.dedupe_key = w.key)
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING 1
), renewed AS (
    UPDATE reminder h SET resolved_at = NULL, seen_at = NULL, recipient_user_id = w.user_id,
        recipient_organisation_id = w.organisation_id
    FROM wanted w
    WHERE w.key = h.dedupe_key AND (w.user_id IS NOT NULL OR w.organisation_id IS NOT NULL)
        AND (h.resolved_at IS NOT NULL OR (h.recipient_user_id, h.recipient_organisation_id)
            IS DISTINCT FROM (w.user_id, w.organisation_id))
    RETURNING h.id
), resolved AS (
    UPDATE reminder h SET resolved_at = :at
    WHERE h.resolved_at IS NULL AND h.kind <> 'note_written'
        AND NOT EXISTS (SELECT FROM wanted w WHERE w.key = h.dedupe_key)
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

# A reminder for a person is e-mailed to that person, one for a provider to its accounts; the Gateway's own
# common list is not: nobody in particular would read it. What was long overdue when first seen (past years,
# just loaded) is shown and not e-mailed.
QUEUE_MESSAGES = text(
    """WITH fresh AS (
    SELECT h.* FROM reminder h
    WHERE h.resolved_at IS NULL AND h.seen_at IS NULL AND h.created_at > :since
        AND (h.due_on IS NULL OR h.due_on >= :oldest)
), addressed AS (
    SELECT h.id, u.id AS user_id FROM fresh h
    JOIN app_user u ON u.id = h.recipient_user_id AND u.disabled_at IS NULL
  UNION ALL
    SELECT h.id, u.id FROM fresh h
    JOIN app_user u ON u.organisation_id = h.recipient_organisation_id AND u.disabled_at IS NULL
    WHERE h.recipient_user_id IS NULL AND u.role = 'provider'
)
INSERT INTO message (id, reminder_id, recipient_user_id, state, attempts, doubts, next_attempt_at, created_at)
SELECT gen_random_uuid(), a.id, a.user_id, 'queued', 0, 0, :at, :at
FROM addressed a
WHERE NOT EXISTS (SELECT FROM message m WHERE m.reminder_id = a.id AND m.recipient_user_id = a.user_id)
ON CONFLICT (reminder_id, recipient_user_id) DO NOTHING"""
)

# An e-mail that was held back because its reminder had been resolved is wanted again with it.
REQUEUE_MESSAGES = text(
    """UPDATE message SET state = 'queued', next_attempt_at = :at, attempts = 0, parcel_id = NULL,
        problem = NULL
    WHERE state = 'not_sent' AND reminder_id = ANY (:renewed)"""
)
