"""Addresses of the sample area."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from tests.docs.visits.actions import log_visit, visit_log
from tests.docs.visits.forms import VisitForm
from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.vocabulary import AttemptOutcome
from victim_gateway.web import flashes
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires

bp = Blueprint("visits", __name__, template_folder="templates", url_prefix="/visits")


@bp.get("/")
@requires(Permission.VIEW_WORK)
def home() -> ResponseReturnValue:
    """The visits so far. A page without a form is rendered as it is."""
    return render_template("visits/home.html", visits=visit_log().visits)


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)  # or @public; a route with neither answers nothing
def new() -> ResponseReturnValue:
    """Log a visit."""
    form, after = VisitForm(outcomes=list(AttemptOutcome)), url_for("visits.home")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):  # what the action refuses comes back to this page
            log_visit(
                visit_log(),
                at=times.now(),
                outcome=AttemptOutcome(form.outcome.data),
                visited_at=times.moment_on(form.visited_on.data, form.visited_time.data, times.now()),
                submission_id=form.submission_id.data,
                version=form.seen_version,
            )
            flashes.flash_success("The visit was saved", link=("Log another visit", url_for("visits.new")))
            return redirect(after)
    return render_form("visits/new.html", form, version=visit_log().version)
