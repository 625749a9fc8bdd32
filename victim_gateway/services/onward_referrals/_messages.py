"""Messages between the Gateway and a provider about one onward referral."""

from __future__ import annotations

from uuid import UUID

from victim_gateway.database import encrypted_rows
from victim_gateway.errors import NotAllowed
from victim_gateway.models import Note
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.shared.onward_referral_action import OnwardReferralAction
from victim_gateway.services.shared.other_side import refuse_other_side_named


def add_shared_note(action: OnwardReferralAction, subject: str, body: str) -> UUID:
    """Write a message that both sides see, under the handover's key."""
    onward, actor = action.onward, action.actor
    if actor.user_id is None or actor.organisation_id is None:
        raise NotAllowed("Only a person can write a message.")
    refuse_other_side_named(action.session, onward, {"question": body, "answer": body})
    note_id = new_row_id()
    document = {"subject": subject, "body": body}
    action.session.add(
        Note(
            id=note_id,
            referral_id=onward.referral_id,
            onward_referral_id=onward.id,
            written_at=action.at,
            by_id=actor.user_id,
            by_name=actor.name,
            organisation_id=actor.organisation_id,
            sealed=encrypted_rows.seal_row(action.handover_key, "note", note_id, document),
        )
    )
    return note_id
