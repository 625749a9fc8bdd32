"""The tasks that follow from the answers of a triage assessment."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.database.current import current_settings
from victim_gateway.models import MaracDecision, TriageAssessment
from victim_gateway.rules.marac import is_marac_question
from victim_gateway.rules.risk_rules import ReviewCause, higher_risk, is_grade_above
from victim_gateway.rules.step_dates import working_days_after
from victim_gateway.rules.transitions import OVER_STATES
from victim_gateway.services.shared.case_action import ReferralAction
from victim_gateway.services.shared.tasks import (
    assess_again_key,
    child_safeguarding_key,
    marac_key,
    review_key,
)
from victim_gateway.vocabulary import TaskKind


def open_assessment_tasks(action: ReferralAction, causes: Collection[ReviewCause], safeguarding: str) -> None:
    """Open the senior's review, the question about MARAC and the safeguarding referral; end what is answered.

    A review that is open stays open whatever this version says, and the question about MARAC ends only once a senior
    agrees to a lower risk: until then the referral's risk stays high.
    """
    referral_id = action.referral.id
    action.finish_task(assess_again_key(referral_id))
    if causes:
        days = current_settings().area.triage.review_working_days
        due_on = working_days_after(times.london_date(action.at), days)
        action.open_task(TaskKind.HIGH_RISK_REVIEW, dedupe_key=review_key(referral_id), due_on=due_on)
    open_marac_question(action)
    if safeguarding == "needed":
        action.open_task(TaskKind.CHILD_SAFEGUARDING, dedupe_key=child_safeguarding_key(referral_id))
    elif safeguarding == "made":
        action.finish_task(child_safeguarding_key(referral_id))


def heed_higher_grade(action: ReferralAction, before: str | None) -> None:
    """Let an officer's grade that rose above our last assessment count, and ask to assess again.

    `before` is the grade until now. Without an assessment of ours the grade counts by itself.
    """
    referral = action.referral
    if not is_grade_above(referral.officer_grade, before):
        return
    last = (
        select(TriageAssessment.risk)
        .where(TriageAssessment.referral_id == referral.id)
        .order_by(TriageAssessment.version.desc())
        .limit(1)
    )
    ours = action.session.scalar(last)
    if ours is None or not is_grade_above(referral.officer_grade, ours):
        return
    referral.risk = higher_risk(referral.risk, referral.officer_grade)
    if referral.state not in OVER_STATES:
        action.open_task(TaskKind.ASSESS_AGAIN, dedupe_key=assess_again_key(referral.id))


def open_marac_question(action: ReferralAction) -> None:
    """Ask whether the person is referred to MARAC: domestic abuse, at high risk, and nobody has decided it."""
    if is_marac_question(action.referral.risk, action.referral.harms):
        if not _has_marac_decision(action):
            action.open_task(TaskKind.MARAC_DECISION, dedupe_key=marac_key(action.referral.id))
    else:
        action.finish_task(marac_key(action.referral.id))


def _has_marac_decision(action: ReferralAction) -> bool:
    decided = select(MaracDecision.id).where(MaracDecision.referral_id == action.referral.id).limit(1)
    return action.session.scalar(decided) is not None
