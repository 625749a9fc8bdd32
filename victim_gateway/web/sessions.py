"""The signed-in user: the cookie, its session, and the account, read at every request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Flask, Response, current_app, g, request
from flask import session as form_cookie
from flask_login import UserMixin, current_user
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Settings
from victim_gateway import times
from victim_gateway.actors import DATABASE_ROLES, Actor
from victim_gateway.extensions import login_manager
from victim_gateway.services.accounts import web_sessions
from victim_gateway.services.accounts.web_sessions import LiveSession, SessionLimits, SessionStage
from victim_gateway.services.messages import contact_sessions
from victim_gateway.services.messages.contact_sessions import LiveContactSession
from victim_gateway.vocabulary import Role
from victim_gateway.web.responses import correlation_id

# Endpoints that an open page polls; they do not keep a session alive (ASVS 7.3.1).
POLLING_ENDPOINTS = frozenset({"imports.progress"})


@dataclass(frozen=True, slots=True)
class SignedInUser(UserMixin):  # type: ignore[misc]
    """flask-login's `current_user` of a session that is wholly signed in.

    Role and organisation are those that they work in now; `organisations` is how many providers they work for.
    `contact`: it is no account, but the registered contact of a service who works by a link.
    """

    id: UUID
    email: str
    actor: Actor
    role: Role
    name: str
    organisation_name: str
    organisations: int
    contact: LiveContactSession | None = None

    @property
    def is_provider(self) -> bool:
        return self.actor.is_provider

    @property
    def is_contact(self) -> bool:
        return self.contact is not None


def anonymous_actor() -> Actor:
    """The actor of a request before sign-in is complete."""
    return replace(Actor.signing_in(request.remote_addr), correlation_id=correlation_id())


def signed_in_actor() -> Actor:
    """The person signed in, to be handed to a service. Only behind `@requires`."""
    actor: Actor = current_user.actor
    return actor


def lapsed_actor() -> Actor | None:
    """The account of a cookie whose session ran out by time alone, not long ago; None for any other.

    Such a request may do one thing: keep what its page holds as a draft of that account (`web/drafts.py`).
    """
    token = request.cookies.get(cookie_name(_settings()))
    if not token:
        return None
    found = web_sessions.look_up_lapsed_session(
        token, limits=_limits(_settings()), actor=anonymous_actor(), at=times.now()
    )
    return found.actor(anonymous_actor(), DATABASE_ROLES[found.role]) if found else None


def live_session() -> LiveSession | None:
    """The session of this request's cookie, however far its sign-in has come."""
    if "current_session" not in g:
        g.current_session = _look_up()
    current: LiveSession | None = g.current_session
    return current


def contact_session() -> LiveContactSession | None:
    """The session by link of this request, for the one onward referral that its address names."""
    if "contact_session" not in g:
        g.contact_session = _look_up_contact()
    found: LiveContactSession | None = g.contact_session
    return found


def has_contact_cookie() -> bool:
    """Whether the browser was let in by a link to this onward referral, whether or not that still stands."""
    return contact_cookie_name(_settings()) in request.cookies


def has_ended_contact_session() -> bool:
    """Whether the browser was let in by a link to the onward referral of this address, and that no longer stands."""
    is_of_referral = isinstance((request.view_args or {}).get("onward_referral_id"), UUID)
    return is_of_referral and has_contact_cookie() and contact_session() is None


def set_contact_cookie(response: Response, cookie: str, onward_referral_id: UUID) -> Response:
    """Set the cookie of a session by link: the browser sends it to that onward referral's pages alone.

    So two links in two tabs don't mix, and an account that is signed in beside them stays what it is.
    """
    settings = _settings()
    response.set_cookie(
        contact_cookie_name(settings),
        cookie,
        httponly=True,
        samesite="Lax",
        path=_contact_path(onward_referral_id),
        secure=settings.is_production,
    )
    return response


