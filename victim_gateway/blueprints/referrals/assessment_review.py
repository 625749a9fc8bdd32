"""A senior caseworker reviews assessments: what waits, and the answer to one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.assessment_presenter import (
    REVIEW_CAUSES,
    may_review,
    present_version,
)
from victim_gateway.blueprints.referrals.page import bp, graded_on, render_referral_page
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import assessment_versions
from victim_gateway.queries.referrals.review_list import reviews_waiting
from victim_gateway.services.referrals.assessment_reviews import (
    LONGEST_COMMENT,
    ReviewAnswer,
    review_assessment,
)
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

list_bp = Blueprint("reviews", __name__, template_folder="templates")
_AGREE, _SEND_BACK = "agree", "send_back"


class ReviewForm(BaseForm):
    """Agree, or send back with a comment."""

    answer = RadioField(
        "What do you say?",
        choices=[
            SelectChoice(_AGREE, "I agree with the assessment"),
            SelectChoice(_SEND_BACK, "Send it back to be looked at again"),
        ],
        validators=[DataRequired("Choose whether you agree or send it back")],
    )
    comment = TextAreaField(
        "Comment",
        [Length(max=LONGEST_COMMENT, message=f"Shorten this to {LONGEST_COMMENT:,} characters")],
        description="Asked for when you send it back: what has to be looked at again, and why",
    )


@bp.route("/assessment/review", methods=["GET", "POST"])
@requires(Permission.REVIEW_ASSESSMENT)
def review(referral_id: UUID) -> ResponseReturnValue:
    """Read the last assessment, and say whether it holds."""
    form, after = ReviewForm(), url_for("referrals.assessment", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            answer = ReviewAnswer(form.answer.data == _AGREE, form.comment.data or None)
            review_assessment(form.command(), referral_id, answer)
            flashes.flash_success(
                "You agreed to the assessment" if answer.agreed else "The assessment was sent back",
                link=("More to review", url_for("reviews.waiting")),
            )
            return redirect(after)

    def last_version(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = assessment_versions(session, referral_id, head.key)
        if request.method == "GET" or form.is_stale:
            form.version.data = found[0].version if found else 0
        return {
            "view": present_version(found[0], found[1:2]) if found else None,
            "may_review": may_review(head, found),
            "graded_on": graded_on(head),
        }

    return render_referral_page(
        "referrals/review.html", referral_id, section="assessment", form=form, more=last_version
    )


@list_bp.get("/work/reviews")
@requires(Permission.REVIEW_ASSESSMENT)
def waiting() -> ResponseReturnValue:
    """The assessments that wait for a senior, the one due first at the top."""
    actor = signed_in_actor()
    with transaction(actor) as session:
        rows, has_more = reviews_waiting(session, actor, after=_read_position(request.args.get("after", "")))
    last = rows[-1] if rows else None
    return render_template(
        "referrals/reviews.html",
        rows=rows,
        causes=REVIEW_CAUSES,
        today=times.london_date(times.now()),
        next_url=url_for("reviews.waiting", after=f"{last.due_on}:{last.task_id}")
        if has_more and last
        else None,
        is_first="after" not in request.args,
    )


def _read_position(text: str) -> tuple[date, UUID] | None:
    """The position in an address; one that can't be read is the beginning."""
    day, _, task_id = text.partition(":")
    try:
        return date.fromisoformat(day), UUID(task_id)
    except ValueError:
        return None
