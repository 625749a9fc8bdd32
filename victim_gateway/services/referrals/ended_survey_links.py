"""The end of every link to questions of a person: on a no, whichever page it was said on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.database.transaction import as_service
from victim_gateway.models import Referral, SatisfactionSurvey
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.services.shared import victim_message_stops
from victim_gateway.vocabulary import SurveyState


def end_survey_links(session: Session, person_id: UUID, *, at: datetime) -> None:
    """End the links of every stage and referral of the person, as the service: the actor may not see each.

    What waits to be sent to them is cancelled too. A later yes opens none of them again: whoever holds one now may not
    be the person.
    """
    _end_links(session, is_record_of(Referral.person_id, person_id), at)
    victim_message_stops.stop_messages(session, person_id, at=at, because="refused")


def end_survey_links_of_records(session: Session, person_ids: Collection[UUID], *, at: datetime) -> None:
    """End the links of many people in one statement; every record of each is named, as for an import."""
    _end_links(session, bulk_insert.column_in(Referral.person_id, person_ids), at)
    victim_message_stops.stop_messages_of_records(session, person_ids, at=at, because="refused")


def _end_links(session: Session, theirs: ColumnElement[bool], at: datetime) -> None:
    live = (
        SatisfactionSurvey.state == SurveyState.OFFERED,
        SatisfactionSurvey.link_expires_at > at,
        SatisfactionSurvey.referral_id.in_(select(Referral.id).where(theirs)),
    )
    with as_service(session):
        session.execute(
            update(SatisfactionSurvey).where(*live).values(link_expires_at=at),
            execution_options={"synchronize_session": False},
        )
