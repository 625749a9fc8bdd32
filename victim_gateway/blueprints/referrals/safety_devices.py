"""Safety devices: the stock with its counts, lending one to a person, and how a loan ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import DataRequired, Length

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.blueprints.referrals.support import support_address
from victim_gateway.blueprints.referrals.support_forms import TakeBackForm, device_label
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.safety_devices import (
    LentDevice,
    devices_in_stock,
    lent_devices,
    stock_counts,
)
from victim_gateway.services.referrals.safety_devices import (
    NewLoan,
    add_safety_device,
    end_device_loan,
    lend_safety_device,
    take_back_device_loan,
)
from victim_gateway.vocabulary import DeviceState, LoanEnding
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.labels import SelectChoice, choices_of
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

stock_bp = Blueprint("device_stock", __name__, template_folder="templates")


class NewDeviceForm(BaseForm):
    """A device that came into the stock."""

    is_versioned = False

    kind = SelectField("What is it?", validators=[DataRequired("Choose what it is")])
    serial_number = StringField(
        "The number on the device",
        [
            DataRequired("Enter the number on the device"),
            Length(max=60, message="Shorten the number to 60 characters"),
        ],
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind.choices = [
            SelectChoice("", "Choose what it is"),
            *(SelectChoice(kind.key, kind.label) for kind in current_settings().area.support.devices),
        ]


class LoanForm(BaseForm):
    """Which device the person gets, until when."""

    is_versioned = False

    device = SelectField("Which device?", validators=[DataRequired("Choose a device")])
    issued_on = GovDateField(
        "When was it handed over?", what="The day", required="Enter the day", not_future=True
    )
    due_back_on = GovDateField(
        "When is it due back?", what="The day", required="Enter the day it is due back"
    )

    def __init__(self, devices: Iterable[tuple[UUID, str, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.device.choices = [
            SelectChoice("", "Choose a device"),
            *(SelectChoice(str(key), f"{device_label(kind)}, {number}") for key, kind, number in devices),
        ]


class LoanEndForm(BaseForm):
    """How a loan ended."""

    is_versioned = False

    ending = RadioField(
        "What became of it?",
        choices=choices_of(LoanEnding, LoanEnding.RECORDED_BY_MISTAKE),
        validators=[DataRequired("Choose what became of it")],
    )
    ended_on = GovDateField("Which day?", what="The day", required="Enter the day", not_future=True)


@stock_bp.route("/devices", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def stock() -> ResponseReturnValue:
    """How many devices there are, how many are out, and a new one."""
    form, after = NewDeviceForm(), url_for("device_stock.stock")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            add_safety_device(
                form.command(), kind=form.kind.data, serial_number=form.serial_number.data or ""
            )
            flashes.flash_success("The device is in the stock")
            return redirect(after)
    with transaction(signed_in_actor()) as session:
        counts = stock_counts(session)
    kinds = {kind.key: kind.label for kind in current_settings().area.support.devices}
    labels = kinds | {key: device_label(key) for key in counts if key not in kinds}
    return render_form(
        "referrals/device_stock.html", form, counts=counts, labels=labels, states=list(DeviceState)
    )


@bp.route("/support/devices/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def lend_device(referral_id: UUID) -> ResponseReturnValue:
    """Lend a device of the stock to the person."""
    now = times.now()
    with transaction(signed_in_actor()) as session:
        devices = devices_in_stock(session)
    form, after = LoanForm(devices), support_address(referral_id, "devices")
    if request.method == "GET":
        form.issued_on.data = times.london_date(now)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            loan = NewLoan(UUID(form.device.data), form.issued_on.data, form.due_back_on.data)
            lend_safety_device(form.command(now), referral_id, loan)
            flashes.flash_success("The device was lent")
            return redirect(after)
    return render_referral_page(
        "referrals/device_lend.html",
        referral_id,
        section="support",
        form=form,
        more=lambda *_: {"is_empty": not devices},
    )


@bp.route("/support/devices/<uuid:loan_id>/end", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def end_loan(referral_id: UUID, loan_id: UUID) -> ResponseReturnValue:
    """The device came back, or was lost."""
    form, now = LoanEndForm(), times.now()
    after = support_address(referral_id, "devices")
    if request.method == "GET":
        form.ended_on.data = times.london_date(now)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            end_device_loan(
                form.command(now),
                referral_id,
                loan_id,
                ending=LoanEnding(form.ending.data),
                ended_on=form.ended_on.data,
            )
            flashes.flash_success("What became of the device was saved")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = _lent_device(session, referral_id, loan_id)
        return {"loan": found, "label": device_label(found.kind)}

    return render_referral_page(
        "referrals/device_end.html", referral_id, section="support", form=form, more=opened
    )


@bp.route("/support/devices/<uuid:loan_id>/take-back", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def void_loan(referral_id: UUID, loan_id: UUID) -> ResponseReturnValue:
    """Take a loan back that was recorded by mistake: the device is in the stock again."""
    form, after = TakeBackForm(), support_address(referral_id, "devices")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            take_back_device_loan(form.command(), referral_id, loan_id, reason=form.reason_text.data or "")
            flashes.flash_success("The loan was taken back. The device is in the stock.")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = _lent_device(session, referral_id, loan_id)
        what = f"{device_label(found.kind)}, {found.serial_number}"
        return {"what": what, "on": found.issued_on, "part": "devices"}

    return render_referral_page(
        "referrals/support_take_back.html", referral_id, section="support", form=form, more=opened
    )


def _lent_device(session: Session, referral_id: UUID, loan_id: UUID) -> LentDevice:
    found = next((loan for loan in lent_devices(session, referral_id) if loan.loan_id == loan_id), None)
    if found is None:
        raise NotFound
    return found
