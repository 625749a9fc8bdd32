"""A provider says that it has read what the Gateway corrected: by a button, never by opening a page."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from victim_gateway.access.permissions import Permission
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.queries.onward_referrals.provider_notices import note_notices_read, notices_of
from victim_gateway.rules.provider_notices import CORRECTIONS
from victim_gateway.services.shared import case_locks, next_action, submissions
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import OnwardReferralAction, require_permission
from victim_gateway.vocabulary import TaskKind

READ = "onward_referral.correction_read"


def acknowledge_corrections(
    command: Command, onward_referral_id: UUID, *, notice_ids: Collection[UUID]
) -> int:
    """Note that these corrections were read, by whom and when; gives how many were new.

    Those that the page showed and no others: one that came meanwhile stays unread. Raises NotFound.
    """
    require_permission(command.actor, Permission.RESPOND_TO_ONWARD_REFERRAL)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        onward = case_locks.lock_onward_referral(session, onward_referral_id)
        notices = [
            notice
            for notice in notices_of(session, onward_referral_id)
            if notice.kind in CORRECTIONS and notice.read_at is None
        ]
        read = [notice for notice in notices if notice.notice_id in notice_ids]
        if read:
            # Nothing of the onward referral changes: what others have open stays valid.
            action = OnwardReferralAction(session, command, onward, READ)
            note_notices_read(session, [each.notice_id for each in read], actor=action.actor, at=action.at)
            kinds = sorted({notice.kind.value for notice in read})
            action.add_timeline_entry(READ, EventDetails(codes={"kinds": kinds}))
            if len(read) == len(notices):
                action.finish_task(TaskKind.CORRECTION_UNREAD)
            with as_service(session):
                next_action.refresh_next_actions(session, [action.referral_id], at=action.at)
            record_audit(
                session,
                READ,
                subject_type="onward_referral",
                subject_id=onward.id,
                person_id=onward.person_id,
                reference=onward.reference,
                kinds=kinds,
            )
    return len(read)
