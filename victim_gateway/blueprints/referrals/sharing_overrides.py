"""Sharing without consent to keep a person safe: asking a senior, their answer, and its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, referral_version, render_referral_page
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.onward_referrals.sharing_overrides import onward_resting_on, sharing_overrides
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import provider_choices
from victim_gateway.services import onward_referrals
from victim_gateway.vocabulary import OverrideGround, OverrideState
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice, choices_of
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

_SHORT = Length(max=4000, message="Shorten this to 4,000 characters")


class OverrideRequestForm(BaseForm):
    """Which provider, why, and until when."""

    provider = SelectField("Which provider?", validators=[DataRequired("Choose the provider")], default="")
    ground = RadioField(
        "On what ground?", choices=choices_of(OverrideGround), validators=[DataRequired("Choose the ground")]
    )
    reason = TextAreaField(
        "Why can't it wait for their yes?", [DataRequired("Enter why it can't wait for their yes"), _SHORT]
    )
    last_day_on = GovDateField(
        "Until when?", what="The last day", required="Enter the last day", not_past=True
    )

    def __init__(self, providers: list[tuple[UUID, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.provider.choices = [
            SelectChoice("", "Choose a provider"),
            *(SelectChoice(str(provider_id), name) for provider_id, name in providers),
        ]


class OverrideDecisionForm(BaseForm):
    """A senior caseworker's answer."""

    decision = RadioField(
        "May they be told without consent?",
        choices=[SelectChoice("yes", "Yes, until the last day"), SelectChoice("no", "No")],
        validators=[DataRequired("Choose yes or no")],
    )
    reason = TextAreaField("Why?", [DataRequired("Enter why you decide so"), _SHORT])


class OverrideEndForm(BaseForm):
    """Why it ends."""

    reason = TextAreaField("Why does it end?", [DataRequired("Enter why it ends"), _SHORT])


@bp.route("/consent/without", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def ask_override(referral_id: UUID) -> ResponseReturnValue:
    """Ask a senior caseworker whether a provider may be told without consent."""
    with transaction(signed_in_actor()) as session:
        form = OverrideRequestForm(provider_choices(session))
    after = url_for("referrals.consent", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.ask_sharing_override(
                form.command(),
                referral_id,
                provider_id=UUID(form.provider.data),
                ground=OverrideGround(form.ground.data),
                reason=form.reason.data or "",
                last_day_on=form.last_day_on.data,
            )
            flashes.flash_success("A senior caseworker was asked. Nothing is shared before they say yes.")
            return redirect(after)
    return render_referral_page(
        "referrals/ask_override.html", referral_id, section="contact", form=form, version=referral_version
    )


@bp.route("/consent/without/<uuid:override_id>/decide", methods=["GET", "POST"])
@requires(Permission.DECIDE_SHARING_OVERRIDE)
def decide_override(referral_id: UUID, override_id: UUID) -> ResponseReturnValue:
    """A senior caseworker says yes or no, with the reason."""
    form, after = OverrideDecisionForm(), url_for("referrals.consent", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.decide_sharing_override(
                form.command(),
                referral_id,
                override_id=override_id,
                agreed=form.decision.data == "yes",
                reason=form.reason.data or "",
            )
            flashes.flash_success("Your decision was recorded")
            return redirect(after)
    return _page("decide_override", referral_id, form, _one(override_id, OverrideState.ASKED))


@bp.route("/consent/without/<uuid:override_id>/end", methods=["GET", "POST"])
@requires(Permission.DECIDE_SHARING_OVERRIDE)
def end_override(referral_id: UUID, override_id: UUID) -> ResponseReturnValue:
    """A senior caseworker ends it, after reading what that takes back."""
    form, after = OverrideEndForm(), url_for("referrals.consent", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.end_sharing_override(
                form.command(), referral_id, override_id=override_id, reason=form.reason.data or ""
            )
            flashes.flash_success("Sharing without consent has ended, and what rested on it was taken back")
            return redirect(after)
    return _page("end_override", referral_id, form, _one(override_id, OverrideState.AGREED))


_More = Callable[[Session, ReferralHeader, datetime], Mapping[str, Any]]


def _page(name: str, referral_id: UUID, form: BaseForm, more: _More) -> ResponseReturnValue:
    return render_referral_page(
        f"referrals/{name}.html",
        referral_id,
        section="contact",
        form=form,
        version=referral_version,
        more=more,
    )


def _one(override_id: UUID, state: OverrideState) -> _More:
    """What the page shows of one request; one that no longer stands so is gone."""

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = [
            item
            for item in sharing_overrides(session, head.referral.id, head.key)
            if item.override_id == override_id and item.state is state
        ]
        if not found:
            abort(404)
        return {
            "override": found[0],
            "resting": [reference for _, reference in onward_resting_on(session, override_id)],
            "is_own": found[0].asked_by_id == signed_in_actor().user_id,
        }

    return shown
