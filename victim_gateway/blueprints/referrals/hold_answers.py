"""The pages that end a hold: name a safe adult, record a capacity answer, take what is out of scope."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.hold_forms import CapacityForm, SafeAdultForm, TakeOutOfScopeForm
from victim_gateway.blueprints.referrals.page import bp, referral_version, render_referral_page
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.services.referrals import status
from victim_gateway.services.referrals.safe_adult import record_capacity_answer, record_safe_adult
from victim_gateway.vocabulary import HeldReason
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.permissions import requires


@bp.route("/safe-adult", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def safe_adult(referral_id: UUID) -> ResponseReturnValue:
    """Name the adult of a child who is safe to contact."""
    form = SafeAdultForm()

    def filled(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        if request.method == "GET":
            form.fill(head)
        return {}

    return _answer_page(
        "referrals/safe_adult.html",
        referral_id,
        form,
        lambda: record_safe_adult(
            form.command(), referral_id, form.answer(), reason=form.reason.data or None
        ),
        more=filled,
    )


@bp.route("/capacity", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def capacity(referral_id: UUID) -> ResponseReturnValue:
    """Record that a child may decide about this referral for themselves."""
    form = CapacityForm()
    return _answer_page(
        "referrals/capacity.html",
        referral_id,
        form,
        lambda: record_capacity_answer(form.command(), referral_id, form.answer()),
    )


@bp.route("/take-out-of-scope", methods=["GET", "POST"])
@requires(Permission.TAKE_OUT_OF_SCOPE)
def take_out_of_scope(referral_id: UUID) -> ResponseReturnValue:
    """A senior takes a referral that the area's service is not for, with the reason."""
    form = TakeOutOfScopeForm()
    return _answer_page(
        "referrals/take_out_of_scope.html",
        referral_id,
        form,
        lambda: status.take_out_of_scope_referral(
            form.command(), referral_id, text=form.reason_text.data or ""
        ),
    )


def flash_hold(reasons: Collection[HeldReason]) -> None:
    """Say whether work can go on. Names no reason, as a banner travels in a cookie."""
    if reasons:
        flashes.flash_success("Saved. The referral is still on hold: see what else is missing")
    else:
        flashes.flash_success("Saved. The referral is not on hold")


def _answer_page(
    template: str,
    referral_id: UUID,
    form: BaseForm,
    save: Callable[[], Collection[HeldReason]],
    more: Callable[[Session, ReferralHeader, datetime], Mapping[str, Any]] | None = None,
) -> ResponseReturnValue:
    after = url_for("referrals.overview", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            flash_hold(save())
            return redirect(after)
    return render_referral_page(
        template, referral_id, section="overview", form=form, version=referral_version, more=more
    )
