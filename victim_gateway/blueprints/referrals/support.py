"""What has been done for the person: the plan, the support given, and how they are doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.blueprints.referrals.star_chart import draw_outcome_star
from victim_gateway.blueprints.referrals.support_forms import (
    GoalChangeForm,
    GoalForm,
    PlanReviewForm,
    activity_label,
    device_label,
    shorten_goal,
)
from victim_gateway.blueprints.referrals.support_sections import read_support_sections
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.errors import NotFound
from victim_gateway.queries.referrals import support_record
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.safety_devices import lent_devices
from victim_gateway.queries.referrals.support_record import PlannedGoal, TakenReading
from victim_gateway.rules.outcome_readings import measure_distance
from victim_gateway.rules.support import STATES_OF_SUPPORT, format_minutes
from victim_gateway.services.referrals import support_plan
from victim_gateway.vocabulary import ReadingStage, ReferralState
from victim_gateway.web import flashes
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.permissions import requires


def support_address(referral_id: UUID, part: str | None = None) -> str:
    """The page of a referral's support, at one of its parts."""
    return url_for("referrals.support", referral_id=referral_id, _anchor=part)


@bp.get("/support")
@requires(Permission.VIEW_REFERRAL)
def support(referral_id: UUID) -> ResponseReturnValue:
    """The plan, what was done with the time it took, and how the person is doing."""
    return render_referral_page("referrals/support.html", referral_id, section="support", more=_support)


@bp.route("/support/goals/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def add_goal(referral_id: UUID) -> ResponseReturnValue:
    """A goal that the person agreed to."""
    form, now = GoalForm(current_area().needs), times.now()
    after = support_address(referral_id, "plan")
    if request.method == "GET":
        form.agreed_on.data = times.london_date(now)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            support_plan.add_support_goal(form.command(now), referral_id, form.answers())
            flashes.flash_success("The goal was saved")
            return redirect(after)
    return render_referral_page("referrals/support_goal.html", referral_id, section="support", form=form)


@bp.route("/support/goals/<uuid:goal_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def change_goal(referral_id: UUID, goal_id: UUID) -> ResponseReturnValue:
    """Say a goal anew, or what became of it; how it was before stays below."""
    form, now = GoalChangeForm(current_area().needs), times.now()
    after = support_address(referral_id, "plan")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            support_plan.change_support_goal(form.command(now), referral_id, goal_id, form.answers())
            flashes.flash_success("The goal was saved")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        goals = support_record.planned_goals(session, referral_id, head.key)
        goal = next((each for each in goals if each.now.goal_id == goal_id), None)
        if goal is None:
            raise NotFound
        if request.method == "GET":
            form.fill(goal.now)
        if request.method == "GET" or form.is_stale:
            form.version.data = goal.now.version
        return {"goal": goal, "need_labels": dict(current_area().needs.areas)}

    return render_referral_page(
        "referrals/support_goal.html", referral_id, section="support", form=form, more=opened
    )


@bp.route("/support/review", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def review_plan(referral_id: UUID) -> ResponseReturnValue:
    """The day by which the plan is looked at again."""
    form, now = PlanReviewForm(), times.now()
    after = support_address(referral_id, "plan")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            support_plan.set_plan_review(form.command(now), referral_id, review_on=form.review_on.data)
            flashes.flash_success("The day was saved")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        review = support_record.plan_review(session, referral_id)
        if request.method == "GET" or form.is_stale:
            form.version.data = review.version if review else 0
        return {"review": review, "longest": current_area().support.longest_review_days}

    return render_referral_page(
        "referrals/support_review.html", referral_id, section="support", form=form, more=opened
    )


def _support(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    referral_id = head.referral.id
    goals = support_record.planned_goals(session, referral_id, head.key)
    entries = support_record.support_entries(session, referral_id, head.key)
    totals = support_record.minutes_by_kind(entries)
    readings = support_record.taken_readings(session, referral_id, head.key)
    profile = current_area().support
    return {
        "goals": goals,
        "goal_names": _goal_names(goals),
        "review": support_record.plan_review(session, referral_id),
        "entries": entries,
        "totals": [(kind, format_minutes(minutes)) for kind, minutes in totals.items()],
        "total": format_minutes(sum(totals.values())),
        "format_minutes": format_minutes,
        "kind_labels": {kind: activity_label(kind) for kind in {entry.kind for entry in entries}},
        "need_labels": dict(current_area().needs.areas),
        "results": support_record.need_results(session, referral_id, head.key),
        "is_open_for_plan": head.referral.state in STATES_OF_SUPPORT,
        "is_open_for_entries": head.referral.state in (*STATES_OF_SUPPORT, ReferralState.CLOSED),
        "measure": profile.outcome_measure,
        "loans": lent_devices(session, referral_id),
        "device_label": device_label,
        **_compared_readings(readings),
        **read_support_sections(session, head, at),
    }


def _goal_names(goals: Sequence[PlannedGoal]) -> dict[UUID, str]:
    return {goal.now.goal_id: shorten_goal(goal.now.text) for goal in goals}


def _compared_readings(readings: Sequence[TakenReading]) -> dict[str, Any]:
    """The readings that stand, and how far the person has come from the start to the last of them."""
    standing = [reading for reading in readings if reading.voided_at is None]
    start = next((reading for reading in standing if reading.stage is ReadingStage.START), None)
    latest = standing[-1] if len(standing) > 1 else None
    measure = current_area().support.outcome_measure
    return {
        "readings": standing,
        "voided_readings": [reading for reading in readings if reading.voided_at is not None],
        "star": draw_outcome_star(measure, start.values, latest.values if latest else None)
        if start
        else None,
        "latest": latest,
        "distance": measure_distance(start.values, latest.values) if start and latest else {},
    }
