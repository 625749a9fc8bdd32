"""Who may see the referrals of a restricted person."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, insert, literal, select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import Referral, ReferralAccess


def copy_access_list(session: Session, referral_ids: Collection[UUID], *, at: datetime) -> None:
    """Give new referrals of restricted people to the same few as the person's referrals before.

    The referrals are stored already. As the service: the list must stand before anybody may see them.
    """
    if not referral_ids:
        return
    earlier, listed = named_alias(Referral, "earlier"), named_alias(ReferralAccess, "listed")
    named = (
        select(Referral.id, listed.user_id, literal(at))
        .join(earlier, earlier.person_id == Referral.person_id)
        .join(listed, listed.referral_id == earlier.id)
        .where(
            bulk_insert.column_in(Referral.id, referral_ids),
            ~exists().where(
                ReferralAccess.referral_id == Referral.id, ReferralAccess.user_id == listed.user_id
            ),
        )
        .distinct()
    )
    session.execute(insert(ReferralAccess).from_select(["referral_id", "user_id", "granted_at"], named))
