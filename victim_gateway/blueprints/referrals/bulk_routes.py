"""Many referrals at once: taken from a list, given to caseworkers, and the whole caseload of one who leaves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.bulk_forms import (
    AvailabilityForm,
    CaseloadForm,
    HandOverForm,
    ProposedForm,
    TickedForm,
)
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.workload import Workload, list_workloads, read_caseload
from victim_gateway.services.referrals.bulk_assignment import (
    BulkAssignment,
    hand_over_referrals,
    take_next_referral,
    take_referrals,
)
from victim_gateway.services.referrals.proposed_assignment import (
    AvailabilityAnswers,
    give_as_proposed,
    record_availability,
)
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.permissions import requires, safe_next
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("caseloads", __name__, template_folder="templates")
_CHOOSE = "choose"


@bp.post("/work/take")
@requires(Permission.EDIT_CASEWORK)
def take() -> ResponseReturnValue:
    """Take the referrals ticked in a list, or the one whose button was pressed."""
    form = TickedForm()
    back = _back(form)
    if not form.validate():
        return render_form("referrals/ticked.html", form, back=back)
    return _tell(take_referrals(form.command(), form.chosen), back, "taken")


@bp.post("/work/take-next")
@requires(Permission.EDIT_CASEWORK)
def take_next() -> ResponseReturnValue:
    """Take the referral that stands first among the unassigned ones, and open it."""
    form, after = BaseForm(), url_for("work_queue.home")
    with save_or_refuse(form, then=after):
        referral_id = take_next_referral(form.command())
        flashes.flash_success("You look after this referral now. Read it before you contact the person.")
        after = url_for("referrals.overview", referral_id=referral_id)
    if form.refusal:
        raise form.refusal
    return redirect(after)


@bp.post("/work/give")
@requires(Permission.ASSIGN_OTHERS)
def give() -> ResponseReturnValue:
    """Ask who has the ticked referrals next and why, and hand them over."""
    people = _workloads()
    form = HandOverForm([each for each in people if each.is_assignable])
    back = _back(form)
    if request.form.get("step") == _CHOOSE and form.has_ticked():
        return render_template("referrals/give.html", form=form, back=back, hints=_hints(people))
    if form.validate():
        with save_or_refuse(form, then=back):
            done = hand_over_referrals(
                form.command(), form.chosen, to_user_ids=form.to_user_ids, why=form.why
            )
            return _tell(done, back, "handed over")
    template = "referrals/give.html" if form.chosen and not form.rows.errors else "referrals/ticked.html"
    return render_form(template, form, back=back, hints=_hints(people))


@bp.post("/work/give-proposed")
@requires(Permission.ASSIGN_OTHERS)
def give_proposed() -> ResponseReturnValue:
    """Give the ticked referrals, or the one whose button was pressed, to whom the page proposed."""
    form = ProposedForm()
    back = _back(form)
    if not form.validate():
        return render_form("referrals/ticked.html", form, back=back)
    return _tell(give_as_proposed(form.command(), form.chosen, form.proposed.data), back, "given")


@bp.route("/work/caseloads/<uuid:user_id>/availability", methods=["GET", "POST"])
@requires(Permission.ASSIGN_OTHERS)
def availability(user_id: UUID) -> ResponseReturnValue:
    """When a caseworker is away, and how much they can have: what the rules that propose read."""
    found = next((each for each in _workloads() if each.user_id == user_id and each.is_assignable), None)
    if found is None:
        abort(404)
    form, after = AvailabilityForm(obj=found), url_for("caseloads.home")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            answers = AvailabilityAnswers(form.away_from.data, form.away_until.data, form.most_weight.data)
            record_availability(form.command(), user_id, answers)
            flashes.flash_success("It was recorded when they are away, and how much they can have")
            return redirect(after)
    return render_form("referrals/availability.html", form, version=found.version, caseworker=found)


@bp.get("/work/caseloads")
@requires(Permission.ASSIGN_OTHERS)
def home() -> ResponseReturnValue:
    """How much each caseworker has to do, and what still stands with accounts that are disabled."""
    people = _workloads()
    return render_template(
        "referrals/caseloads.html",
        left=[each for each in people if not each.is_assignable],
        people=[each for each in people if each.is_assignable],
    )


@bp.route("/work/caseloads/<uuid:user_id>", methods=["GET", "POST"])
@requires(Permission.ASSIGN_OTHERS)
def of_caseworker(user_id: UUID) -> ResponseReturnValue:
    """Every open referral of a caseworker, to hand over all or some."""
    actor, today = signed_in_actor(), times.london_date(times.now())
    with transaction(actor) as session:
        people = list_workloads(session, today)
        shown = read_caseload(session, actor, user_id, today=today)
    form = CaseloadForm([each for each in people if each.is_assignable and each.user_id != user_id])
    after = url_for("caseloads.of_caseworker", user_id=user_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            done = hand_over_referrals(
                form.command(), form.chosen, to_user_ids=form.to_user_ids, why=form.why
            )
            return _tell(done, after, "handed over")
    return render_form("referrals/caseload.html", form, caseload=shown, today=today, hints=_hints(people))


def _workloads() -> tuple[Workload, ...]:
    with transaction(signed_in_actor()) as session:
        return list_workloads(session, times.london_date(times.now()))


def _hints(people: tuple[Workload, ...]) -> dict[str, str]:
    """What each has to do by now, under their name."""
    return {
        str(each.user_id): f"{each.open} open, {each.high} at high risk, {each.overdue} overdue"
        for each in people
    }


def _back(form: TickedForm) -> str:
    return safe_next(form.back.data, url_for("work_queue.home"))


def _tell(done: BulkAssignment, back: str, verb: str) -> ResponseReturnValue:
    """Back to the list when all is done; else which referrals stayed where they are, one by one."""
    counted = f"{done.given} referral{'' if done.given == 1 else 's'} {verb}"
    if not done.refused:
        flashes.flash_success(counted)
        return redirect(back)
    context: dict[str, Any] = {"counted": counted, "done": done, "back": back, "verb": verb}
    return render_template("referrals/partly_done.html", **context), 200 if done.given else 409
