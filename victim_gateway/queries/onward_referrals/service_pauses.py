"""Which services a person is not offered to for now."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import as_service
from victim_gateway.models import Referral, ServicePause
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.service_pauses import PauseInForce


def pauses_in_force(session: Session, referral_id: UUID, on: date) -> tuple[PauseInForce, ...]:
    """The pairings of a referral's person that stand on a London date, of all their records.

    As the service: what one record's decline said holds for another that the reader may not see.
    """
    person_id = select(Referral.person_id).where(Referral.id == referral_id).scalar_subquery()
    stands = or_(ServicePause.last_day_on.is_(None), ServicePause.last_day_on >= on)
    chosen = (
        select(ServicePause.service_id, ServicePause.last_day_on)
        .where(is_record_of(ServicePause.person_id, person_id), ServicePause.lifted_at.is_(None), stands)
        # Of two records the longer one counts, and none is longer than one without an end.
        .order_by(ServicePause.last_day_on.asc().nulls_last(), ServicePause.id)
    )
    with as_service(session):
        rows = session.execute(chosen).all()
    return tuple(PauseInForce(row.service_id, row.last_day_on) for row in rows)
