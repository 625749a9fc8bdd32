"""The caseworker's buttons for the link of a service without an account: send a new one, end it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.forms import ContactLinkForm
from victim_gateway.services.onward_referrals.contact_links import revoke_links, send_new_link
from victim_gateway.services.shared.command import Command
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.permissions import requires


@bp.post("/onward-referrals/<uuid:onward_referral_id>/link/send")
@requires(Permission.EDIT_CASEWORK)
def send_link(onward_referral_id: UUID) -> ResponseReturnValue:
    """Send a new link to the registered contact."""
    said = "A new link is on its way to the registered contact. The one before has ended."
    return _press(send_new_link, onward_referral_id, said)


@bp.post("/onward-referrals/<uuid:onward_referral_id>/link/end")
@requires(Permission.EDIT_CASEWORK)
def end_link(onward_referral_id: UUID) -> ResponseReturnValue:
    """End the link at once, and whatever is open by it."""
    return _press(revoke_links, onward_referral_id, "The link has ended. Nothing opens by it any more.")


def _press(
    action: Callable[[Command, UUID], None], onward_referral_id: UUID, said: str
) -> ResponseReturnValue:
    form = ContactLinkForm()
    after = url_for("onward_referrals.overview", onward_referral_id=onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            action(form.command(), onward_referral_id)
            flash_success(said)
            return redirect(after)
    if form.refusal is not None:
        raise form.refusal
    return redirect(after)
