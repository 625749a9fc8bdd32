"""One's own password: changed with a fresh check, or chosen after a starting one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.errors import GatewayError, InvalidInput
from victim_gateway.models import User, WebSession
from victim_gateway.services import passwords, second_factor, sign_in_limits, web_sessions
from victim_gateway.services.sign_in_limits import TooManyTries
from victim_gateway.services.web_sessions import HeldSession
from victim_gateway.transactions import actor_of, record_audit, transaction
from victim_gateway.vocabulary import DatabaseRole, SignInStep


def change_password(
    held: HeldSession,
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
    person = held.actor(actor, DatabaseRole.SIGNIN)
    with transaction(person) as session:
        held_hash = session.scalar(select(User.password_hash).where(User.id == held.user_id))
        attempt_id = sign_in_limits.begin(session, SignInStep.PASSWORD, held.email, actor.address, at)
    if attempt_id is None:
        raise TooManyTries
    # Hashing takes a while: not inside a transaction.
    is_current = passwords.matches(held_hash, current)
    with transaction(person) as session:
        if is_current:
            sign_in_limits.succeeded(session, attempt_id)
        else:
            record_audit(session, "password.change_refused", subject_type="user", subject_id=held.user_id)
    if not is_current:
        raise _invalid("current", "This is not your password now. Check it and try again")
    if new == current:
        raise _invalid("password", "Choose a password that is not the one you have now")
    new_hash = _checked_hash(held, new, gateway_name)
    with transaction(person) as session:
        refusal = _check_fresh_code(session, held, code, at) if code is not None else None
        token = "" if refusal else _changed(session, held, new_hash, at)
    if refusal is not None:
        raise refusal
    return token


def replace_starting_password(
    held: HeldSession, *, new: str, gateway_name: str, actor: Actor, at: datetime
) -> str:
    """The last step of a first sign-in: a password that only its owner knows. Gives the new session's cookie.

    Raises InvalidInput.
    """
    person = held.actor(actor, DatabaseRole.SIGNIN)
    with transaction(person) as session:
        starting_hash = session.scalar(select(User.password_hash).where(User.id == held.user_id))
    if passwords.matches(starting_hash, new):
        raise _invalid("password", "Choose a password that is not the one you were given")
    new_hash = _checked_hash(held, new, gateway_name)
    with transaction(person) as session:
        return _changed(session, held, new_hash, at)


def _checked_hash(held: HeldSession, new: str, gateway_name: str) -> str:
    passwords.check(new, held.email.partition("@")[0], held.name, gateway_name)
    return passwords.hashed(new)


def _check_fresh_code(session: Session, held: HeldSession, code: str, at: datetime) -> GatewayError | None:
    address = actor_of(session).address
    attempt_id = sign_in_limits.begin(session, SignInStep.CODE, held.email, address, at)
    if attempt_id is None:
        return TooManyTries()
    if second_factor.use(session, held.user_id, code, at):
        sign_in_limits.succeeded(session, attempt_id)
        return None
    record_audit(session, "password.change_refused", subject_type="user", subject_id=held.user_id)
    return _invalid("code", "This code is not right, or was used before. Enter the next one")


def _changed(session: Session, held: HeldSession, new_hash: str, at: datetime) -> str:
    """Set it, end every session, and begin one that is signed in as far as this one was."""
    factor = session.scalar(select(WebSession.second_factor_at).where(WebSession.id_hash == held.id_hash))
    set_password(session, held.user_id, new_hash, until=None)
    web_sessions.end_all(session, held.user_id, at)
    record_audit(session, "password.changed", subject_type="user", subject_id=held.user_id)
    return web_sessions.start(session, held.user_id, at, second_factor_at=factor)


def set_password(session: Session, user_id: UUID, password_hash: str, *, until: datetime | None) -> None:
    """Give the account another password; `until` marks a starting one."""
    session.execute(
        update(User)
        .where(User.id == user_id)
        .values(password_hash=password_hash, starting_password_until=until)
    )


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, fields={field: message})
