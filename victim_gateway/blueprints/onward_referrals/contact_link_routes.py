"""The caseworker's buttons for the link of a service without an account: send a new one, end it."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.caseworker_routes import show_overview
from victim_gateway.blueprints.onward_referrals.forms import ContactLinkForm
from victim_gateway.services.onward_referrals.contact_links import revoke_links, send_new_link
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.permissions import requires


@bp.post("/onward-referrals/<uuid:onward_referral_id>/link/send")
@requires(Permission.EDIT_CASEWORK)
def send_link(onward_referral_id: UUID) -> ResponseReturnValue:
    """Send a new link to the registered contact."""
    form, after = ContactLinkForm(), _page_of(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            send_new_link(form.command(), onward_referral_id, has_rung=bool(form.has_rung.data))
            flash_success("A new link is on its way to the registered contact. The one before has ended.")
            return redirect(after)
    return show_overview(onward_referral_id, form)


@bp.post("/onward-referrals/<uuid:onward_referral_id>/link/end")
@requires(Permission.EDIT_CASEWORK)
def end_link(onward_referral_id: UUID) -> ResponseReturnValue:
    """End the link at once, and whatever is open by it."""
    form, after = ContactLinkForm(), _page_of(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            revoke_links(form.command(), onward_referral_id)
            flash_success(
                "The link has ended. Nothing opens by it any more, and no e-mail brings another until you send one."
            )
            return redirect(after)
    return show_overview(onward_referral_id, form)


def _page_of(onward_referral_id: UUID) -> str:
    return url_for("onward_referrals.overview", onward_referral_id=onward_referral_id)
