"""Deleting a draft, after a question; drafts are listed on Work and opened by their forms."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.drafts import own_draft
from victim_gateway.services.shared.drafts import delete_draft
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, render_form
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("drafts", __name__, template_folder="templates", url_prefix="/drafts")


class DeleteDraftForm(BaseForm):
    """A confirmation."""

    is_versioned = False


@bp.route("/<uuid:draft_id>/delete", methods=["GET", "POST"])
@requires(Permission.VIEW_WORK)
def delete(draft_id: UUID) -> ResponseReturnValue:
    """Ask, then delete a draft of one's own for good."""
    form, actor = DeleteDraftForm(), signed_in_actor()
    if form.validate_on_submit():
        referral_id = delete_draft(actor, draft_id, at=times.now())
        flashes.flash_success("The draft was deleted")
        if referral_id is None:
            return redirect(url_for("work_queue.home"))
        return redirect(url_for("referrals.overview", referral_id=referral_id))
    with transaction(actor) as session:
        line = own_draft(session, actor, draft_id)
    return render_form("referrals/delete_draft.html", form, line=line)
