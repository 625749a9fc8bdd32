"""Deciding about one value of the feed: one that could not be read, or one that differs from ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Field, TextAreaField
from wtforms.validators import Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, referral_version, render_referral_page
from victim_gateway.blueprints.referrals.value_fields import (
    district_choices,
    stored_value,
    suggested_value,
    value_field,
)
from victim_gateway.database.current import current_settings
from victim_gateway.queries.referrals.feed_differences import is_offered
from victim_gateway.queries.referrals.given_values import GivenValueDetails, given_value_details
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.recorded_fields import (
    FEED_FIELDS,
    PROTECTIVE_FIELDS,
    RECORDED_FIELDS,
    FieldKind,
    FieldPlace,
    RecordedField,
)
from victim_gateway.services.referrals import given_values, used_values
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.permissions import requires

_SHORT = Length(max=4000, message="Shorten this to 4,000 characters")
# These answers have an action of their own, which asks for more than the one value.
_OWN_PAGES = {FieldPlace.SAFE_CONTACT: "referrals.safe_contact", FieldPlace.CONSENT: "referrals.consent"}


class ValueForm(BaseForm):
    """The value of one column, and why; the reason may be left out unless the answer protects somebody."""

    reason = TextAreaField("How do you know?", [_SHORT])

    def __init__(self, field: RecordedField, districts: tuple[str, ...], **kwargs: Any) -> None:
        # WTForms binds these when a form is made, and lets none be added later; extended for this form alone.
        own: list[tuple[str, Field]] = [("value", value_field(field)), *vars(type(self))["_unbound_fields"]]
        self._unbound_fields = own
        super().__init__(**kwargs)
        self.recorded_field = field
        if field.kind is FieldKind.DISTRICT:
            self["value"].choices = district_choices(districts)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """A value is needed: leaving it empty is a decision of its own. A protective one needs a reason too."""
        valid, value = super().validate(extra_validators=extra_validators), self["value"]
        if not value.errors and self.stored() is None:
            value.errors = [*value.errors, "Enter the right value, or go back and leave it empty"]
            valid = False
        if self.recorded_field.column in PROTECTIVE_FIELDS and not self.reason.data:
            self.reason.errors = [*self.reason.errors, "Enter how you know"]
            valid = False
        return valid

    def stored(self) -> Any:
        """The value as it is kept."""
        return stored_value(self.recorded_field, self["value"].data)


class LeaveEmptyForm(BaseForm):
    """Why a value that could not be read is left empty."""

    reason = TextAreaField("Why do you leave it empty?", [_SHORT])


@bp.route("/values/<column>", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def use_value(referral_id: UUID, column: str) -> ResponseReturnValue:
    """The value as the force gave it, and a field of the right kind for what is right."""
    field = RECORDED_FIELDS[column] if column in FEED_FIELDS else abort(404)
    form = ValueForm(field, current_settings().area.districts)
    after = url_for("referrals.overview", referral_id=referral_id)
    if field.place not in _OWN_PAGES and form.validate_on_submit():
        with save_or_refuse(form, then=after):
            used_values.use_feed_value(
                form.command(), referral_id, column, form.stored(), reason=form.reason.data or None
            )
            flashes.flash_success(f"{field.label}: the value was saved", link=("See the referral", after))
            return redirect(after)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        value = given_value_details(session, head, column)
        may_use = value is not None and (value.is_unread or is_offered(session, head, column))
        if request.method == "GET" and value is not None and not value.is_protective:
            form["value"].data = suggested_value(field, value.text)
        return {
            "value": value,
            "is_offered": may_use,
            "kind": field.kind,
            "own_page": _own_page(field, referral_id),
        }

    return render_referral_page(
        "referrals/use_value.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=shown,
    )


@bp.route("/values/<column>/leave-empty", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def leave_empty(referral_id: UUID, column: str) -> ResponseReturnValue:
    """Leave a value empty that could not be read, with the reason."""
    form, after = LeaveEmptyForm(), url_for("referrals.overview", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            given_values.dismiss_given_value(
                form.command(), referral_id, column, reason=form.reason.data or ""
            )
            flashes.flash_success("The value was left empty", link=("See the referral", after))
            return redirect(after)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        value: GivenValueDetails | None = given_value_details(session, head, column)
        return {"value": value if value and value.is_unread else None}

    return render_referral_page(
        "referrals/leave_empty.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=shown,
    )


@bp.post("/values/<column>/keep")
@requires(Permission.EDIT_CASEWORK)
def keep_value(referral_id: UUID, column: str) -> ResponseReturnValue:
    """Keep what is recorded although the force now says something else."""
    form, back = BaseForm(), url_for("referrals.overview", referral_id=referral_id)
    with save_or_refuse(form, then=back):
        given_values.keep_recorded_value(form.command(), referral_id, column, reason=None)
        flashes.flash_success("What we have was kept")
    if form.refusal:
        raise form.refusal
    return redirect(back)


def _own_page(field: RecordedField, referral_id: UUID) -> str | None:
    endpoint = _OWN_PAGES.get(field.place)
    return url_for(endpoint, referral_id=referral_id) if endpoint else None
