"""A yes of an earlier day than a no that stands: it was given before the no, however late it is recorded."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Consent
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.vocabulary import ConsentPurpose


def refuse_outdated_yes(
    session: Session,
    person_id: UUID,
    purpose: ConsentPurpose,
    given_at: datetime,
    *,
    recipient_organisation_id: UUID | None = None,
) -> None:
    """Raises InvalidInput for a yes given on a London day before the newest no of the person to the same question.

    A no, or a yes that was taken back and not given again, on any of their records. Read as the service: a no counts on
    a record too that the reader may not see.
    """
    refused_at = _newest_refusal(session, person_id, purpose, recipient_organisation_id)
    if refused_at is None or times.london_date(given_at) >= times.london_date(refused_at):
        return
    message = f"They said no after that, on {times.london_date(refused_at):%-d %B %Y}. Ask them again"
    raise InvalidInput(message, fields={"given_on": message})


def _newest_refusal(
    session: Session, person_id: UUID, purpose: ConsentPurpose, recipient_id: UUID | None
) -> datetime | None:
    chosen = select(Consent.person_id, Consent.agreed, Consent.given_at, Consent.withdrawn_at).where(
        is_record_of(Consent.person_id, person_id),
        Consent.purpose == purpose,
        Consent.recipient_organisation_id.is_not_distinct_from(recipient_id),
    )
    with as_service(session):
        answers = session.execute(chosen).all()
    standing = {each.person_id for each in answers if each.withdrawn_at is None}
    refusals = [each.given_at for each in answers if each.withdrawn_at is None and not each.agreed]
    # Where a record has no answer that stands, the yes before it was taken back.
    refusals += [
        each.withdrawn_at
        for each in answers
        if each.withdrawn_at is not None and each.agreed and each.person_id not in standing
    ]
    return max(refusals, default=None)
