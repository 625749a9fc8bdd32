"""Triage assessment: what a person needs, how much at risk they are, which enhanced rights they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from config.triage_profile import DASH_INDICATORS
from victim_gateway import times
from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.errors import InvalidInput, StaleVersion, TransitionNotAllowed
from victim_gateway.models import (
    AssessmentReview,
    OnwardReferral,
    ProviderService,
    Referral,
    TriageAssessment,
)
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.queries.referrals import closing_checks
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules import risk_rules
from victim_gateway.rules.risk_rules import GROUNDS, ReviewCause, ReviewedRisk, RiskBefore, RiskFacts
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.rules.triage_questions import (
    DASH_DONE_BY,
    HouseholdAnswers,
    find_household_mistakes,
)
from victim_gateway.services import onward_referrals
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.compliance.case_facts import CaseFactChanges
from victim_gateway.services.people.person_documents import update_person_document
from victim_gateway.services.referrals.assessment_tasks import open_assessment_tasks
from victim_gateway.services.shared import case_locks
from victim_gateway.services.shared.case_action import (
    EventDetails,
    ReferralAction,
    referral_action,
    refuse_future_moment,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import restorative_decision_key, restorative_wish_key
from victim_gateway.vocabulary import ReferralState, Risk, TaskKind

RJ_ANSWERS = ("yes", "no", "later", "not_asked")
MOST_INCIDENTS = 999
_ASSESSABLE = (
    ReferralState.IN_CONTACT,
    ReferralState.TRIAGED,
    ReferralState.SUPPORTED,
    ReferralState.REOPENED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DashAnswer:
    """A DASH score, on which day it was taken and by whom (`DASH_DONE_BY`)."""

    score: int
    on: date
    by: str


@dataclass(frozen=True, slots=True)
class TriageAnswers:
    """What was found. `needs` maps every need of the area's scale to one of its steps."""

    assessed_at: datetime
    needs: Mapping[str, int]
    risk: Risk
    risk_grounds: Collection[str] = ()
    enhanced_categories: Collection[str] = ()
    wants_restorative_justice: str = "not_asked"
    remarks: str | None = None
    dash: DashAnswer | None = None
    incidents: int | None = None
    risk_reason: str | None = None
    below_officer_reason: str | None = None
    wanted: Collection[str] = ()
    wants_text: str | None = None
    household: HouseholdAnswers = field(default_factory=HouseholdAnswers)

    def risk_facts(self, officer_grade: str | None) -> RiskFacts:
        """What the rules of risk read of it."""
        return RiskFacts(
            risk=self.risk,
            grounds=self.risk_grounds,
            dash_score=self.dash.score if self.dash else None,
            incidents=self.incidents,
            officer_grade=officer_grade,
            reason=self.risk_reason,
            below_officer_reason=self.below_officer_reason,
        )

    def check(self, officer_grade: str | None = None, *, on: date | None = None) -> None:
        """Raises InvalidInput where an answer is missing or two contradict each other."""
        area = current_area()
        steps = {value for value, _ in area.needs.steps}
        wrong = {
            f"need_{key}": f"Choose an answer for {label[0].lower()}{label[1:]}"
            for key, label in area.needs.areas
            if self.needs.get(key) not in steps
        }
        wrong |= risk_rules.find_risk_mistakes(self.risk_facts(officer_grade), area.triage.dash)
        wrong |= self._find_dash_mistakes(on) | find_household_mistakes(self.household)
        if set(self.wanted) - {key for key, _ in area.triage.wants}:
            wrong["wanted"] = "Choose from the answers"
        if wrong:
            raise InvalidInput(next(iter(wrong.values())), fields=wrong)

    def _find_dash_mistakes(self, on: date | None) -> dict[str, str]:
        wrong: dict[str, str] = {}
        if self.dash is not None and not 0 <= self.dash.score <= DASH_INDICATORS:
            wrong["dash_score"] = f"Enter a DASH score from 0 to {DASH_INDICATORS}"
        if self.dash is not None and self.dash.by not in DASH_DONE_BY:
            wrong["dash_by"] = "Choose who did the DASH"
        if self.dash is not None and on is not None and self.dash.on > on:
            wrong["dash_on"] = "The day of the DASH must be today or in the past"
        if self.incidents is not None and not 0 <= self.incidents <= MOST_INCIDENTS:
            wrong["incidents"] = f"Enter a number of incidents from 0 to {MOST_INCIDENTS}"
        return wrong

    def document(self) -> dict[str, Any]:
        """What of it is sealed."""
        found = {
            "words": self.remarks,
            "risk_reason": self.risk_reason,
            "below_officer_reason": self.below_officer_reason,
            "wants_text": self.wants_text,
            "household": self.household.document(),
        }
        return {"words": self.remarks} | {name: value for name, value in found.items() if value}


