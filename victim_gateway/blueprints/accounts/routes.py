"""Routes for signing in step by step, signing out, and the user's own account."""

from __future__ import annotations

import segno
from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.accounts.forms import (
    ChangePasswordForm,
    CodeForm,
    NewPasswordForm,
    SignInForm,
    SignOutForm,
)
from victim_gateway.blueprints.accounts.landing_pages import MAY, home_of
from victim_gateway.services.accounts import rate_limits, second_factor
from victim_gateway.services.accounts.change_password import change_own_password, replace_starting_password
from victim_gateway.services.accounts.sign_in import (
    SignInOver,
    begin_set_up,
    check_second_factor_code,
    end_sign_in,
    sign_in_with_password,
)
from victim_gateway.services.accounts.web_sessions import LiveSession, SessionStage
from victim_gateway.web import flashes
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import may_use, public, requires, safe_next
from victim_gateway.web.responses import clear_site_data
from victim_gateway.web.sessions import (
    anonymous_actor,
    clear_session_cookie,
    live_session,
    set_session_cookie,
    signed_in_actor,
)

bp = Blueprint("accounts", __name__, template_folder="templates")

NEXT_STEP = {
    SessionStage.CODE: "accounts.code",
    SessionStage.SET_UP_CODE: "accounts.set_up_code",
    SessionStage.NEW_PASSWORD: "accounts.new_password",  # pragma: allowlist secret
    SessionStage.ORGANISATION: "accounts.organisation",
}


@bp.get("/")
@public
def start() -> ResponseReturnValue:
    """Redirect to the role's first page, or to the sign-in."""
    if current_user.is_authenticated:
        return redirect(home_of(current_user.role))
    current = live_session()
    return _to_next_step(current.stage if current else None)


@bp.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> ResponseReturnValue:
    """Ask for account name and password."""
    form, current = SignInForm(), live_session()
    if request.method == "GET" and current is not None:
        return _to_next_step(current.stage)
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("accounts.sign_in")):
            token = sign_in_with_password(
                form.email.data or "",
                password=form.password.data or "",
                actor=anonymous_actor(),
                at=times.now(),
                replaces=current.id_hash if current else None,
            )
            return set_session_cookie(_response(_onward()), token)
    return _with_wait(render_form("accounts/sign_in.html", form))


@bp.route("/sign-in/code", methods=["GET", "POST"])
@public
def code() -> ResponseReturnValue:
    """Ask for the authenticator code, once the password was right."""
    current = live_session()
    if current is None or current.stage is not SessionStage.CODE:
        return _to_next_step(current.stage if current else None)
    return _ask_for_code(current, CodeForm(), "accounts/code.html")


@bp.route("/sign-in/set-up-code", methods=["GET", "POST"])
@public
def set_up_code() -> ResponseReturnValue:
    """Set up a second factor: show its secret once, then ask for a code made from it."""
    current = live_session()
    if current is None or current.stage is not SessionStage.SET_UP_CODE:
        return _to_next_step(current.stage if current else None)
    form = CodeForm()
    if request.method == "POST" and "begin" in request.form:
        secret = begin_set_up(current, actor=anonymous_actor())
        picture = _qr_picture(second_factor.provisioning_uri(secret, current.email))
        return render_template(
            "accounts/set_up_code.html", form=form, opened=True, secret=secret, picture=picture
        )
    return _ask_for_code(current, form, "accounts/set_up_code.html")


@bp.route("/sign-in/new-password", methods=["GET", "POST"])
@public
def new_password() -> ResponseReturnValue:
    """Replace the starting password at the first sign-in, so that only its owner knows the password."""
    current = live_session()
    if current is None or current.stage is not SessionStage.NEW_PASSWORD:
        return _to_next_step(current.stage if current else None)
    form = NewPasswordForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("accounts.start")):
            token = replace_starting_password(
                current,
                new=form.password.data or "",
                gateway_name=_gateway_name(),
                actor=anonymous_actor(),
                at=times.now(),
            )
            return set_session_cookie(_response(_onward()), token)
    return render_form("accounts/new_password.html", form)


