"""What a correction would change and bring with it, for the page that asks before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.models import OnwardReferral
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.correction_consequences import (
    PlannedCorrection,
    RecordedDocuments,
    plan_correction,
    recordable_changes,
)
from victim_gateway.rules.recorded_fields import FieldPlace, fields_kept_in
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES


@dataclass(frozen=True, slots=True)
class CorrectionPreview:
    """The planned correction, and how many providers have the old details of the person."""

    planned: PlannedCorrection
    provider_count: int


def preview_correction(
    session: Session, head: ReferralHeader, changes: Mapping[str, Any], *, at: datetime
) -> CorrectionPreview:
    """Work out a correction of the referral of this header; changes nothing."""
    columns = (*fields_kept_in(FieldPlace.REFERRAL), "offence_code")
    recorded = RecordedDocuments(
        head.person, {name: getattr(head.referral, name) for name in columns}, head.details
    )
    wanted = recordable_changes(changes, now=at)
    planned = plan_correction(recorded, wanted, today=times.london_date(at))
    with_provider = select(func.count(OnwardReferral.provider_id.distinct())).where(
        OnwardReferral.person_id == head.referral.person_id, OnwardReferral.state.in_(LIVE_ONWARD_STATES)
    )
    return CorrectionPreview(planned, session.scalar(with_provider) or 0)
