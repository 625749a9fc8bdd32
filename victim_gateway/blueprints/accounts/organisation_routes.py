"""The route on which who works for several providers says for which one now, at sign-in and later."""

from __future__ import annotations

from flask import make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.blueprints.accounts.member_forms import ChooseOrganisationForm
from victim_gateway.blueprints.accounts.routes import bp
from victim_gateway.queries.accounts.memberships import organisations_of
from victim_gateway.services.accounts.organisation_choice import choose_organisation
from victim_gateway.services.accounts.web_sessions import SessionStage
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import public, safe_next
from victim_gateway.web.sessions import anonymous_actor, live_session, set_session_cookie


@bp.route("/sign-in/organisation", methods=["GET", "POST"])
@public
def organisation() -> ResponseReturnValue:
    """Ask for the organisation. Choosing begins a new session: pages that were open for another can't be sent."""
    current = live_session()
    if current is None or current.stage not in (SessionStage.ORGANISATION, SessionStage.FULL):
        return redirect(url_for("accounts.sign_in"))
    is_changing = current.stage is SessionStage.FULL
    if is_changing and current.organisations < 2:
        return redirect(url_for("accounts.start"))
    form = ChooseOrganisationForm()
    form.offer(organisations_of(current.user_id, actor=anonymous_actor()))
    if form.validate_on_submit():
        chosen = form.chosen()
        if chosen is not None:
            with save_or_refuse(form, then=url_for("accounts.start")):
                token = choose_organisation(current, chosen, actor=anonymous_actor(), at=times.now())
                # Where one was before is of another organisation; at sign-in it is where one wanted to go.
                onward = None if is_changing else request.args.get("next")
                return set_session_cookie(
                    make_response(redirect(safe_next(onward, url_for("accounts.start")))), token
                )
        form.organisation.errors = ["Choose the organisation you are working for"]
    elif is_changing and request.method == "GET":
        form.organisation.data = str(current.organisation_id)
    return render_form("accounts/choose_organisation.html", form, is_changing=is_changing)