def clear_contact_cookie(response: Response, onward_referral_id: UUID) -> Response:
    """Delete the cookie of a session by link; the caller must end the session too."""
    settings = _settings()
    response.delete_cookie(
        contact_cookie_name(settings),
        httponly=True,
        samesite="Lax",
        path=_contact_path(onward_referral_id),
        secure=settings.is_production,
    )
    return response


def contact_cookie_name(settings: Settings) -> str:
    """`__Secure-` as `__Host-` wants the whole host, and this cookie is for one path."""
    return "__Secure-link" if settings.is_production else "link"


def set_session_cookie(response: Response, token: str) -> Response:
    """Set the cookie of a new session, with a new CSRF token."""
    _forget_form_token()
    settings = _settings()
    response.set_cookie(
        cookie_name(settings), token, httponly=True, samesite="Lax", path="/", secure=settings.is_production
    )
    return response


def clear_session_cookie(response: Response) -> Response:
    """Delete the session cookie; the caller must end the session row too."""
    _forget_form_token()
    settings = _settings()
    response.delete_cookie(
        cookie_name(settings), httponly=True, samesite="Lax", path="/", secure=settings.is_production
    )
    return response


def cookie_name(settings: Settings) -> str:
    """`__Host-` ties the cookie to this host and to HTTPS, which a developer's machine does not speak."""
    return "__Host-session" if settings.is_production else "session"


def register_sessions(app: Flask) -> None:
    """Wire flask-login to our sessions, and take addresses only from the proxies in the settings."""
    proxies = app.extensions["settings"].trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)  # type: ignore[method-assign]
    # Without its context processor: an error page must render without looking up the user.
    login_manager.init_app(app, add_context_processor=False)
    login_manager.request_loader(_load_user)


def _load_user(_request: Any) -> SignedInUser | None:
    contact = contact_session()
    if contact is not None:
        return SignedInUser(
            id=contact.contact.contact_id,
            email=contact.contact.email,
            actor=contact.actor(anonymous_actor()),
            role=Role.PROVIDER,
            name=contact.contact.name,
            organisation_name=contact.contact.organisation_name,
            organisations=1,
            contact=contact,
        )
    current = live_session()
    if current is None or current.stage is not SessionStage.FULL:
        return None
    return SignedInUser(
        id=current.user_id,
        email=current.email,
        actor=current.actor(anonymous_actor(), DATABASE_ROLES[current.role]),
        role=current.role,
        name=current.name,
        organisation_name=current.organisation_name,
        organisations=current.organisations,
    )


def _look_up_contact() -> LiveContactSession | None:
    onward_referral_id = (request.view_args or {}).get("onward_referral_id")
    cookie = request.cookies.get(contact_cookie_name(_settings()))
    if not cookie or not isinstance(onward_referral_id, UUID):
        return None
    return contact_sessions.look_up_contact_session(
        cookie, onward_referral_id, actor=anonymous_actor(), at=times.now()
    )


def _contact_path(onward_referral_id: UUID) -> str:
    return f"{request.script_root}/onward-referrals/{onward_referral_id}"


def _look_up() -> LiveSession | None:
    settings = _settings()
    token = request.cookies.get(cookie_name(settings))
    if not token:
        return None
    return web_sessions.look_up_session(
        token,
        limits=_limits(settings),
        actor=anonymous_actor(),
        at=times.now(),
        keeps_alive=request.endpoint not in POLLING_ENDPOINTS,
        is_page=request.method == "GET",
    )


def _limits(settings: Settings) -> SessionLimits:
    return SessionLimits(
        idle=timedelta(minutes=settings.session_idle_minutes),
        absolute=timedelta(hours=settings.session_absolute_hours),
        second_factor=settings.require_mfa,
    )


def _forget_form_token() -> None:
    form_cookie.pop("csrf_token", None)
    g.pop("csrf_token", None)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
