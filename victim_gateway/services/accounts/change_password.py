"""One's own password: changed with a fresh check, or chosen after a starting one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import actor_of, transaction
from victim_gateway.errors import GatewayError, InvalidInput
from victim_gateway.models import User, WebSession
from victim_gateway.services.accounts import passwords, rate_limits, second_factor, web_sessions
from victim_gateway.services.accounts.rate_limits import TooManyAttempts
from victim_gateway.services.accounts.web_sessions import LiveSession
from victim_gateway.vocabulary import DatabaseRole, SignInStep


def change_own_password(
    live: LiveSession,
    *,
    current: str,
    new: str,
    code: str | None,
    gateway_name: str,
    actor: Actor,
    at: datetime,
) -> str:
    """Change one's own password; every session of the account ends and one begins, whose cookie is given.

    `code` is a fresh code of the second factor, or None where none is asked for. Raises InvalidInput by
    field, and TooManyTries, which leaves the session as it is.
    """
    person = live.actor(actor, DatabaseRole.SIGNIN)
    with transaction(person) as session:
        current_hash = session.scalar(select(User.password_hash).where(User.id == live.user_id))
        attempt_id = rate_limits.begin_attempt(session, SignInStep.PASSWORD, live.email, actor.address, at)
    if attempt_id is None:
        raise TooManyAttempts
    # Hashing takes a while: not inside a transaction.
    is_current = passwords.verify_password(current_hash, current, current_settings().password_hashing)
    with transaction(person) as session:
        if is_current:
            rate_limits.mark_attempt_succeeded(session, attempt_id)
        else:
            record_audit(session, "password.change_refused", subject_type="user", subject_id=live.user_id)
    if not is_current:
        raise _invalid("current", "This is not your password now. Check it and try again")
    if new == current:
        raise _invalid("password", "Choose a password that is not the one you have now")
    new_hash = _checked_hash(live, new, gateway_name)
    with transaction(person) as session:
        refusal = _check_fresh_code(session, live, code, at) if code is not None else None
        token = "" if refusal else _changed(session, live, new_hash, at)
    if refusal is not None:
        raise refusal
    return token


def replace_starting_password(
    live: LiveSession, *, new: str, gateway_name: str, actor: Actor, at: datetime
) -> str:
    """The last step of a first sign-in: a password that only its owner knows. Gives the new session's cookie.

    Raises InvalidInput.
    """
    person = live.actor(actor, DatabaseRole.SIGNIN)
    with transaction(person) as session:
        starting_hash = session.scalar(select(User.password_hash).where(User.id == live.user_id))
    if passwords.verify_password(starting_hash, new, current_settings().password_hashing):
        raise _invalid("password", "Choose a password that is not the one you were given")
    new_hash = _checked_hash(live, new, gateway_name)
    with transaction(person) as session:
        return _changed(session, live, new_hash, at)


def _checked_hash(live: LiveSession, new: str, gateway_name: str) -> str:
    passwords.check_password(new, live.email, live.name, gateway_name)
    return passwords.hash_password(new, current_settings().password_hashing)


def _check_fresh_code(session: Session, live: LiveSession, code: str, at: datetime) -> GatewayError | None:
    address = actor_of(session).address
    attempt_id = rate_limits.begin_attempt(session, SignInStep.CODE, live.email, address, at)
    if attempt_id is None:
        return TooManyAttempts()
    if second_factor.accept_code(session, live.user_id, code, at):
        rate_limits.mark_attempt_succeeded(session, attempt_id)
        return None
    record_audit(session, "password.change_refused", subject_type="user", subject_id=live.user_id)
    return _invalid("code", "This code is not right, or was used before. Enter the next one")


def _changed(session: Session, live: LiveSession, new_hash: str, at: datetime) -> str:
    """Set it, end every session, and begin one that is signed in as far as this one was."""
    factor = session.scalar(select(WebSession.second_factor_at).where(WebSession.id_hash == live.id_hash))
    set_password(session, live.user_id, new_hash, until=None)
    web_sessions.end_all_sessions(session, live.user_id, at)
    record_audit(session, "password.changed", subject_type="user", subject_id=live.user_id)
    return web_sessions.start_session(session, live.user_id, at, second_factor_at=factor)


def set_password(session: Session, user_id: UUID, password_hash: str, *, until: datetime | None) -> None:
    """Give the account another password; `until` marks a starting one."""
    session.execute(
        update(User)
        .where(User.id == user_id)
        .values(password_hash=password_hash, starting_password_until=until)
    )


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, fields={field: message})