@bp.route("/sign-out", methods=["GET", "POST"])
@public
def sign_out() -> ResponseReturnValue:
    """Show the sign-out button and end the session when it is pressed; without a session say so."""
    current = live_session()
    if request.method == "POST":
        if current is not None:
            end_sign_in(current, actor=anonymous_actor(), at=times.now())
        return clear_site_data(clear_session_cookie(_response(url_for("accounts.sign_out"))))
    return render_template(
        "accounts/sign_out.html", is_signed_in=current is not None, sign_out_form=SignOutForm()
    )


@bp.get("/account")
@requires(Permission.SIGNED_IN)
def account() -> ResponseReturnValue:
    """Show the signed-in user's own account and what their role may do."""
    return render_template(
        "accounts/account.html",
        user=current_user,
        may_do=MAY[current_user.role],
        asks_for_code=_asks_for_code(),
        gets_emails=may_use(Permission.VIEW_REMINDERS),
    )


@bp.route("/account/password", methods=["GET", "POST"])
@requires(Permission.SIGNED_IN)
def change_password() -> ResponseReturnValue:
    """Change the user's own password; asks for the present one, and for a code where codes are used."""
    form, current = ChangePasswordForm(), live_session()
    if current is not None and form.validate_on_submit():
        with save_or_refuse(form, then=url_for("accounts.account")):
            token = change_own_password(
                current,
                current=form.current.data or "",
                new=form.password.data or "",
                code=(form.code.data or "") if _asks_for_code() else None,
                gateway_name=_gateway_name(),
                actor=signed_in_actor(),
                at=times.now(),
            )
            response = set_session_cookie(_response(url_for("accounts.account")), token)
            flashes.flash_success("Your password was changed. You were signed out everywhere else.")
            return response
    return _with_wait(render_form("accounts/change_password.html", form, asks_for_code=_asks_for_code()))


def _ask_for_code(current: LiveSession, form: CodeForm, template: str) -> ResponseReturnValue:
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("accounts.start")):
            try:
                token = check_second_factor_code(
                    current, code=form.code.data or "", actor=anonymous_actor(), at=times.now()
                )
            except SignInOver:
                return clear_session_cookie(_response(url_for("accounts.sign_in", ended="yes")))
            return set_session_cookie(_response(_onward()), token)
    page = render_form(template, form, opened=form.is_submitted(), secret=None, picture=None)
    return _with_wait(page)


def _to_next_step(stage: SessionStage | None) -> Response:
    """Redirect to the sign-in step that the session is at."""
    if stage is SessionStage.FULL:
        return _response(_onward())
    endpoint = NEXT_STEP[stage] if stage else "accounts.sign_in"
    return _response(url_for(endpoint, next=request.args.get("next")))


def _onward() -> str:
    """The address of the page first asked for, else of the start page; both lead on to any missing step."""
    return safe_next(request.args.get("next"), url_for("accounts.start"))


def _response(location: str) -> Response:
    return make_response(redirect(location))


def _with_wait(page: ResponseReturnValue) -> Response:
    """Answer too many tries with a Retry-After header, for programs."""
    response = make_response(page)
    if response.status_code == rate_limits.TooManyAttempts.status:
        response.headers["Retry-After"] = str(int(rate_limits.WINDOW.total_seconds()))
    return response


def _qr_picture(uri: str) -> Markup:
    # Drawn by segno from our own text, without style attributes, which the content policy forbids.
    picture = segno.make(uri, error="m").svg_inline(omitsize=True, light="#fff")
    return Markup(picture)  # noqa: S704


def _asks_for_code() -> bool:
    return bool(current_app.extensions["settings"].require_mfa)


def _gateway_name() -> str:
    return str(current_app.extensions["settings"].area.service_name)
