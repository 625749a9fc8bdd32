"""Two people side by side, for a caseworker to say whether they are one. Nothing here writes one over the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField
from wtforms.validators import DataRequired

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.errors import NotFound
from victim_gateway.queries.referrals.compared_people import identity_details, people_to_compare
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.services.referrals import tasks
from victim_gateway.vocabulary import IdentityDecision
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import choices_of
from victim_gateway.web.permissions import requires


class IdentityDecisionForm(BaseForm):
    """Whether the people who were compared are one."""

    is_versioned = False

    decision = RadioField(
        "What did you find?",
        choices=choices_of(IdentityDecision),
        validators=[DataRequired("Choose whether they are one person")],
    )


@bp.route("/tasks/<uuid:task_id>/compare", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def compare(referral_id: UUID, task_id: UUID) -> ResponseReturnValue:
    """Compare the person with those whom a task names, and record what was found."""
    form, overview = IdentityDecisionForm(), url_for("referrals.overview", referral_id=referral_id)
    if form.validate_on_submit():
        decision = IdentityDecision(form.decision.data)
        is_same = decision is IdentityDecision.SAME_PERSON
        then = url_for("referrals.correct", referral_id=referral_id) if is_same else overview
        with save_or_refuse(form, then=then):
            tasks.record_identity_decision(form.command(), referral_id, task_id=task_id, decision=decision)
            flashes.flash_success(
                "Recorded: the same person. Both records stay as they are: correct what is wrong in this one"
                if is_same
                else "Recorded: two different people. Both records stay as they are"
            )
            return redirect(then)
    return render_referral_page(
        "referrals/compare.html",
        referral_id,
        section="overview",
        form=form,
        more=lambda session, head, at: _side_by_side(session, head, at, task_id),
    )


def _side_by_side(session: Session, head: ReferralHeader, at: datetime, task_id: UUID) -> Mapping[str, Any]:
    task = next((task for task in head.tasks if task.task_id == task_id), None)
    if task is None or task.kind not in tasks.COMPARED_KINDS:
        raise NotFound
    return {
        "task": task,
        "own": identity_details(head.person),
        "others": people_to_compare(session, head, task, today=times.london_date(at)),
    }
