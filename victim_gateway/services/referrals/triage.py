"""Triage assessment: what a person needs, how much at risk they are, which enhanced rights they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.errors import InvalidInput, StaleVersion, TransitionNotAllowed
from victim_gateway.models import OnwardReferral, ProviderService, TriageAssessment
from victim_gateway.queries.referrals import closing_checks
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services import onward_referrals
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.compliance.case_facts import CaseFactChanges
from victim_gateway.services.shared import case_locks
from victim_gateway.services.shared.case_action import (
    EventDetails,
    ReferralAction,
    referral_action,
    refuse_future_moment,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import restorative_decision_key, restorative_wish_key
from victim_gateway.vocabulary import ReferralState, Risk, TaskKind

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
    remarks: str | None = None

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


def record_triage_assessment(command: Command, referral_id: UUID, assessment: TriageAnswers) -> UUID:
    """Record an assessment as a new version; earlier ones stay as they were.

    The command's version is that of the last assessment the user saw, 0 for none. Enhanced categories that
    were found hold from the London date of the assessment. Raises TransitionNotAllowed before the person was
    reached.
    """
    assessment.check()
    refuse_future_moment("assessed_on", assessment.assessed_at, command.at, "When you spoke")
    with referral_action(command, referral_id, version_is_of_referral=False) as action:
        if action.referral.state not in _ASSESSABLE:
            raise TransitionNotAllowed(
                "Speak to the person first: log the contact, then make the assessment."
            )
        latest = _latest_version(action.session, referral_id)
        if command.version != latest:
            raise StaleVersion(case_locks.describe_last_change(action.session, referral_id))
        assessment_id = _add_assessment(action, assessment, latest + 1)
        action.referral.risk = assessment.risk
        _record_events(action, assessment, latest + 1)
        _finish_review(action)
        _add_enhanced_categories(action, assessment)
        _propose_restorative_justice(action, assessment.wants_restorative_justice)
        action.record_audit("triage.assessed", version=latest + 1, risk=assessment.risk)
        onward_referrals.refresh_share_again_tasks(action.session, [referral_id], at=action.at)
    return assessment_id


def _latest_version(session: Session, referral_id: UUID) -> int:
    latest = select(func.max(TriageAssessment.version)).where(TriageAssessment.referral_id == referral_id)
    return session.scalar(latest) or 0


def _add_assessment(action: ReferralAction, assessment: TriageAnswers, version: int) -> UUID:
    assessment_id, document = new_row_id(), {"words": assessment.remarks}
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
            risk_grounds=[ground for ground in GROUNDS if ground in assessment.risk_grounds],
            enhanced_categories=sorted(assessment.enhanced_categories),
            wants_restorative_justice=assessment.wants_restorative_justice,
            sealed=encrypted_rows.seal_row(action.key, "triage_assessment", assessment_id, document),
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
            ProviderService.is_restorative,
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
