"""Safe contact as it was shared with a provider: read for a day, refused where it was not kept to, checked anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput, UnsafeContact
from victim_gateway.queries.onward_referrals.handover import SAFE_CONTACT
from victim_gateway.rules.handover import read_safe_contact
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.onward_referral_action import OnwardReferralAction
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import TaskKind

NOT_SAFE = "Not a safe way or time"


def shared_safe_contact(action: OnwardReferralAction, moment: datetime) -> dict[str, Any]:
    """What this provider was given of safe contact, as it counts on the day of a moment."""
    onward = action.onward
    sealed = encrypted_rows.unseal_row(
        action.handover_key, SAFE_CONTACT, onward.id, onward.safe_contact_sealed
    )
    recheck_days = current_settings().area.thresholds.safe_contact_recheck_days
    return read_safe_contact(sealed, times.london_date(moment), recheck_days)


def refuse_unexplained(unsafe: str, *, although_unsafe: bool, reason: str) -> None:
    """Raises UnsafeContact unless it is owned up to, and InvalidInput unless it is said how it came about."""
    if not although_unsafe:
        message = f"{unsafe} If you spoke to them all the same, say so below, and how it came about."
        raise UnsafeContact(message, fields={"although_unsafe": message})
    if not reason:
        message = "Say how it came about, so that we can check that the person is safe"
        raise InvalidInput(message, fields={"unsafe_reason": message})


def open_safe_contact_check(action: OnwardReferralAction) -> None:
    """Ask a caseworker to check with the person what is safe now; of one person there is one such task."""
    action.note_queue_change()
    task = NewTask(
        kind=TaskKind.SAFE_CONTACT_CHECK,
        referral_id=action.referral_id,
        dedupe_key=tasks.safe_contact_check_key(action.onward.person_id),
    )
    with as_service(action.session):
        tasks.open_task(action.session, task, at=action.at)
    # It is about the person: what they wait for elsewhere changes with it.
    action.session.flush()
    next_action.refresh_person_referrals(
        action.session, action.onward.person_id, at=action.at, but=action.referral_id
    )
