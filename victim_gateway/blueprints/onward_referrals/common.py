"""What the pages of both sides of an onward referral share."""

from __future__ import annotations

from uuid import UUID

from flask import url_for

from victim_gateway import times
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.onward_referrals.detail import OnwardReferralView, onward_referral_view
from victim_gateway.web.permissions import works_by_link
from victim_gateway.web.sessions import signed_in_actor


def url_after_end() -> str:
    """Where a provider goes on after an answer that ends its sight: its inbox, which a link does not open."""
    return url_for("by_link.done") if works_by_link() else url_for("onward_referrals.inbox")


def onward_referral_of(onward_referral_id: UUID) -> OnwardReferralView:
    """One onward referral as the reader's side may see it. Raises NotFound."""
    actor = signed_in_actor()
    with transaction(actor) as session:
        return onward_referral_view(
            session, onward_referral_id, reader_organisation_id=actor.organisation_id, at=times.now()
        )
