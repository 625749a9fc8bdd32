"""The contact that a link to the questions is: logged when the message that carries it has left, and not before."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.models import ContactAttempt, Person, SafeContactPlan, SatisfactionSurvey, VictimMessage
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.compliance.case_events import NewCaseEvent, append_case_event_without_clocks
from victim_gateway.services.referrals.surveys import LINK_SENT
from victim_gateway.vocabulary import AttemptOutcome, EventKind


def log_sent_survey(session: Session, message: VictimMessage, *, at: datetime) -> None:
    """Log the contact once, in the name of the one who asked for the link. Its row is locked; as the service."""
    if message.survey_id is None or message.asked_by_id is None:
        return
    survey = session.get_one(
        SatisfactionSurvey, message.survey_id, with_for_update=True, populate_existing=True
    )
    person = session.get_one(Person, message.person_id)
    if survey.contact_attempt_id is not None or survey.link_hash is None or person.erased_at is not None:
        return
    key = encrypted_rows.open_key(session, person.key_id)
    survey.contact_attempt_id = _add_attempt(session, message, key, at)
    codes = {"channel": message.channel.value, "outcome": AttemptOutcome.SENT.value, "unsafe": False}
    append_case_event_without_clocks(
        session,
        NewCaseEvent(
            referral_id=message.referral_id,
            event="contact.attempted",
            kind=EventKind.STORY,
            occurred_at=message.begun_at or at,
            recorded_at=at,
            details=codes,
        ),
    )


def _add_attempt(session: Session, message: VictimMessage, key: bytes, at: datetime) -> UUID:
    sealed = encrypted_rows.unseal_row(key, "victim_message", message.id, message.sealed)
    plan_id = session.scalar(
        select(SafeContactPlan.id).where(
            SafeContactPlan.person_id == message.person_id, SafeContactPlan.version == message.plan_version
        )
    )
    attempt_id, checked = new_row_id(), sealed.get("checked", [])
    session.add(
        ContactAttempt(
            id=attempt_id,
            referral_id=message.referral_id,
            attempted_at=message.begun_at or at,
            recorded_at=at,
            by_id=message.asked_by_id,
            channel=message.channel,
            outcome=AttemptOutcome.SENT,
            safe_contact_plan_id=plan_id,
            safety_checked=bool(checked),
            sealed=encrypted_rows.seal_row(
                key, "contact_attempt", attempt_id, {"checked": checked, "words": LINK_SENT}
            ),
        )
    )
    session.flush()
    return attempt_id
