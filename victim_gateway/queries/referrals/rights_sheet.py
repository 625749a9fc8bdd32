"""A rights sheet that was recorded as given: what goes on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.errors import NotFound
from victim_gateway.models import CaseEvent


@dataclass(frozen=True, slots=True)
class GivenSheet:
    """One sheet: when it was recorded, and whether the person asked for their reference on it."""

    given_at: datetime
    with_reference: bool


def given_sheet(session: Session, referral_id: UUID, sheet_id: UUID) -> GivenSheet:
    """The sheet of this referral. Raises NotFound."""
    event = session.scalar(
        select(CaseEvent).where(
            CaseEvent.id == sheet_id,
            CaseEvent.referral_id == referral_id,
            CaseEvent.event == "rights.sheet_given",
        )
    )
    if event is None:
        raise NotFound
    return GivenSheet(event.occurred_at, bool(event.details.get("with_reference")))
