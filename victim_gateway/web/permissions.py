"""The permission of every route; a route without one is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from victim_gateway.access.permissions import Permission, is_permitted

SIGN_IN = "/sign-in"
_MARK = "_permission"
_PUBLIC = "public"

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
    return bool(user.is_authenticated) and is_permitted(user.role, permission)


def safe_next(target: str | None, otherwise: str) -> str:
    """Where to go after signing in: a path of this host, never another place."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return otherwise
    if "\\" in target or any(ord(c) < 33 for c in target):
        return otherwise
    parts = urlsplit(target)
    return otherwise if parts.scheme or parts.netloc else target


def register_permissions(app: Flask) -> None:
    """Check the permission before every view: without a session it redirects to the sign-in, else it refuses."""

    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint is None:
            return None
        permission = permission_of(app, request.endpoint)
        if permission is None or may_use(permission):
            return None
        if current_user.is_authenticated:
            raise Forbidden
        return redirect(_sign_in_url())

    app.add_template_global(may_use)
    app.add_template_global(Permission, "Permission")


def _sign_in_url() -> str:
    # Only a page that can be opened again is worth coming back to.
    if request.method != "GET" or request.path == "/":
        return SIGN_IN
    return f"{SIGN_IN}?{urlencode({'next': request.full_path.rstrip('?')})}"
