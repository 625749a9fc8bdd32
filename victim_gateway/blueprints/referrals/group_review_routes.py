"""Group review: meetings that go through referrals at high risk or stuck, and one referral on an agenda."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectMultipleField, TextAreaField
from wtforms.validators import DataRequired

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.group_reviews import (
    MeetingPage,
    OpenedReview,
    agenda_references,
    meeting_of_item,
    meeting_page,
    opened_review,
    proposed_agenda,
    review_meetings,
    row_is_over,
)
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.work_queue import assignable_caseworkers
from victim_gateway.rules.group_review import ReviewDecision
from victim_gateway.services.referrals.group_reviews import (
    GroupReviewAnswer,
    close_review_meeting,
    decide_group_review,
    open_review_meeting,
)
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.labels import REVIEW_CAUSES, REVIEW_DECISIONS, SelectChoice
from victim_gateway.web.permissions import may_use, requires
from victim_gateway.web.sessions import signed_in_actor

meetings_bp = Blueprint("group_reviews", __name__, template_folder="templates", url_prefix="/group-reviews")


class OpenMeetingForm(BaseForm):
    """When the meeting is, and who is there."""

    is_versioned = False

    meets_on = GovDateField(
        "When is the meeting?", what="The day of the meeting", required="Enter the day of the meeting"
    )
    attendees = SelectMultipleField(
        "Who is there?", description="They can read the agenda and what is decided. You are there yourself"
    )


class CloseMeetingForm(BaseForm):
    """The button that ends a meeting."""

    is_versioned = False


class ReviewDecisionForm(BaseForm):
    """What the meeting decides."""

    can_be_kept_at_once = False

    decision = RadioField(
        "What does the meeting decide?",
        choices=[SelectChoice(each.value, REVIEW_DECISIONS[each]) for each in ReviewDecision],
        validators=[DataRequired("Choose what the meeting decides")],
    )
    reason = TextAreaField("Why?", [DataRequired("Say why the meeting decided so")])
    next_step = TextAreaField(
        "What is done next, and by whom?", [DataRequired("Say what is done next, and by whom")]
    )
    due_on = GovDateField(
        "By when?", what="The day by which it is done", required="Enter the day by which it is done"
    )

    def answer(self) -> GroupReviewAnswer:
        """What the service is asked to record."""
        return GroupReviewAnswer(
            decision=ReviewDecision(self.decision.data),
            reason=self.reason.data or "",
            next_step=self.next_step.data or "",
            due_on=self.due_on.data,
        )


@meetings_bp.get("")
@requires(Permission.VIEW_REFERRAL)
def home() -> ResponseReturnValue:
    """The meetings, and to a senior what the next one goes through."""
    return _show_home(OpenMeetingForm())


@meetings_bp.post("")
@requires(Permission.LEAD_GROUP_REVIEW)
def open_meeting() -> ResponseReturnValue:
    """Open a meeting with the agenda as it is proposed at this moment."""
    form = OpenMeetingForm()
    form.attendees.choices = _people()
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("group_reviews.home")):
            meeting_id = open_review_meeting(
                form.command(),
                meets_on=form.meets_on.data,
                attendee_ids=[UUID(each) for each in form.attendees.data or ()],
            )
            flashes.flash_success("The meeting is open, and its agenda stays as it is")
            return redirect(url_for("group_reviews.one", meeting_id=meeting_id))
    return _show_home(form)


@meetings_bp.get("/<uuid:meeting_id>")
@requires(Permission.VIEW_REFERRAL)
def one(meeting_id: UUID) -> ResponseReturnValue:
    """The agenda of a meeting, without names, and where it goes on."""
    return _show_meeting(meeting_id, CloseMeetingForm())


@meetings_bp.post("/<uuid:meeting_id>/close")
@requires(Permission.LEAD_GROUP_REVIEW)
def close(meeting_id: UUID) -> ResponseReturnValue:
    """End a meeting."""
    form, after = CloseMeetingForm(), url_for("group_reviews.one", meeting_id=meeting_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            close_review_meeting(form.command(), meeting_id)
            flashes.flash_success("The meeting is closed. What it did not decide is proposed to the next one")
            return redirect(after)
    return _show_meeting(meeting_id, form)


@bp.get("/group-review/<uuid:item_id>")
@requires(Permission.VIEW_REFERRAL)
def group_review(referral_id: UUID, item_id: UUID) -> ResponseReturnValue:
    """One referral on an agenda: who it is about, what was decided, and the one before and after."""
    return _show_item(referral_id, item_id, ReviewDecisionForm())


@bp.post("/group-review/<uuid:item_id>")
@requires(Permission.LEAD_GROUP_REVIEW)
def decide_review(referral_id: UUID, item_id: UUID) -> ResponseReturnValue:
    """Record what the meeting decides, and go on with the next one."""
    form = ReviewDecisionForm()
    own = url_for("referrals.group_review", referral_id=referral_id, item_id=item_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=own):
            decide_group_review(form.command(), referral_id, item_id, form.answer())
            flashes.flash_success("The decision was recorded, and its next step is a task on the referral")
            return redirect(_following_url(item_id))
    return _show_item(referral_id, item_id, form)


def _following_url(item_id: UUID) -> str:
    """Where the meeting goes on: the next referral that is undecided, or the agenda where there is none."""
    with transaction(signed_in_actor()) as session:
        shown = meeting_page(session, meeting_of_item(session, item_id))
    following = shown.next_undecided
    if following is None:
        return url_for("group_reviews.one", meeting_id=shown.meeting.id)
    return url_for("referrals.group_review", referral_id=following.referral_id, item_id=following.item_id)


def _people() -> list[SelectChoice]:
    actor = signed_in_actor()
    with transaction(actor) as session:
        found = assignable_caseworkers(session)
    return [SelectChoice(str(user_id), name) for user_id, name in found if user_id != actor.user_id]


def _show_home(form: OpenMeetingForm) -> ResponseReturnValue:
    at, after = times.now(), _position(request.args.get("after"))
    leads = may_use(Permission.LEAD_GROUP_REVIEW)
    with transaction(signed_in_actor()) as session:
        meetings, has_more = review_meetings(session, after=after)
        proposed = proposed_agenda(session, times.london_date(at)) if leads and after is None else ()
        references = agenda_references(session, proposed) if leads else {}
        people = assignable_caseworkers(session) if leads else []
    own_id = signed_in_actor().user_id
    form.attendees.choices = [SelectChoice(str(each), name) for each, name in people if each != own_id]
    if request.method == "GET":
        form.meets_on.data = times.london_date(at)
    return render_form(
        "referrals/group_reviews.html",
        form,
        meetings=meetings,
        proposed=proposed,
        references=references,
        causes=REVIEW_CAUSES,
        is_first=after is None,
        next_url=url_for("group_reviews.home", after=meetings[-1].position) if has_more else None,
    )


def _show_meeting(meeting_id: UUID, form: CloseMeetingForm) -> ResponseReturnValue:
    with transaction(signed_in_actor()) as session:
        shown: MeetingPage = meeting_page(session, meeting_id)
    return render_form(
        "referrals/group_review_meeting.html",
        form,
        shown=shown,
        causes=REVIEW_CAUSES,
        decisions=REVIEW_DECISIONS,
        row_is_over=row_is_over,
    )


def _show_item(referral_id: UUID, item_id: UUID, form: ReviewDecisionForm) -> ResponseReturnValue:
    def open_item(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        review = opened_review(session, referral_id, item_id, head.key)
        if request.method == "GET" or form.is_stale:
            form.version.data = review.item.version
        if request.method == "GET" and review.item.decision:
            _fill(form, review)
        if form.is_stale:
            saved = ReviewDecisionForm(formdata=None)
            _fill(saved, review)
            form.show_saved(saved)
        may_decide = (
            may_use(Permission.LEAD_GROUP_REVIEW)
            and not review.is_closed
            and head.referral.state not in ("closed", "entered_in_error")
        )
        return {
            "review": review,
            "may_decide": may_decide,
            "causes": REVIEW_CAUSES,
            "decisions": REVIEW_DECISIONS,
        }

    return render_referral_page(
        "referrals/group_review.html", referral_id, section="overview", form=form, more=open_item
    )


def _fill(form: ReviewDecisionForm, review: OpenedReview) -> None:
    form.decision.data = review.item.decision
    form.reason.data, form.next_step.data = review.reason, review.next_step
    form.due_on.data = review.item.due_on


def _position(after: str | None) -> tuple[datetime, UUID] | None:
    """Where the list begins; what can't be read is its beginning."""
    opened_at, _, meeting_id = (after or "").partition("_")
    try:
        moment = datetime.fromisoformat(opened_at)
        return (moment, UUID(meeting_id)) if moment.tzinfo else None
    except ValueError:
        return None
