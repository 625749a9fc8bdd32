"""What a person was asked about the service and what they answered, and what decides whether they may be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, exists, func, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.models import CaseEvent, Consent, ContactAttempt, Person, Referral, SatisfactionSurvey
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.queries.referrals.alerts import is_linked_to_suspect
from victim_gateway.rules.harms import HarmFacts, harms_of_referral
from victim_gateway.rules.surveys import COURT_EVENTS, forbids_link
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    ConsentPurpose,
    Harm,
    ReferralState,
    SurveyManner,
    SurveyStage,
    SurveyState,
)


@dataclass(frozen=True, slots=True)
class AskedSurvey:
    """The questions of one stage as they stand; `answers` and `text` are opened where they were answered."""

    survey_id: UUID
    stage: SurveyStage
    state: SurveyState
    manner: SurveyManner | None
    answered_at: datetime | None
    link_channel: Channel | None
    link_made_at: datetime | None
    link_expires_at: datetime | None
    is_satisfied: bool | None
    answers: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class SurveyHistory:
    """What has happened that a question hangs on, on any record of the person."""

    was_reached: bool
    is_court_over: bool
    has_refused: bool
    never_contact: bool
    has_risky_referral: bool


def asked_surveys(session: Session, referral_id: UUID, key: bytes) -> dict[SurveyStage, AskedSurvey]:
    """By stage, what was asked on a referral."""
    rows = session.scalars(select(SatisfactionSurvey).where(SatisfactionSurvey.referral_id == referral_id))
    return {row.stage: _asked(row, key) for row in rows}


def survey_history(session: Session, referral_id: UUID, person_id: UUID) -> SurveyHistory:
    """Read as the service: a no counts too that was recorded where the reader may not see."""
    reached = exists().where(
        ContactAttempt.referral_id == referral_id, ContactAttempt.outcome == AttemptOutcome.REACHED
    )
    voiding = select(CaseEvent.voids_id).where(
        CaseEvent.referral_id == referral_id, CaseEvent.voids_id.is_not(None)
    )
    court = exists().where(
        CaseEvent.referral_id == referral_id,
        CaseEvent.event.in_(COURT_EVENTS),
        CaseEvent.id.not_in(voiding),
    )
    refused = exists().where(
        SatisfactionSurvey.referral_id == Referral.id,
        is_record_of(Referral.person_id, person_id),
        SatisfactionSurvey.state == SurveyState.REFUSED,
    )
    last_consent = (
        select(Consent.agreed & Consent.withdrawn_at.is_(None))
        .where(is_record_of(Consent.person_id, person_id), Consent.purpose == ConsentPurpose.SURVEY)
        .order_by(func.coalesce(Consent.withdrawn_at, Consent.recorded_at).desc(), Consent.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    linked = select(is_linked_to_suspect(Person.id)).where(Person.id == person_id).scalar_subquery()
    with as_service(session):
        row = session.execute(
            select(
                reached.label("reached"),
                court.label("court"),
                refused.label("refused"),
                last_consent.label("consent"),
                linked.label("linked"),
            )
        ).one()
        others = session.execute(_other_referrals(referral_id, person_id)).all()
    return SurveyHistory(
        was_reached=row.reached,
        is_court_over=row.court,
        has_refused=row.refused or row.consent is False,
        never_contact=bool(row.linked),
        has_risky_referral=any(_forbids_link(other) for other in others),
    )


def _other_referrals(referral_id: UUID, person_id: UUID) -> Select[*tuple[Any, ...]]:
    """Columns alone: a referral that the reader may not see must not stay behind in their session."""
    return (
        select(
            Referral.offence,
            Referral.offence_code,
            Referral.recorded_as,
            Referral.victim_type,
            Referral.domestic_abuse,
            Referral.serious_crime,
            Referral.hate_strand,
            Referral.chosen_harms,
            Referral.intimidated,
            Referral.risk,
        )
        .where(
            is_record_of(Referral.person_id, person_id),
            Referral.id != referral_id,
            Referral.state != ReferralState.ENTERED_IN_ERROR,
        )
        .order_by(Referral.id)
    )


def _forbids_link(other: Row[Any]) -> bool:
    harms = harms_of_referral(
        HarmFacts(
            offence=other.offence,
            offence_code=other.offence_code,
            recorded_as=other.recorded_as,
            victim_type=other.victim_type,
            domestic_abuse=other.domestic_abuse,
            serious_crime=other.serious_crime,
            hate_strand=other.hate_strand,
            chosen=[Harm(harm) for harm in other.chosen_harms or ()],
        )
    )
    return forbids_link(
        other.risk, harms, domestic_abuse=other.domestic_abuse, is_intimidated=other.intimidated
    )


def _asked(row: SatisfactionSurvey, key: bytes) -> AskedSurvey:
    opened: dict[str, Any] = {}
    if row.sealed is not None:
        opened = encrypted_rows.unseal_row(key, "satisfaction_survey", row.id, row.sealed)
    return AskedSurvey(
        survey_id=row.id,
        stage=row.stage,
        state=row.state,
        manner=row.manner,
        answered_at=row.answered_at,
        link_channel=row.link_channel,
        link_made_at=row.link_made_at,
        link_expires_at=row.link_expires_at,
        is_satisfied=row.is_satisfied,
        answers=opened.get("answers") or {},
        text=opened.get("words") or "",
    )
