"""An onward referral that was begun without consent comes to rest on the person's own yes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.models import OnwardReferral, SharedFile
from victim_gateway.queries.onward_referrals.handover import HANDOVER, newest_sharing_answer, sharing_basis
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.handover import RecordedConsent
from victim_gateway.services.shared.stored_files import end_shared_files
from victim_gateway.vocabulary import HandoverPart


def rest_on_consent(session: Session, onward: OnwardReferral, *, at: datetime) -> bool:
    """Let an onward referral rest on the person's yes where the senior caseworker's is over; whether it does now.

    Only on a yes that reaches all that was handed over. The support goes on, and the provider is told by sharing
    again. Files that were shared without consent are taken back where the yes does not reach files.
    """
    basis = sharing_basis(session, onward, times.london_date(at))
    if onward.sharing_override_id is None or not isinstance(basis, RecordedConsent):
        return False
    # Files are no part of a handover, so the comparison below does not see them.
    if parts_beyond_scope((HandoverPart.FILES,), basis.scope):
        end_shared_files(session, SharedFile.onward_referral_id == onward.id, at=at)
    key = encrypted_rows.open_key(session, onward.key_id)
    shared = encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed)
    if parts_beyond_scope([HandoverPart(part) for part in shared["parts"]], basis.scope):
        return False
    answer = newest_sharing_answer(session, onward.person_id, onward.provider_id)
    if answer is None:
        return False
    onward.consent_id, onward.sharing_override_id = answer.id, None
    session.flush()
    return True
