"""The parts of the page Support that stand below the support given: what they say, video links, case reviews."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from victim_gateway.blueprints.referrals.support_forms import authority_label, room_label
from victim_gateway.database.current import current_settings
from victim_gateway.models import Person
from victim_gateway.queries.referrals.court_and_review import (
    booked_video_links,
    case_reviews_of,
    count_asb_referrals,
)
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.surveys import asked_surveys
from victim_gateway.rules.court_and_review import (
    CASE_REVIEW_STEPS,
    OPEN_REVIEWS,
    may_ask_for_case_review,
)
from victim_gateway.services.referrals.surveys import SurveyStanding, survey_standing
from victim_gateway.vocabulary import CaseReviewState, ReferralState
from victim_gateway.web.labels import SURVEY_ANSWERS

# The part of an address, the state that the step leads to, and what the page is called.
REVIEW_STEPS = {
    "met": (CaseReviewState.THRESHOLD_MET, "The threshold is met"),
    "not-met": (CaseReviewState.THRESHOLD_NOT_MET, "The threshold is not met"),
    "reply": (CaseReviewState.ANSWERED, "The authority answered"),
    "drop": (CaseReviewState.WITHDRAWN, "The person takes it back"),
}


def read_survey_standing(session: Session, head: ReferralHeader, at: datetime) -> SurveyStanding:
    """What may be asked of the person now, for a page of the referral."""
    person = session.get_one(Person, head.referral.person_id)
    return survey_standing(session, head.referral, person, head.key, at=at)


def read_support_sections(session: Session, head: ReferralHeader, at: datetime) -> dict[str, Any]:
    """What the three parts show, by the names that their templates use."""
    referral, profile = head.referral, current_settings().area.support
    reviews = case_reviews_of(session, referral.id, head.key)
    is_about_asb = may_ask_for_case_review(referral.recorded_as, referral.harms)
    months = profile.case_review.threshold_months
    return {
        "survey_standing": read_survey_standing(session, head, at),
        "surveys": asked_surveys(session, referral.id, head.key),
        "survey_questions": profile.survey.questions,
        "survey_answers": SURVEY_ANSWERS,
        "bookings": booked_video_links(session, referral.id, head.key),
        "has_rooms": bool(profile.video_link.rooms),
        "measure_labels": dict(profile.video_link.measures),
        "room_label": room_label,
        "reviews": reviews,
        "shows_reviews": is_about_asb or bool(reviews),
        "may_review": is_about_asb
        and referral.state is not ReferralState.ENTERED_IN_ERROR
        and not any(review.state in OPEN_REVIEWS for review in reviews),
        "asb_count": count_asb_referrals(session, referral.id, months=months) if is_about_asb else 0,
        "review_profile": profile.case_review,
        "steps_of_review": steps_of_review,
        "authority_label": authority_label,
    }


def steps_of_review(state: CaseReviewState) -> list[tuple[str, str]]:
    """The steps that may follow, each with the part of its address and its name."""
    follow = CASE_REVIEW_STEPS[state]
    return [(step, label) for step, (leads_to, label) in REVIEW_STEPS.items() if leads_to in follow]
