"""E-mails that leave at once: one for each urgent reminder and reader. All else waits for the reader's digest.

A registered contact, who works by link, has no list and no digest: each of theirs leaves at once, with its link.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.vocabulary import TaskName

# What had passed longer ago than this when it was first seen is shown, not e-mailed.
EMAIL_WITHIN_DAYS = 30
_FRESH = timedelta(days=1)

# A rule that the area shows on pages alone is e-mailed to nobody (`silent`). Else to the reader by name, to accounts
# of the service at a provider, to the accounts of a role at the Gateway. The Gateway's own common list is not e-mailed:
# nobody in particular would read it. Who wants nothing at once has no row here, and finds it in the digest.
_QUEUE = text(
    """WITH contact AS MATERIALIZED (
    SELECT id FROM app_user WHERE contact_service_id IS NOT NULL AND disabled_at IS NULL
), fresh AS (
    SELECT h.* FROM reminder h
    WHERE h.resolved_at IS NULL AND h.seen_at IS NULL AND h.created_at > :since
        AND (h.is_urgent OR h.recipient_organisation_id = ANY (ARRAY(
            SELECT u.organisation_id FROM contact c JOIN app_user u ON u.id = c.id)))
        AND coalesce(h.rule_code, '') <> ALL (:silent)
        AND (h.expires_at > :at OR (h.expires_at IS NULL AND (h.due_on IS NULL OR h.due_on >= :oldest)))
), addressed AS (
    SELECT h.id, u.id AS user_id, h.is_urgent FROM fresh h
    JOIN app_user u ON u.id = h.recipient_user_id AND u.disabled_at IS NULL
  UNION ALL
    SELECT h.id, u.id, h.is_urgent FROM fresh h
    JOIN onward_referral o ON o.id = h.onward_referral_id
    JOIN membership m ON m.organisation_id = h.recipient_organisation_id AND m.ended_at IS NULL
        AND (m.all_services OR o.service_id = ANY (m.service_ids))
    JOIN app_user u ON u.id = m.user_id AND u.disabled_at IS NULL
    WHERE h.recipient_user_id IS NULL AND h.recipient_role IS NULL
  UNION ALL
    SELECT h.id, u.id, h.is_urgent FROM fresh h
    JOIN app_user u ON u.organisation_id = h.recipient_organisation_id AND u.role = h.recipient_role
        AND u.disabled_at IS NULL
    WHERE h.recipient_user_id IS NULL AND h.recipient_role IS NOT NULL
)
INSERT INTO message (id, reminder_id, recipient_user_id, state, attempts, doubts, next_attempt_at, created_at)
SELECT gen_random_uuid(), a.id, a.user_id, 'queued', 0, 0, :at, :at
FROM addressed a
WHERE (a.is_urgent OR a.user_id IN (SELECT id FROM contact))
    AND NOT EXISTS (SELECT FROM mail_preference p WHERE p.user_id = a.user_id AND NOT p.at_once)
    AND NOT EXISTS (SELECT FROM message m WHERE m.reminder_id = a.id AND m.recipient_user_id = a.user_id)
ON CONFLICT (reminder_id, recipient_user_id) DO NOTHING"""
)
# An e-mail that was held back because its reminder had been resolved is wanted again with it.
_QUEUE_AGAIN = text(
    """UPDATE message SET state = 'queued', next_attempt_at = :at, attempts = 0, parcel_id = NULL,
        problem = NULL
    WHERE state = 'not_sent' AND reminder_id = ANY (:renewed)"""
)


def queue_urgent_reminders(
    session: Session, renewed: Sequence[UUID], at: datetime, *, silent: Sequence[str]
) -> int:
    """Queue the e-mails of new urgent reminders, and of those that were opened again; how many.

    `silent` names the rules that are shown on pages alone.

    None without a mail server: reminders are shown in the service.
    """
    if current_settings().smtp_url is None:
        return 0
    queued = _count(session, _QUEUE_AGAIN, at=at, renewed=list(renewed)) if renewed else 0
    oldest = times.london_date(at) - timedelta(days=EMAIL_WITHIN_DAYS)
    queued += _count(session, _QUEUE, at=at, since=at - _FRESH, oldest=oldest, silent=list(silent))
    if queued:
        enqueue_task(session, TaskName.SEND_MESSAGE, at)
    return queued


def _count(session: Session, statement: Any, **values: Any) -> int:
    return cast("CursorResult[Any]", session.execute(statement, values)).rowcount
