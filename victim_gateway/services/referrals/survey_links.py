"""What a link to questions opens for its holder: whether it can be answered, and nothing about a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.crypto import SealBroken
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import AlreadyDone, NotFound
from victim_gateway.models import Person, Referral, SatisfactionSurvey
from victim_gateway.services.accounts import rate_limits
from victim_gateway.services.compliance.case_events import NewCaseEvent, append_case_event_without_clocks
from victim_gateway.services.referrals.surveys import (
    SurveyAnswers,
    apply_survey_answers,
    follow_up_task,
    hash_survey_secret,
    is_link_safe,
)
from victim_gateway.services.shared import case_locks, next_action, tasks
from victim_gateway.vocabulary import (
    DatabaseRole,
    EventKind,
    EvidenceGrade,
    SignInStep,
    SurveyManner,
    SurveyState,
)

LINK_HOLDER = "a link to questions"
ANSWERED_ALREADY = "These questions were answered already. Thank you."


@dataclass(frozen=True, slots=True)
class OpenedSurveyLink:
    """Whether the questions behind a link were answered."""

    survey_id: UUID
    is_answered: bool


def open_survey_link(secret: str, *, actor: Actor, at: datetime) -> OpenedSurveyLink:
    """Look a link up.

    Raises NotFound for one that is wrong, has run out, was refused or is not safe any more: one answer for all.
    """
    with transaction(actor) as session:
        opened = _look_up(session, secret, at)
        record_audit(session, "survey_link.opened", subject_type="survey", subject_id=opened.survey_id)
    return opened


def answer_survey_link(secret: str, given: SurveyAnswers, *, actor: Actor, at: datetime) -> None:
    """Save the answers of the link's holder; it can be done once. Counted as a sign-in is.

    Raises NotFound as `open_survey_link` does, TooManyAttempts for a source with too many wrong links, AlreadyDone
    where it was answered, and InvalidInput for answers that can't be.
    """
    survey_id = _admit(secret, actor, at)
    # No account is signed in: what follows from the answers the service does itself.
    service = replace(actor, database_role=DatabaseRole.WORKER, name=LINK_HOLDER)
    with transaction(service) as session:
        # The referral before what belongs to it, as everywhere.
        referral_id = session.scalar(
            select(SatisfactionSurvey.referral_id).where(SatisfactionSurvey.id == survey_id)
        )
        if referral_id is None:
            raise NotFound
        case_locks.lock_referral_row(session, referral_id)
        # Read behind that lock: a lock of its own would not find a row that has ended (row-level security).
        survey = session.get_one(SatisfactionSurvey, survey_id)
        if survey.state is SurveyState.ANSWERED:
            raise AlreadyDone(ANSWERED_ALREADY)
        if survey.state is not SurveyState.OFFERED:
            raise NotFound
        person_id = _lock_person(session, referral_id)
        key = _read_safe_key(session, survey, at)
        if key is None:
            raise NotFound
        needs_person = apply_survey_answers(survey, given, key, manner=SurveyManner.LINK, at=at)
        append_case_event_without_clocks(
            session,
            NewCaseEvent(
                referral_id=referral_id,
                event="survey.answered",
                kind=EventKind.STORY,
                occurred_at=at,
                recorded_at=at,
                source="victim",
                grade=EvidenceGrade.VICTIM_REPORT,
                details={"survey_stage": survey.stage.value},
            ),
        )
        session.flush()
        if needs_person is not None:
            tasks.open_task(session, follow_up_task(survey, is_urgent=needs_person), at=at)
            next_action.refresh_next_actions(session, [referral_id], at=at)
        record_audit(
            session,
            "survey.answered",
            subject_type="referral",
            subject_id=referral_id,
            person_id=person_id,
            survey_id=str(survey_id),
            survey_stage=survey.stage.value,
        )


def _admit(secret: str, actor: Actor, at: datetime) -> UUID:
    """The survey of a right link. A wrong one is counted against its source, and what was counted is kept."""
    with transaction(actor) as session:
        # By source alone: a stranger's wrong tries must not keep anybody else from answering.
        named = f"survey link {actor.address or ''}"
        attempt_id = rate_limits.begin_attempt(session, SignInStep.SURVEY_LINK, named, actor.address, at)
        opened: OpenedSurveyLink | None = None
        if attempt_id is None:
            record_audit(session, "survey_link.too_many_tries")
        else:
            try:
                opened = _look_up(session, secret, at)
            except NotFound:
                record_audit(session, "survey_link.refused")
            else:
                rate_limits.mark_attempt_succeeded(session, attempt_id)
    if attempt_id is None:
        raise rate_limits.TooManyAttempts
    if opened is None:
        raise NotFound
    if opened.is_answered:
        raise AlreadyDone(ANSWERED_ALREADY)
    return opened.survey_id


def _look_up(session: Session, secret: str, at: datetime) -> OpenedSurveyLink:
    row = session.execute(
        select(SatisfactionSurvey.id, SatisfactionSurvey.state).where(
            SatisfactionSurvey.link_hash == hash_survey_secret(secret),
            SatisfactionSurvey.link_expires_at > at,
            SatisfactionSurvey.state != SurveyState.REFUSED,
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    if row.state is SurveyState.OFFERED:
        with as_service(session):
            is_safe = _read_safe_key(session, session.get_one(SatisfactionSurvey, row.id), at) is not None
        # Outside: what fails as the service may keep nothing, and the try is counted.
        if not is_safe:
            raise NotFound
    return OpenedSurveyLink(row.id, row.state is SurveyState.ANSWERED)


def _lock_person(session: Session, referral_id: UUID) -> UUID:
    """After the referral: how the person may be reached can't be changed while the answers are saved."""
    person_id = session.scalar(select(Referral.person_id).where(Referral.id == referral_id))
    if person_id is None:
        raise NotFound
    case_locks.lock_person_row(session, person_id)
    return person_id


def _read_safe_key(session: Session, survey: SatisfactionSurvey, at: datetime) -> bytes | None:
    """The key of the person whom a link may still reach; None where they were erased, or it is not safe any more."""
    row = session.execute(
        select(Referral, Person)
        .join(Person, Person.id == Referral.person_id)
        .where(Referral.id == survey.referral_id, Person.erased_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    referral, person = row
    try:
        key = encrypted_rows.open_key(session, person.key_id)
    except SealBroken:
        return None
    is_safe = is_link_safe(session, referral, survey, person=person, key=key, at=at)
    return key if is_safe else None