def record_triage_assessment(command: Command, referral_id: UUID, assessment: TriageAnswers) -> UUID:
    """Record an assessment as a new version; earlier ones stay as they were.

    The command's version is that of the last assessment the user saw, 0 for none. Enhanced categories that
    were found hold from the London date of the assessment. A risk below the officer's grade, below high, or below one
    that a senior questions counts only once a senior agreed to it: until then the referral keeps the higher. Raises
    TransitionNotAllowed before the person was reached.
    """
    assessment.check(on=times.london_date(command.at))
    refuse_future_moment("assessed_on", assessment.assessed_at, command.at, "When you spoke")
    with referral_action(command, referral_id, lock=LockScope.PERSON, version_is_of_referral=False) as action:
        latest = _latest_version(action.session, referral_id)
        # What a senior or a higher grade asks again can be answered though the force took the referral back.
        is_asked_again = latest > 0 and action.referral.is_taken_back_by_force
        if action.referral.state not in _ASSESSABLE and not is_asked_again:
            raise TransitionNotAllowed(
                "Speak to the person first: log the contact, then make the assessment."
            )
        if command.version != latest:
            raise StaleVersion(case_locks.describe_last_change(action.session, referral_id))
        assessment.check(action.referral.officer_grade)
        before = _risk_before(action)
        causes = _find_review_causes(action, assessment, before)
        assessment_id = _add_assessment(action, assessment, latest + 1, causes)
        facts = assessment.risk_facts(action.referral.officer_grade)
        action.referral.risk = risk_rules.risk_that_counts(facts, before, causes)
        _note_interpreter(action, assessment.household)
        _record_events(action, assessment, latest + 1)
        _finish_review(action)
        _add_enhanced_categories(action, assessment)
        _propose_restorative_justice(action, assessment.wants_restorative_justice)
        safeguarding = assessment.household.safeguarding
        open_assessment_tasks(action, causes, safeguarding, risk_before=before.risk)
        action.record_audit("triage.assessed", version=latest + 1, risk=assessment.risk)
        # Of all the person's: another language is shared again by each of them.
        theirs = select(Referral.id).where(Referral.person_id == action.referral.person_id)
        onward_referrals.refresh_share_again_tasks(
            action.session, action.session.scalars(theirs).all(), at=action.at
        )
    return assessment_id


def _latest_version(session: Session, referral_id: UUID) -> int:
    latest = select(func.max(TriageAssessment.version)).where(TriageAssessment.referral_id == referral_id)
    return session.scalar(latest) or 0


def _risk_before(action: ReferralAction) -> RiskBefore:
    """What counts until now; questioned while a review is open, and where the last one sent it back."""
    referral = action.referral
    last = (
        select(AssessmentReview.agreed)
        .where(AssessmentReview.referral_id == referral.id)
        .order_by(AssessmentReview.reviewed_at.desc(), AssessmentReview.id.desc())
        .limit(1)
    )
    asked = (TaskKind.HIGH_RISK_REVIEW,)
    is_open = bool(closing_checks.open_task_ids(action.session, referral.id, asked))
    return RiskBefore(referral.risk, is_open or action.session.scalar(last) is False)


def _find_review_causes(
    action: ReferralAction, assessment: TriageAnswers, before: RiskBefore
) -> tuple[ReviewCause, ...]:
    """Why a senior must review it; a risk that one agreed to before, for this referral, need not be agreed again."""
    versions = (
        select(TriageAssessment.risk, AssessmentReview.agreed, AssessmentReview.officer_grade)
        .outerjoin(AssessmentReview, AssessmentReview.assessment_id == TriageAssessment.id)
        .where(TriageAssessment.referral_id == action.referral.id)
        .order_by(TriageAssessment.version.desc())
    )
    facts = assessment.risk_facts(action.referral.officer_grade)
    found = action.session.execute(versions).all() if facts.is_below_officer else ()
    reviewed = (ReviewedRisk(Risk(risk), bool(agreed), grade) for risk, agreed, grade in found)
    earlier = risk_rules.list_standing_agreements(reviewed, facts.officer_grade)
    return risk_rules.list_review_causes(facts, agreed=earlier, before=before)


