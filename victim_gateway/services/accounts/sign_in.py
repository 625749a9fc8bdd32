"""Signing in, step by step, and out again. Every step, taken or refused, is in the audit."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import actor_of, transaction
from victim_gateway.errors import GatewayError, InvalidInput
from victim_gateway.models import Membership, User, WebSession
from victim_gateway.services.accounts import passwords, rate_limits, second_factor, web_sessions
from victim_gateway.services.accounts.rate_limits import TooManyAttempts
from victim_gateway.services.accounts.web_sessions import LiveSession, SessionStage
from victim_gateway.vocabulary import PROVIDER_ROLES, DatabaseRole, Role, SignInStep

MOST_WRONG_CODES = 10


class SignInOver(GatewayError):
    """This sign-in has ended, by too many wrong codes or because it took too long: begin again."""

    code = "sign-in.over"
    status = 409

    def __init__(self) -> None:
        super().__init__("This sign-in has ended. Sign in again from the start.")


@dataclass(frozen=True, slots=True)
class _Account:
    id: UUID
    organisation_id: UUID
    name: str
    role: Role
    password_hash: str
    disabled_at: datetime | None
    starting_password_until: datetime | None
    works_for: int


def sign_in_with_password(
    email: str, *, password: str, actor: Actor, at: datetime, replaces: bytes | None = None
) -> str:
    """Check name and password and start a session; gives the cookie's value.

    Unknown names, wrong passwords, disabled accounts and starting passwords that have run out get the same
    answer after the same work: InvalidInput. Raises TooManyTries. `replaces` is a session to end.
    """
    name = email.strip().lower()
    attempt_id, account = _begin(name, actor, at)
    if attempt_id is None:
        raise TooManyAttempts
    hashing = current_settings().password_hashing
    right = passwords.verify_password(account.password_hash if account else None, password, hashing)
    problem = _problem(account, right, at)
    if problem or account is None:
        _refuse(name, problem or "unknown", account, actor)
        raise InvalidInput("Your email address or password is not right. Check both and try again.")
    with transaction(_known(account, actor)) as session:
        _check_unchanged(session, account)
        rate_limits.mark_attempt_succeeded(session, attempt_id)
        if passwords.is_hash_outdated(account.password_hash, hashing):
            session.execute(
                update(User)
                .where(User.id == account.id, User.password_hash == account.password_hash)
                .values(password_hash=passwords.hash_password(password, hashing))
            )
        if replaces is not None:
            web_sessions.end_session(session, replaces, at)
        token = web_sessions.start_session(session, account.id, at)
        record_audit(session, "sign_in.password_accepted", subject_type="user", subject_id=account.id)
    return token


def check_second_factor_code(live: LiveSession, *, code: str, actor: Actor, at: datetime) -> str:
    """Check a code of a half-signed-in session; gives the cookie of the new, whole one that replaces it.

    Also confirms a second factor that is being set up. Raises InvalidInput, TooManyTries or SignInOver.
    """
    person = live.actor(actor, DatabaseRole.SIGNIN)
    with transaction(person) as session:
        token, refusal = _step_up(session, live, code, at)
    if refusal is not None:
        raise refusal
    return token


def begin_set_up(live: LiveSession, *, actor: Actor) -> str:
    """Make a second factor for an account that has none; gives its secret, to be shown this once.

    Raises SignInOver when the account has one by now.
    """
    with transaction(live.actor(actor, DatabaseRole.SIGNIN)) as session:
        confirmed = select(User.totp_confirmed_at).where(User.id == live.user_id).with_for_update()
        if session.scalar(confirmed) is None:
            secret = second_factor.set_up_second_factor(session, live.user_id)
            record_audit(session, "second_factor.set_up_begun", subject_type="user", subject_id=live.user_id)
            return secret
    raise SignInOver


def end_sign_in(live: LiveSession, *, actor: Actor, at: datetime) -> None:
    """End the session; its cookie opens nothing any more."""
    with transaction(live.actor(actor, DatabaseRole.SIGNIN)) as session:
        web_sessions.end_session(session, live.id_hash, at)
        record_audit(session, "sign_out", subject_type="user", subject_id=live.user_id)


def _check_unchanged(session: Session, account: _Account) -> None:
    """The password was checked a moment ago: a reset or a disabling since then wins."""
    stored = session.execute(
        select(User.password_hash, User.disabled_at).where(User.id == account.id).with_for_update()
    ).one_or_none()
    if stored is None or stored.password_hash != account.password_hash or stored.disabled_at is not None:
        raise InvalidInput("Your email address or password is not right. Check both and try again.")


def _begin(name: str, actor: Actor, at: datetime) -> tuple[int | None, _Account | None]:
    columns = [getattr(User, field.name) for field in fields(_Account) if field.name != "works_for"]
    works_for = (
        select(func.count())
        .select_from(Membership)
        .where(Membership.user_id == User.id, Membership.ended_at.is_(None))
        .scalar_subquery()
        .label("works_for")
    )
    with transaction(actor) as session:
        attempt_id = rate_limits.begin_attempt(session, SignInStep.PASSWORD, name, actor.address, at)
        if attempt_id is None:
            record_audit(
                session, "sign_in.too_many_tries", name_hash=rate_limits.account_name_hash(name).hex()
            )
            return None, None
        # A registered contact works by link and is no account that can be signed in to.
        named = select(*columns, works_for).where(User.email == name, User.contact_service_id.is_(None))
        row = session.execute(named).one_or_none()
        return attempt_id, _Account(**row._mapping) if row else None


def _problem(account: _Account | None, right: bool, at: datetime) -> str | None:
    """Why not, for the audit only."""
    if account is None:
        return "unknown_name"
    if not right:
        return "wrong_password"
    if account.disabled_at is not None:
        return "disabled"
    if account.role in PROVIDER_ROLES and not account.works_for:
        return "works_for_no_provider"
    if account.starting_password_until is not None and account.starting_password_until < at:
        return "starting_password_ran_out"
    return None


def _refuse(name: str, problem: str, account: _Account | None, actor: Actor) -> None:
    with transaction(actor) as session:
        record_audit(
            session,
            "sign_in.refused",
            subject_type="user" if account else None,
            subject_id=account.id if account else None,
            name_hash=rate_limits.account_name_hash(name).hex(),
            reason=problem,
        )


def _known(account: _Account, actor: Actor) -> Actor:
    """Whoever gave the right password, still with the rights of somebody who is signing in."""
    return replace(
        actor,
        database_role=DatabaseRole.SIGNIN,
        name=account.name,
        user_id=account.id,
        organisation_id=account.organisation_id,
        role=account.role,
    )


def _step_up(session: Session, live: LiveSession, code: str, at: datetime) -> tuple[str, GatewayError | None]:
    """One try at a code. A refusal is returned, not raised: what was counted must be kept."""
    row = select(WebSession.wrong_codes, WebSession.ended_at).where(WebSession.id_hash == live.id_hash)
    state = session.execute(row.with_for_update()).one()
    if state.ended_at is not None:
        return "", SignInOver()
    address = actor_of(session).address
    attempt_id = rate_limits.begin_attempt(session, SignInStep.CODE, live.email, address, at)
    if attempt_id is None:
        record_audit(session, "sign_in.too_many_codes", subject_type="user", subject_id=live.user_id)
        return "", TooManyAttempts()
    if not second_factor.accept_code(session, live.user_id, code, at):
        return "", _wrong_code(session, live, state.wrong_codes + 1, at)
    rate_limits.mark_attempt_succeeded(session, attempt_id)
    if live.stage is SessionStage.SET_UP_CODE:
        second_factor.confirm_second_factor(session, live.user_id, at)
        record_audit(session, "second_factor.set_up", subject_type="user", subject_id=live.user_id)
    web_sessions.end_session(session, live.id_hash, at)
    record_audit(session, "sign_in.code_accepted", subject_type="user", subject_id=live.user_id)
    return web_sessions.start_session(session, live.user_id, at, second_factor_at=at), None


def _wrong_code(session: Session, live: LiveSession, wrong_codes: int, at: datetime) -> GatewayError:
    counted = update(WebSession).where(WebSession.id_hash == live.id_hash)
    session.execute(counted.values(wrong_codes=wrong_codes))
    record_audit(session, "sign_in.code_refused", subject_type="user", subject_id=live.user_id)
    if wrong_codes < MOST_WRONG_CODES:
        message = (
            "This code is not right, or was used before. Wait for the next one in your app and enter that."
        )
        return InvalidInput(message, fields={"code": message})
    web_sessions.end_session(session, live.id_hash, at)
    return SignInOver()
