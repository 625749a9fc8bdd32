"""Triage assessment: what a person needs, how much at risk they are, which enhanced rights they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import actor_of, transaction
from victim_gateway.errors import InvalidInput, StaleVersion, TransitionNotAllowed
from victim_gateway.models import Referral, TriageAssessment
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.shared import referral_steps, submissions
from victim_gateway.vocabulary import ReferralState, Risk

VISIBLE_HIGH_RISK = "visible_high_risk"
PROFESSIONAL_JUDGEMENT = "professional_judgement"
POTENTIAL_ESCALATION = "potential_escalation"
REPEAT = "repeat"
GROUNDS = (VISIBLE_HIGH_RISK, PROFESSIONAL_JUDGEMENT, POTENTIAL_ESCALATION, REPEAT)
# Each of these is high risk by itself; judgement may raise what they leave open, never lower what they say.
HIGH_BY_ITSELF = frozenset({VISIBLE_HIGH_RISK, POTENTIAL_ESCALATION, REPEAT})
RJ_ANSWERS = ("yes", "no", "later", "not_asked")
_ASSESSABLE = (
    ReferralState.IN_CONTACT,
    ReferralState.TRIAGED,
    ReferralState.SUPPORTED,
    ReferralState.REOPENED,
)


@dataclass(frozen=True, slots=True)
class TriageAnswers:
    """What was found. `needs` maps every need of the area's scale to one of its steps."""

    assessed_at: datetime
    needs: Mapping[str, int]
    risk: Risk
    risk_grounds: Collection[str] = ()
    enhanced_categories: Collection[str] = ()
    wants_restorative_justice: str = "not_asked"
    words: str | None = None

    def check(self) -> None:
        """Raises InvalidInput where an answer is missing or two contradict each other."""
        scale = current_settings().area.needs
        steps = {value for value, _ in scale.steps}
        wrong = {
            f"need_{key}": f"Choose an answer for {label[0].lower()}{label[1:]}"
            for key, label in scale.areas
            if self.needs.get(key) not in steps
        }
        if self.risk is Risk.UNKNOWN:
            wrong["risk"] = "Choose how much at risk the person is"
        if HIGH_BY_ITSELF & set(self.risk_grounds) and self.risk is not Risk.HIGH:
            wrong["risk"] = "These grounds mean high risk: your judgement may raise the risk, never lower it"
        if self.risk is Risk.HIGH and not self.risk_grounds:
            wrong["risk_grounds"] = "Choose at least one ground for high risk"
        if self.risk is not Risk.HIGH and self.risk_grounds and not HIGH_BY_ITSELF & set(self.risk_grounds):
            wrong |= (
                {} if self.risk is Risk.MEDIUM else {"risk": "Judgement as a ground means more than standard"}
            )
        if wrong:
            raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def record_triage_assessment(
    referral_id: UUID,
    *,
    actor: Actor,
    at: datetime,
    assessment: TriageAnswers,
    version: int,
    submission_id: UUID | None = None,
) -> UUID:
    """Record an assessment as a new version; earlier ones stay as they were.

    `version` is that of the last one the user saw, 0 for none. Enhanced categories that were found hold
    from the London date of the assessment. Raises TransitionNotAllowed before the person was reached.
    """
    assessment.check()
    referral_steps.refuse_future_moment("assessed_on", assessment.assessed_at, at, "When you spoke")
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        referral = referral_steps.lock_referral(session, referral_id)
        if referral.state not in _ASSESSABLE:
            raise TransitionNotAllowed(
                "Speak to the person first: log the contact, then make the assessment."
            )
        held = _latest_version(session, referral_id)
        if version != held:
            raise StaleVersion("Somebody else made an assessment after you opened this page. Read it first.")
        _, key = referral_steps.open_person(session, referral.person_id)
        assessment_id = _write(session, referral, key, assessment, held + 1, at)
        referral.risk = assessment.risk
        _tell(session, referral, assessment, held + 1, at=at)
        referral_steps.audit_referral(
            session, "triage.assessed", referral, version=held + 1, risk=assessment.risk
        )
        referral_steps.finish_action(session, referral, at=at)
    return assessment_id


def _latest_version(session: Session, referral_id: UUID) -> int:
    latest = select(func.max(TriageAssessment.version)).where(TriageAssessment.referral_id == referral_id)
    return session.scalar(latest) or 0


def _write(
    session: Session, referral: Referral, key: bytes, assessment: TriageAnswers, version: int, at: datetime
) -> UUID:
    assessment_id = uuid4()
    session.add(
        TriageAssessment(
            id=assessment_id,
            referral_id=referral.id,
            version=version,
            assessed_at=assessment.assessed_at,
            recorded_at=at,
            by_id=actor_of(session).user_id,
            needs=dict(assessment.needs),
            risk=assessment.risk,
            risk_grounds=[ground for ground in GROUNDS if ground in assessment.risk_grounds],
            enhanced_categories=sorted(assessment.enhanced_categories),
            wants_restorative_justice=assessment.wants_restorative_justice,
            sealed=encrypted_rows.seal_row(
                key, "triage_assessment", assessment_id, {"words": assessment.words}
            ),
        )
    )
    return assessment_id


def _tell(
    session: Session, referral: Referral, assessment: TriageAnswers, version: int, *, at: datetime
) -> None:
    """The step, the standards' event, the Code's event, and the facts that shorten clocks."""
    when = assessment.assessed_at
    details = {"version": version, "risk": assessment.risk}
    if referral.state in (ReferralState.IN_CONTACT, ReferralState.REOPENED):
        referral_steps.change_referral_state(
            session, referral, ReferralState.TRIAGED, "triage.assessed", at=at, details=details
        )
    else:
        referral_steps.add_timeline_entry(
            session, referral, "triage.assessed", at=at, occurred_at=when, details=details
        )
    referral_steps.record_local_event(
        session, referral, "triage_assessment_completed", occurred_at=when, at=at
    )
    event = "needs_assessment_completed" if version == 1 else "needs_reassessment_completed"
    referral_steps.record_code_event(session, referral, event, occurred_at=when, at=at)
    found = [
        (EnhancedCategory(category), times.london_date(when)) for category in assessment.enhanced_categories
    ]
    if found:
        case_facts.update_case_facts(session, referral.id, at=at, add_enhanced=found)
