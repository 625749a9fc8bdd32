"""The pages behind a registered contact's link: ask for a code, enter it, ask for a new link, leave.

Before the right code they say the same of every link, ours or not, and their address is a secret: it is sent to nobody
as a referrer and stands in no log of ours. So each of these forms is checked here: the general check wants a referrer.
"""

from __future__ import annotations

import string
import unicodedata
from uuid import UUID

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, validate_csrf
from wtforms import StringField
from wtforms.validators import DataRequired, ValidationError

from victim_gateway import times
from victim_gateway.errors import InvalidInput, NotFound
from victim_gateway.extensions import csrf
from victim_gateway.rules.contact_links import CODE_DIGITS
from victim_gateway.services.accounts.rate_limits import TooManyAttempts
from victim_gateway.services.messages.contact_link_answers import LinkRequest, ask_by_link
from victim_gateway.services.messages.contact_sessions import begin_contact_session, end_contact_session
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.permissions import public
from victim_gateway.web.sessions import (
    anonymous_actor,
    clear_contact_cookie,
    contact_session,
    has_contact_cookie,
    set_contact_cookie,
)

bp = Blueprint("by_link", __name__, template_folder="templates")
csrf.exempt(bp)
_ONE = "/by-link/<secret>"


class LinkButtonForm(BaseForm):
    """A button of these pages."""

    is_versioned = False


class LinkCodeForm(LinkButtonForm):
    link_code = StringField("Your code", [DataRequired("Enter the code from the e-mail")])

    @property
    def typed_code(self) -> str:
        """The digits that were typed, without what stands between and around them."""
        typed = unicodedata.normalize("NFKC", self.link_code.data or "")
        return "".join(character for character in typed if character in string.digits)

    def validate_link_code(self, field: StringField) -> None:
        """What can't be a code is no try, of any link."""
        if len(self.typed_code) != CODE_DIGITS:
            raise ValidationError(f"Enter the {CODE_DIGITS} digits of the code from the newest e-mail")


@bp.get(_ONE, strict_slashes=False)
@public
def start(secret: str) -> ResponseReturnValue:
    """Nothing is looked up and nothing changes: programs that check e-mails open every link.

    An address with a slash behind it, as some programs write it, is the same.
    """
    return render_template("onward_referrals/link_start.html", secret=secret, form=LinkButtonForm())


@bp.post(f"{_ONE}/code")
@public
def ask_code(secret: str) -> ResponseReturnValue:
    """Ask for a code; then, or when the page is loaded again, it can be entered."""
    return _ask(secret, LinkRequest.CODE, then="by_link.enter")


@bp.post(f"{_ONE}/new")
@public
def ask_link(secret: str) -> ResponseReturnValue:
    """Ask for a new link, which goes to the registered contact and to nobody else."""
    return _ask(secret, LinkRequest.NEW_LINK, then="by_link.asked")


@bp.get(f"{_ONE}/asked")
@public
def asked(secret: str) -> ResponseReturnValue:
    """What follows when a new link was asked for, where the link was one."""
    return _say("asked")


@bp.route(f"{_ONE}/enter", methods=["GET", "POST"])
@public
def enter(secret: str) -> ResponseReturnValue:
    """Enter the code; the right one opens the referral, and uses the link up."""
    form = LinkCodeForm()
    if form.validate_on_submit():
        try:
            begun = begin_contact_session(secret, form.typed_code, actor=anonymous_actor(), at=times.now())
        except InvalidInput as refusal:
            form.link_code.errors = [*form.link_code.errors, refusal.message]
        else:
            page = make_response(
                redirect(url_for("onward_referrals.detail", onward_referral_id=begun.onward_referral_id), 303)
            )
            return set_contact_cookie(page, begun.cookie, begun.onward_referral_id)
    plain = LinkButtonForm(formdata=None)
    shown = render_template("onward_referrals/link_code.html", secret=secret, form=form, plain=plain)
    return shown, 422 if form.errors else 200


@bp.get("/by-link")
@public
def done() -> ResponseReturnValue:
    """After leaving, or after an answer that ends the contact's sight."""
    return _say("done")


@bp.post("/onward-referrals/<uuid:onward_referral_id>/leave")
@public
def leave(onward_referral_id: UUID) -> ResponseReturnValue:
    """Leave: the session is over, and the link with it. Nothing is here for a browser that no link let in."""
    if not has_contact_cookie():
        raise NotFound
    live = contact_session()
    if live is not None:
        end_contact_session(live, actor=live.actor(anonymous_actor()), at=times.now())
    page = make_response(redirect(url_for("by_link.done"), 303))
    return clear_contact_cookie(page, onward_referral_id)


@bp.before_request
def refuse_forged_form() -> None:
    """As everywhere, but for the referrer, which these pages tell to nobody."""
    if request.method == "POST" and current_app.config.get("WTF_CSRF_ENABLED", True):
        try:
            validate_csrf(request.form.get("csrf_token"))
        except ValidationError as error:
            raise CSRFError(str(error)) from error


@bp.after_request
def keep_address_secret(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@bp.errorhandler(TooManyAttempts)
def show_too_many(_: TooManyAttempts) -> ResponseReturnValue:
    return _say("too_many", 429)


def _ask(secret: str, asked: LinkRequest, *, then: str) -> ResponseReturnValue:
    ask_by_link(secret, asked, actor=anonymous_actor(), at=times.now())
    return redirect(url_for(then, secret=secret), 303)


def _say(said: str, status: int = 200) -> ResponseReturnValue:
    return render_template("onward_referrals/link_said.html", said=said), status
