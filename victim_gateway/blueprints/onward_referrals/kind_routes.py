"""What a provider records because of the kind of its service."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.common import onward_referral_of
from victim_gateway.blueprints.onward_referrals.forms import TakeBackStepForm
from victim_gateway.blueprints.onward_referrals.kind_forms import KindStepForm, read_step
from victim_gateway.blueprints.onward_referrals.kind_presenter import KindPanel, kind_panel
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.queries.onward_referrals.detail import OnwardReferralView
from victim_gateway.queries.onward_referrals.service_records import service_record
from victim_gateway.rules.service_kinds import OTHER_SIDE_WARNING
from victim_gateway.rules.service_records import WORKING_STATES
from victim_gateway.services import onward_referrals
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

_STEPS = "/onward-referrals/<uuid:onward_referral_id>/steps"


@bp.route(f"{_STEPS}/new", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def kind_step(onward_referral_id: UUID) -> ResponseReturnValue:
    """Record a step: how far it went, help in minutes, or that the person engaged."""
    found, panel = _read(onward_referral_id)
    form, after = KindStepForm(), _url(onward_referral_id)
    form.offer(panel.rules)
    if form.validate_on_submit():
        step, happened_on = read_step(form.step), form.happened_on.data
        if step is not None and happened_on is not None:
            with save_or_refuse(form, then=after):
                onward_referrals.record_kind_step(
                    form.command(),
                    onward_referral_id,
                    onward_referrals.KindStepAnswers(
                        step=step,
                        happened_on=happened_on,
                        minutes=form.minutes.data,
                        text=form.text.data,
                    ),
                )
                flash_success("The step is recorded. The caseworker sees it.")
                return redirect(after)
    return render_form(
        "onward_referrals/kind_step.html",
        form,
        found=found,
        panel=panel,
        headings=form.headings(panel.rules),
        warning=OTHER_SIDE_WARNING,
    )


@bp.post(f"{_STEPS}/<uuid:step_id>/take-back")
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def take_back_kind_step(onward_referral_id: UUID, step_id: UUID) -> ResponseReturnValue:
    """Take back a step that was recorded by mistake."""
    form, after = TakeBackStepForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.take_back_kind_step(form.command(), onward_referral_id, step_id)
            flash_success("The step is taken back. It stays readable and counts no more.")
            return redirect(after)
    if form.refusal is not None:
        raise form.refusal
    return redirect(after)


def _read(onward_referral_id: UUID) -> tuple[OnwardReferralView, KindPanel]:
    found = onward_referral_of(onward_referral_id)
    if found.state not in WORKING_STATES:
        raise TransitionNotAllowed("Accept this referral first: steps are recorded with people you support.")
    with transaction(signed_in_actor()) as session:
        panel = kind_panel(found, service_record(session, onward_referral_id, is_provider=True))
    if panel is None:
        raise NotFound
    return found, panel


def _url(onward_referral_id: UUID) -> str:
    return url_for("onward_referrals.detail", onward_referral_id=onward_referral_id)
