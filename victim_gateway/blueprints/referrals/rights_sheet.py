"""The rights sheet: may it be given, how, and the sheet itself, made to be printed on two pages at most."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import BooleanField, RadioField
from wtforms.validators import DataRequired

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.compliance.plain_rights import sheet_rights
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.rights_sheet import given_sheet
from victim_gateway.rules.rights_sheet import WantedSheet
from victim_gateway.services.referrals.rights_sheet import give_rights_sheet
from victim_gateway.vocabulary import SheetDelivery
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import choices_of
from victim_gateway.web.permissions import requires


class SheetForm(BaseForm):
    """How the sheet reaches them, and what they want on it."""

    is_versioned = False

    delivery = RadioField(
        "How do they get it?",
        choices=choices_of(SheetDelivery),
        validators=[DataRequired("Choose how they get it")],
    )
    is_safe_at_home = BooleanField("They say that the sheet is safe where they live")
    with_reference = BooleanField("They asked for our reference and the crime number on it")


@bp.route("/rights/sheet", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def sheet(referral_id: UUID) -> ResponseReturnValue:
    """Say how the sheet is given; where that is safe it is recorded, and can be printed."""
    form = SheetForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("referrals.rights", referral_id=referral_id)):
            wanted = WantedSheet(
                SheetDelivery(form.delivery.data),
                is_safe_at_home=form.is_safe_at_home.data,
                with_reference=form.with_reference.data,
            )
            sheet_id = give_rights_sheet(form.command(), referral_id, wanted)
            return redirect(url_for("referrals.print_sheet", referral_id=referral_id, sheet_id=sheet_id))
    return render_referral_page(
        "referrals/sheet.html", referral_id, section="rights", form=form, more=lambda *_: _area()
    )


@bp.get("/rights/sheet/<uuid:sheet_id>")
@requires(Permission.EDIT_CASEWORK)
def print_sheet(referral_id: UUID, sheet_id: UUID) -> ResponseReturnValue:
    """The sheet as it goes on paper."""

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        given = given_sheet(session, referral_id, sheet_id)
        return {"given": given, "rights": sheet_rights(), **_area()}

    return render_referral_page("referrals/print_sheet.html", referral_id, section="rights", more=shown)


def _area() -> dict[str, Any]:
    area = current_app.extensions["settings"].area
    return {
        "gateway": area,
        "missing": [name for name in ("telephone", "address") if not getattr(area, name)],
    }