def _note_interpreter(action: ReferralAction, household: HouseholdAnswers) -> None:
    """An interpreter who is needed is an alert; the police's next row takes back neither the need nor the language.

    The language is the person's from now on, so that whatever is said of it later, here or by a correction, counts.
    """
    referral, person = action.referral, action.person
    if "interpreter" not in household.communication:
        return
    if not referral.interpreter_needed:
        referral.interpreter_needed = True
        referral.corrected_fields = sorted({*referral.corrected_fields, "interpreter_needed"})
    document: dict[str, Any] = encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed)
    if household.language and document.get("language") != household.language:
        document["language"] = household.language
        update_person_document(action.session, person, action.key, document, at=action.at)
    if household.language:
        person.corrected_fields = sorted({*person.corrected_fields, "language"})


def _add_assessment(
    action: ReferralAction, assessment: TriageAnswers, version: int, causes: Collection[ReviewCause]
) -> UUID:
    assessment_id, dash = new_row_id(), assessment.dash
    facts, bands = assessment.risk_facts(None), current_settings().area.triage.dash
    wants = [key for key, _ in current_area().triage.wants]
    action.session.add(
        TriageAssessment(
            id=assessment_id,
            referral_id=action.referral.id,
            version=version,
            assessed_at=assessment.assessed_at,
            recorded_at=action.at,
            by_id=action.actor.user_id,
            needs=dict(assessment.needs),
            risk=assessment.risk,
            risk_grounds=[
                *(ground for ground in GROUNDS if ground in assessment.risk_grounds),
                *risk_rules.grounds_of_numbers(facts, bands),
            ],
            enhanced_categories=sorted(assessment.enhanced_categories),
            wants_restorative_justice=assessment.wants_restorative_justice,
            dash_score=dash.score if dash else None,
            dash_on=dash.on if dash else None,
            dash_by=dash.by if dash else None,
            incidents=assessment.incidents,
            least_risk=risk_rules.least_risk(facts, bands).value,
            review_causes=list(causes),
            wanted=[key for key in wants if key in assessment.wanted],
            sealed=encrypted_rows.seal_row(
                action.key, "triage_assessment", assessment_id, assessment.document()
            ),
        )
    )
    return assessment_id


def _is_with_provider(action: ReferralAction) -> bool:
    live = exists().where(
        OnwardReferral.referral_id == action.referral.id, OnwardReferral.state.in_(LIVE_ONWARD_STATES)
    )
    return bool(action.session.scalar(select(live)))


def _finish_review(action: ReferralAction) -> None:
    asked = (TaskKind.SERVICE_ENDED,)
    for task_id in closing_checks.open_task_ids(action.session, action.referral.id, asked):
        action.finish_task(task_id)


def _record_events(action: ReferralAction, assessment: TriageAnswers, version: int) -> None:
    """The change of state, the standards' event, and the Code's event."""
    assessed = EventDetails(occurred_at=assessment.assessed_at)
    codes = {"version": version, "risk": assessment.risk}
    if action.referral.state in (ReferralState.IN_CONTACT, ReferralState.REOPENED):
        action.change_state(ReferralState.TRIAGED, "triage.assessed", EventDetails(codes=codes))
    elif action.referral.state is ReferralState.SUPPORTED and not _is_with_provider(action):
        # The support that ended has been reviewed: to refer on or to close is next.
        action.change_state(ReferralState.TRIAGED, "triage.assessed", EventDetails(codes=codes))
    else:
        action.add_timeline_entry("triage.assessed", replace(assessed, codes=codes))
    action.record_local_event("triage_assessment_completed", assessed)
    event = "needs_assessment_completed" if version == 1 else "needs_reassessment_completed"
    action.record_code_event(event, assessed)


def _propose_restorative_justice(action: ReferralAction, answer: str) -> None:
    """A yes asks the caseworker to refer the person on to it; a no ends that, and the question to a senior."""
    wish = restorative_wish_key(action.referral.id)
    if answer == "yes" and not _has_restorative_offer(action):
        action.open_task(TaskKind.RESTORATIVE_JUSTICE_WANTED, dedupe_key=wish)
    elif answer == "no":
        action.finish_task(wish)
        action.finish_task(restorative_decision_key(action.referral.id))


def _has_restorative_offer(action: ReferralAction) -> bool:
    live = (
        select(OnwardReferral.id)
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .where(
            OnwardReferral.referral_id == action.referral.id,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            ProviderService.kind == ServiceKind.RESTORATIVE_JUSTICE,
        )
    )
    return action.session.scalar(live.limit(1)) is not None


def _add_enhanced_categories(action: ReferralAction, assessment: TriageAnswers) -> None:
    """Put what was found into the facts, which shortens limits from that day on."""
    on = times.london_date(assessment.assessed_at)
    found = [(EnhancedCategory(category), on) for category in assessment.enhanced_categories]
    if found:
        changes = CaseFactChanges(add_enhanced=found)
        case_facts.update_case_facts(action.session, action.referral.id, changes, at=action.at)
