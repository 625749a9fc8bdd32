"""The tasks that follow from the answers of a triage assessment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.database.current import current_settings
from victim_gateway.models import AssessmentReview, MaracDecision, TriageAssessment
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
from victim_gateway.vocabulary import Risk, TaskKind


def open_assessment_tasks(
    action: ReferralAction, causes: Collection[ReviewCause], safeguarding: str, *, risk_before: Risk
) -> None:
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
    open_marac_question(action, risk_before=risk_before)
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
    risk_before, referral.risk = referral.risk, higher_risk(referral.risk, referral.officer_grade)
    open_marac_question(action, risk_before=risk_before)
    if referral.state not in OVER_STATES:
        action.open_task(TaskKind.ASSESS_AGAIN, dedupe_key=assess_again_key(referral.id))


def open_marac_question(action: ReferralAction, *, risk_before: Risk | None = None) -> None:
    """Ask whether the person is referred to MARAC: domestic abuse or a high DASH score, at high risk, not decided yet.

    `risk_before` is the risk until this action where it may have changed: a risk that has just become high asks anew.
    A referral that is over asks nothing.
    """
    referral = action.referral
    became_high = risk_before is not None and risk_before is not Risk.HIGH
    is_dash_high = referral.risk is Risk.HIGH and _is_last_dash_high(action)
    if not is_marac_question(referral.risk, referral.harms, is_dash_high=is_dash_high):
        action.finish_task(marac_key(referral.id))
    elif referral.state not in OVER_STATES and not _is_marac_answered(action, became_high=became_high):
        action.open_task(TaskKind.MARAC_DECISION, dedupe_key=marac_key(referral.id))


def _is_last_dash_high(action: ReferralAction) -> bool:
    last = (
        select(TriageAssessment.dash_score)
        .where(TriageAssessment.referral_id == action.referral.id)
        .order_by(TriageAssessment.version.desc())
        .limit(1)
    )
    return (action.session.scalar(last) or 0) >= current_settings().area.triage.dash.high_from


def _is_marac_answered(action: ReferralAction, *, became_high: bool) -> bool:
    """Whether a referral to MARAC is open, or it was decided since the risk last became high."""
    decisions = action.session.execute(
        select(MaracDecision.recorded_at, MaracDecision.is_referred, MaracDecision.outcome).where(
            MaracDecision.referral_id == action.referral.id, MaracDecision.taken_back_at.is_(None)
        )
    ).all()
    if any(each.is_referred and each.outcome is None for each in decisions):
        return True
    if became_high or not decisions:
        return False
    since = _last_moment_below_high(action)
    return since is None or any(each.recorded_at > since for each in decisions)


def _last_moment_below_high(action: ReferralAction) -> datetime | None:
    """When a risk below high last began to count: at once, or once a senior agreed; None where it never did."""
    versions = action.session.execute(
        select(
            TriageAssessment.recorded_at,
            TriageAssessment.review_causes,
            AssessmentReview.agreed,
            AssessmentReview.reviewed_at,
        )
        .outerjoin(AssessmentReview, AssessmentReview.assessment_id == TriageAssessment.id)
        .where(TriageAssessment.referral_id == action.referral.id, TriageAssessment.risk != Risk.HIGH)
        .order_by(TriageAssessment.version.desc())
    )
    for recorded_at, review_causes, agreed, reviewed_at in versions:
        counted_at: datetime = reviewed_at if agreed else recorded_at
        if agreed or not review_causes:
            return counted_at
    return None
