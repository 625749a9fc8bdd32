"""A senior caseworker agrees to an assessment or sends it back; nobody reviews what they wrote themselves."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission
from victim_gateway.database import encrypted_rows
from victim_gateway.errors import InvalidInput, NotAllowed, StaleVersion, TransitionNotAllowed
from victim_gateway.models import AssessmentReview, TriageAssessment
from victim_gateway.queries.referrals import closing_checks
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.risk_rules import ReviewCause, higher_risk
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals.assessment_tasks import open_marac_question
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import require_permission
from victim_gateway.services.shared.tasks import assess_again_key, review_key
from victim_gateway.vocabulary import Risk, TaskKind

LONGEST_COMMENT = 5000


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What the senior says. A comment is asked for where the assessment is sent back."""

    agreed: bool
    comment: str | None = None

    def check(self) -> None:
        """Raises InvalidInput where the comment is missing or too long."""
        comment = (self.comment or "").strip()
        message = None
        if not self.agreed and not comment:
            message = "Say what has to be looked at again"
        elif len(comment) > LONGEST_COMMENT:
            message = f"Shorten this to {LONGEST_COMMENT:,} characters"
        if message:
            raise InvalidInput(message, fields={"comment": message})


def review_assessment(command: Command, referral_id: UUID, answer: ReviewAnswer) -> UUID:
    """Record a senior's answer to the last assessment; the command's version is that of the assessment they read.

    Agreeing lets a risk below the officer's grade, or below what counted before, count. Sending it back asks the
    caseworker to assess again, and leaves the risk as it is. Raises NotAllowed for the author and for anybody but a
    senior, StaleVersion where a newer version is there, and TransitionNotAllowed where nothing waits for a review.
    """
    require_permission(command.actor, Permission.REVIEW_ASSESSMENT)
    answer.check()
    with referral_action(command, referral_id, version_is_of_referral=False) as action:
        assessment = _last_assessment(action.session, referral_id)
        if assessment is None or not action.finish_task(review_key(referral_id)):
            raise TransitionNotAllowed("Nothing waits for a review here: somebody has answered it already.")
        if command.version != assessment.version:
            raise StaleVersion("Somebody made another assessment after you opened this page. Read it first.")
        if assessment.by_id == action.actor.user_id:
            raise NotAllowed("You made this assessment yourself, so somebody else reviews it.")
        if answer.agreed and _has_to_be_made_again(action):
            raise TransitionNotAllowed(
                "The officer's grade became higher after this assessment. Send it back, or ask for a new one."
            )
        review_id = _add_review(action, assessment, answer)
        if answer.agreed:
            _let_risk_count(action, assessment)
        else:
            action.open_task(TaskKind.ASSESS_AGAIN, dedupe_key=assess_again_key(referral_id))
        event = "triage.review_agreed" if answer.agreed else "triage.sent_back"
        action.add_timeline_entry(event, EventDetails(codes={"version": assessment.version}))
        action.record_audit(event, version=assessment.version)
        if answer.agreed:
            onward_referrals.refresh_share_again_tasks(action.session, [referral_id], at=action.at)
    return review_id


def _has_to_be_made_again(action: ReferralAction) -> bool:
    """Whether the officer's grade rose while the review was open: nobody agrees to what did not know of it."""
    asked = (TaskKind.ASSESS_AGAIN,)
    return bool(closing_checks.open_task_ids(action.session, action.referral.id, asked))


def _last_assessment(session: Session, referral_id: UUID) -> TriageAssessment | None:
    return session.scalar(
        select(TriageAssessment)
        .where(TriageAssessment.referral_id == referral_id)
        .order_by(TriageAssessment.version.desc())
        .limit(1)
    )


def _add_review(action: ReferralAction, assessment: TriageAssessment, answer: ReviewAnswer) -> UUID:
    review_id, comment = new_row_id(), (answer.comment or "").strip()
    sealed = (
        encrypted_rows.seal_row(action.key, "assessment_review", review_id, {"words": comment})
        if comment
        else None
    )
    action.session.add(
        AssessmentReview(
            id=review_id,
            assessment_id=assessment.id,
            referral_id=action.referral.id,
            reviewed_at=action.at,
            by_id=action.actor.user_id,
            agreed=answer.agreed,
            officer_grade=action.referral.officer_grade,
            sealed=sealed,
        )
    )
    return review_id


def _let_risk_count(action: ReferralAction, assessment: TriageAssessment) -> None:
    """What was below the officer's grade, or below what counted before, counts now.

    The senior agreed to be below a grade only where the assessment gave its reason for that.
    """
    risk, causes = Risk(assessment.risk), assessment.review_causes
    if ReviewCause.BELOW_OFFICER in causes:
        action.referral.risk = risk
    elif ReviewCause.LOWERED in causes:
        action.referral.risk = higher_risk(risk, action.referral.officer_grade)
    open_marac_question(action)
