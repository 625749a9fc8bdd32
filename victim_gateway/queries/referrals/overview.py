"""The parts of a referral's pages: other referrals, assessments, consents, attempts, notes, providers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.models import (
    AssessmentReview,
    Attachment,
    Consent,
    ContactAttempt,
    Note,
    OnwardReferral,
    Organisation,
    Person,
    ProviderService,
    Referral,
    TriageAssessment,
    User,
)
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.triage_questions import HouseholdAnswers, read_household
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    ConsentGiver,
    ConsentHow,
    ConsentPurpose,
    DeclineReason,
    HandoverPart,
    OnwardState,
    ReferralState,
    Risk,
    ServiceOutcome,
)


@dataclass(frozen=True, slots=True)
class RelatedReferral:
    """Another referral of the same person: a repeat victim is seen as one."""

    referral_id: UUID
    reference: str
    offence: str
    received_at: datetime
    state: ReferralState


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """What a senior caseworker said of one version."""

    reviewed_at: datetime
    by: str
    agreed: bool
    comment: str | None
    officer_grade: str | None


@dataclass(frozen=True, slots=True)
class AssessmentVersion:
    """One version of a triage assessment."""

    version: int
    assessed_at: datetime
    by: str
    needs: dict[str, int]
    risk: Risk
    risk_grounds: tuple[str, ...]
    enhanced_categories: tuple[str, ...]
    wants_restorative_justice: str
    note: str | None
    by_id: UUID
    dash_score: int | None
    dash_on: date | None
    dash_by: str | None
    incidents: int | None
    least_risk: Risk | None
    review_causes: tuple[str, ...]
    wanted: tuple[str, ...]
    risk_reason: str | None
    below_officer_reason: str | None
    wants_text: str | None
    household: HouseholdAnswers
    review: ReviewRecord | None

    @property
    def waits_for_review(self) -> bool:
        """Whether a senior has to see this version and has not yet."""
        return bool(self.review_causes) and self.review is None


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    consent_id: UUID
    purpose: ConsentPurpose
    recipient: str | None
    agreed: bool
    how: ConsentHow
    given_at: datetime
    withdrawn_at: datetime | None
    given_by: ConsentGiver | None = None
    scope: tuple[HandoverPart, ...] = ()
    attachment_id: UUID | None = None
    document_of: UUID | None = None
    """The referral that has the file."""
    giver_name: str | None = None
    kept_where: str | None = None
    is_carried_over: bool = False
    """Given to the provider before, whose work this one took over."""


@dataclass(frozen=True, slots=True)
class LoggedAttempt:
    """One contact attempt. `checked` are codes of the checks made before it.

    `unsafe_reason` says how it came about that a channel or a time was used that was not safe.
    """

    attempted_at: datetime
    by: str
    channel: Channel
    outcome: AttemptOutcome
    checked: tuple[str, ...]
    note: str | None
    unsafe_reason: str | None


@dataclass(frozen=True, slots=True)
class CaseNote:
    written_at: datetime
    by: str
    organisation: str
    subject: str
    body: str
    onward_reference: str | None
    provider: str | None


@dataclass(frozen=True, slots=True)
class OnwardCard:
    """One onward referral, as a card shows it."""

    onward_referral_id: UUID
    reference: str
    provider_id: UUID
    provider: str
    service: str
    state: OnwardState
    offered_at: datetime
    answer_due_on: date | None
    answered_at: datetime | None
    first_contact_planned_on: date | None
    first_contact_at: datetime | None
    ended_at: datetime | None
    decline_reason: DeclineReason | None
    is_decline_decided: bool
    outcome: ServiceOutcome | None
    is_open_to_provider: bool


# Made once: to build a statement takes longer than to send it.
_RELATED = (
    select(Referral.id, Referral.reference, Referral.offence, Referral.received_at, Referral.state)
    .where(is_record_of(Referral.person_id, bindparam("person_id")), Referral.id != bindparam("referral_id"))
    .order_by(Referral.received_at.desc(), Referral.id)
    .limit(20)
)
_REVIEWER = named_alias(User, "reviewer")
_ASSESSMENTS = (
    select(TriageAssessment, User.name, AssessmentReview, _REVIEWER.name)
    .join(User, User.id == TriageAssessment.by_id)
    .outerjoin(AssessmentReview, AssessmentReview.assessment_id == TriageAssessment.id)
    .outerjoin(_REVIEWER, _REVIEWER.id == AssessmentReview.by_id)
    .where(TriageAssessment.referral_id == bindparam("referral_id"))
    .order_by(TriageAssessment.version.desc())
)
_ONWARD = (
    select(OnwardReferral, Organisation.name, ProviderService.name)
    .join(Organisation, Organisation.id == OnwardReferral.provider_id)
    .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
    .where(OnwardReferral.referral_id == bindparam("referral_id"))
    .order_by(OnwardReferral.offered_at.desc(), OnwardReferral.id)
)


def related_referrals(session: Session, referral: Referral) -> tuple[RelatedReferral, ...]:
    """Every other referral of the person that the reader may see, newest first."""
    rows = session.execute(_RELATED, {"person_id": referral.person_id, "referral_id": referral.id})
    return tuple(RelatedReferral(*row) for row in rows)


def assessment_versions(session: Session, referral_id: UUID, key: bytes) -> tuple[AssessmentVersion, ...]:
    """Every version, newest first."""
    rows = session.execute(_ASSESSMENTS, {"referral_id": referral_id})
    return tuple(
        _assessment(row, name, key, _review(review, reviewer, key)) for row, name, review, reviewer in rows
    )


def _review(row: AssessmentReview | None, by: str | None, key: bytes) -> ReviewRecord | None:
    if row is None:
        return None
    said = encrypted_rows.unseal_row(key, "assessment_review", row.id, row.sealed) if row.sealed else {}
    return ReviewRecord(row.reviewed_at, by or "", row.agreed, said.get("words"), row.officer_grade)


def _assessment(row: TriageAssessment, by: str, key: bytes, review: ReviewRecord | None) -> AssessmentVersion:
    said: dict[str, Any] = (
        encrypted_rows.unseal_row(key, "triage_assessment", row.id, row.sealed) if row.sealed else {}
    )
    return AssessmentVersion(
        version=row.version,
        assessed_at=row.assessed_at,
        by=by,
        needs=row.needs,
        risk=row.risk,
        risk_grounds=tuple(row.risk_grounds),
        enhanced_categories=tuple(row.enhanced_categories),
        wants_restorative_justice=row.wants_restorative_justice,
        note=said.get("words"),
        by_id=row.by_id,
        dash_score=row.dash_score,
        dash_on=row.dash_on,
        dash_by=row.dash_by,
        incidents=row.incidents,
        least_risk=Risk(row.least_risk) if row.least_risk else None,
        review_causes=tuple(row.review_causes),
        wanted=tuple(row.wanted),
        risk_reason=said.get("risk_reason"),
        below_officer_reason=said.get("below_officer_reason"),
        wants_text=said.get("wants_text"),
        household=read_household(said.get("household") or {}),
        review=review,
    )


def consent_history(session: Session, person_id: UUID) -> tuple[ConsentRecord, ...]:
    """Every answer of the person, on any record of theirs: those in force first, then newest first."""
    rows = session.execute(
        select(Consent, Organisation.name, Person.key_id, Attachment.referral_id)
        .join(Person, Person.id == Consent.person_id)
        .outerjoin(Organisation, Organisation.id == Consent.recipient_organisation_id)
        .outerjoin(Attachment, Attachment.id == Consent.attachment_id)
        .where(is_record_of(Consent.person_id, person_id))
        .order_by(Consent.withdrawn_at.is_not(None), Consent.recorded_at.desc(), Consent.id)
    ).all()
    wanted = {key_id for consent, _, key_id, _ in rows if consent.sealed}
    keys = encrypted_rows.open_keys(session, wanted) if wanted else {}
    return tuple(
        _consent(consent, recipient, keys.get(key_id), document_of)
        for consent, recipient, key_id, document_of in rows
    )


def _consent(
    row: Consent, recipient: str | None, key: bytes | None, document_of: UUID | None
) -> ConsentRecord:
    said = encrypted_rows.unseal_row(key, "consent", row.id, row.sealed) if key and row.sealed else {}
    return ConsentRecord(
        consent_id=row.id,
        purpose=row.purpose,
        recipient=recipient,
        agreed=row.agreed,
        how=row.how,
        given_at=row.given_at,
        withdrawn_at=row.withdrawn_at,
        given_by=row.given_by,
        scope=tuple(HandoverPart(part) for part in row.scope),
        attachment_id=row.attachment_id if document_of else None,
        document_of=document_of,
        giver_name=said.get("giver_name"),
        kept_where=said.get("kept_where"),
        is_carried_over=row.carried_from_id is not None,
    )


def contact_attempt_history(session: Session, referral_id: UUID, key: bytes) -> tuple[LoggedAttempt, ...]:
    """Every contact attempt, newest first."""
    rows = session.execute(
        select(ContactAttempt, User.name)
        .join(User, User.id == ContactAttempt.by_id)
        .where(ContactAttempt.referral_id == referral_id)
        .order_by(ContactAttempt.attempted_at.desc(), ContactAttempt.recorded_at.desc())
    )
    return tuple(_attempt(row, name, key) for row, name in rows)


def _attempt(row: ContactAttempt, by: str, key: bytes) -> LoggedAttempt:
    said: dict[str, Any] = (
        encrypted_rows.unseal_row(key, "contact_attempt", row.id, row.sealed) if row.sealed else {}
    )
    return LoggedAttempt(
        attempted_at=row.attempted_at,
        by=by,
        channel=row.channel,
        outcome=row.outcome,
        checked=tuple(said.get("checked") or ()),
        note=said.get("words"),
        unsafe_reason=said.get("unsafe_reason"),
    )


def case_notes(session: Session, referral_id: UUID, key: bytes) -> tuple[CaseNote, ...]:
    """Every note, newest first; those shared with a provider open under the handover's key."""
    provider = named_alias(Organisation, "provider")
    rows = session.execute(
        select(Note, Organisation.name, OnwardReferral.reference, OnwardReferral.key_id, provider.name)
        .join(Organisation, Organisation.id == Note.organisation_id)
        .outerjoin(OnwardReferral, OnwardReferral.id == Note.onward_referral_id)
        .outerjoin(provider, provider.id == OnwardReferral.provider_id)
        .where(Note.referral_id == referral_id)
        .order_by(Note.written_at.desc(), Note.id)
    ).all()
    wanted = {row[3] for row in rows if row[3]}
    keys = encrypted_rows.open_keys(session, wanted) if wanted else {}
    found = []
    for note, organisation, reference, key_id, name in rows:
        said = encrypted_rows.unseal_row(keys.get(key_id, key), "note", note.id, note.sealed)
        found.append(
            CaseNote(
                written_at=note.written_at,
                by=note.by_name,
                organisation=organisation,
                subject=said["subject"],
                body=said["body"],
                onward_reference=reference,
                provider=name,
            )
        )
    return tuple(found)


def onward_cards(session: Session, referral_id: UUID) -> tuple[OnwardCard, ...]:
    """Every onward referral, newest first."""
    rows = session.execute(_ONWARD, {"referral_id": referral_id})
    return tuple(
        OnwardCard(
            onward_referral_id=row.id,
            reference=row.reference,
            provider_id=row.provider_id,
            provider=provider,
            service=service,
            state=row.state,
            offered_at=row.offered_at,
            answer_due_on=row.answer_due_on,
            answered_at=row.answered_at,
            first_contact_planned_on=row.first_contact_planned_on,
            first_contact_at=row.first_contact_at,
            ended_at=row.ended_at,
            decline_reason=row.decline_reason,
            is_decline_decided=row.decline_confirmed_at is not None,
            outcome=row.outcome,
            is_open_to_provider=row.provider_access_ended_at is None,
        )
        for row, provider, service in rows
    )


def provider_choices(session: Session) -> list[tuple[UUID, str]]:
    """Every provider, for an answer about sharing."""
    rows = session.execute(
        select(Organisation.id, Organisation.name)
        .where(Organisation.kind == "provider")
        .order_by(Organisation.name)
    )
    return [(row.id, row.name) for row in rows]
