"""The permission of every route; a route without one is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from flask import Flask, current_app, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.errors import NotFound
from victim_gateway.web.responses import typed_answers
from victim_gateway.web.sessions import clear_contact_cookie, has_ended_contact_session

SIGN_IN = "/sign-in"
_MARK = "_permission"
_LINK_MARK = "_opens_by_link"
_PUBLIC = "public"

# Of a provider's permissions those that its one referral needs; which pages it opens is said at each page.
_OF_CONTACT = frozenset({Permission.VIEW_INBOX, Permission.RESPOND_TO_ONWARD_REFERRAL})

View = TypeVar("View", bound=Callable[..., Any])


class UnmarkedRoute(RuntimeError):
    """A route has neither `@requires` nor `@public`, which is a defect."""


def requires(permission: Permission) -> Callable[[View], View]:
    """Mark a view: only signed-in people whose role has `permission`. Stands right under `@bp.route`."""

    def mark(view: View) -> View:
        setattr(view, _MARK, permission)
        return view

    return mark


def public(view: View) -> View:
    """Mark a view that anybody may open, signed in or not."""
    setattr(view, _MARK, _PUBLIC)
    return view


def opens_by_link(view: View) -> View:
    """Mark a view of one onward referral that a registered contact may use by link too, beside its permission."""
    setattr(view, _LINK_MARK, True)
    return view


def is_open_by_link(app: Flask, endpoint: str) -> bool:
    """Whether a registered contact may use it, for the one onward referral of the link."""
    view = app.view_functions[endpoint]
    return bool(getattr(view, _LINK_MARK, False))


def may_open(endpoint: str) -> bool:
    """Whether a link to this page leads anywhere for the reader; for leaving it out, never instead of the check."""
    user = current_user._get_current_object()
    return not user.is_authenticated or not user.is_contact or is_open_by_link(current_app, endpoint)


def works_by_link() -> bool:
    """Whether the reader is a registered contact, who works by link and sees this one referral."""
    user = current_user._get_current_object()
    return bool(user.is_authenticated) and user.is_contact


def permission_of(app: Flask, endpoint: str) -> Permission | None:
    """The permission that an endpoint asks for; None when it is public. Raises UnmarkedRoute."""
    view = app.view_functions[endpoint]
    mark = getattr(view, _MARK, None) or getattr(getattr(view, "view_class", None), _MARK, None)
    if mark is None and endpoint != "static":
        raise UnmarkedRoute(f"{endpoint} names no permission: put @requires(...) or @public under its route")
    return mark if isinstance(mark, Permission) else None


def may_use(permission: Permission) -> bool:
    """Whether the person signed in may do this; for showing a button, never instead of `@requires`."""
    # Asked dozens of times for a page: the proxy is looked through once.
    user = current_user._get_current_object()
    if user.is_authenticated and user.is_contact:
        return permission in _OF_CONTACT
    return bool(user.is_authenticated) and is_permitted(user.role, permission)


def safe_next(target: str | None, otherwise: str) -> str:
    """Where to go after signing in: a path of this host, never another place."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return otherwise
    if "\\" in target or any(ord(c) < 33 for c in target):
        return otherwise
    parts = urlsplit(target)
    return otherwise if parts.scheme or parts.netloc else target


def show_link_ended() -> ResponseReturnValue:
    """The plain page after a session by link: the same whatever ended it, with what was typed, for copying."""
    has_account = current_user.is_authenticated
    page = make_response(
        render_template("pages/link_ended.html", typed=typed_answers(), has_account=has_account), 403
    )
    if has_account and request.method == "GET":
        # Seen once; from then on the account works there again.
        clear_contact_cookie(page, (request.view_args or {})["onward_referral_id"])
    return page


def register_permissions(app: Flask) -> None:
    """Check the permission before every view: without a session it redirects to the sign-in, else it refuses."""

    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint is None:
            return None
        permission = permission_of(app, request.endpoint)
        if permission is None:
            return None
        if works_by_link() and not is_open_by_link(app, request.endpoint):
            raise NotFound
        # What was typed as the contact must not be recorded as the account that is signed in beside it.
        if has_ended_contact_session():
            return show_link_ended()
        if may_use(permission):
            return None
        if current_user.is_authenticated:
            raise Forbidden
        return redirect(_sign_in_url())

    for function in (may_use, may_open, works_by_link):
        app.add_template_global(function)
    app.add_template_global(Permission, "Permission")


def _sign_in_url() -> str:
    # Only a page that can be opened again is worth coming back to.
    if request.method != "GET" or request.path == "/":
        return SIGN_IN
    return f"{SIGN_IN}?{urlencode({'next': request.full_path.rstrip('?')})}"
