"""Accounts: adding and disabling them, and replacing a lost password or second factor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, NotFound
from victim_gateway.models import Organisation, User
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.accounts import passwords, second_factor, web_sessions
from victim_gateway.services.accounts.change_password import set_password
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import PROVIDER_ROLES, OrganisationKind, Role

GATEWAY_KEY = "gateway"
STARTING_PASSWORD_FOR = timedelta(days=7)
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to add. Without `password` it gets a starting one, changed at first sign-in.

    `gateway_name` is the name of the Gateway's own organisation, made when the first account needs it; a
    provider, by `organisation_key`, must be known already. `is_demo` leaves the password unchecked.
    """

    email: str
    name: str
    role: Role
    organisation_key: str = ""
    gateway_name: str = "The Gateway"
    password: str | None = None
    is_demo: bool = False
    with_second_factor: bool = False


@dataclass(frozen=True, slots=True)
class AccountSecrets:
    """What is shown once: the starting password, and the second factor's secret where one was made."""

    user_id: UUID
    email: str
    starting_password: str | None
    totp_secret: str | None


def add_account(command: Command, account: NewAccount) -> AccountSecrets:
    """Add an account; its starting password is good for a week. Raises InvalidInput that names the field."""
    address = check_email_address(account.email)
    shown_name = check_person_name(account.name)
    if account.password is not None and not account.is_demo:
        passwords.check_password(account.password, address, shown_name, account.gateway_name)
    starting = passwords.generate_temporary_password() if account.password is None else None
    password_hash = passwords.hash_password(
        account.password or starting or "", current_settings().password_hashing
    )
    user_id = new_row_id()
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        added = session.execute(
            upsert(User)
            .values(
                id=user_id,
                organisation_id=_organisation(
                    session, account.role, account.organisation_key, account.gateway_name
                ),
                email=address,
                name=shown_name,
                role=account.role,
                password_hash=password_hash,
                starting_password_until=command.at + STARTING_PASSWORD_FOR if starting else None,
                totp_last_step=0,
                created_at=command.at,
            )
            .on_conflict_do_nothing(index_elements=[User.email])
            .returning(User.id)
        ).first()
        if added is None:
            raise _invalid("email", f"There is an account for {address} already")
        secret = (
            second_factor.set_up_second_factor(session, user_id, confirmed_at=command.at)
            if account.with_second_factor
            else None
        )
        record_audit(session, "user.added", subject_type="user", subject_id=user_id, role=account.role.value)
    return AccountSecrets(user_id, address, starting, secret)


def disable_account(command: Command, user_id: UUID) -> None:
    """Keep the account out, in every open session from its next request on. Repeating it changes nothing.

    Raises NotFound, and NotAllowed for one's own account and for the last administrator's: a slip must not
    lock an administrator, or all of them, out.
    """
    if user_id == command.actor.user_id:
        raise NotAllowed("You can't disable your own account. Ask another administrator to do it.")
    with transaction(command.actor) as session:
        _keep_an_administrator(session, user_id, command.actor)
        _lock(session, user_id)
        session.execute(
            update(User).where(User.id == user_id, User.disabled_at.is_(None)).values(disabled_at=command.at)
        )
        web_sessions.end_all_sessions(session, user_id, command.at)
        record_audit(session, "user.disabled", subject_type="user", subject_id=user_id)


def enable_account(command: Command, user_id: UUID) -> None:
    """Let a disabled account sign in again, with the password and second factor it had. Raises NotFound."""
    with transaction(command.actor) as session:
        _lock(session, user_id)
        session.execute(update(User).where(User.id == user_id).values(disabled_at=None))
        record_audit(session, "user.enabled", subject_type="user", subject_id=user_id)


def reset_second_factor(command: Command, user_id: UUID) -> None:
    """Take the second factor away (a lost phone): the next sign-in sets up a new one. Raises NotFound."""
    with transaction(command.actor) as session:
        _lock(session, user_id)
        second_factor.remove_second_factor(session, user_id)
        web_sessions.end_all_sessions(session, user_id, command.at)
        record_audit(session, "second_factor.reset", subject_type="user", subject_id=user_id)


def give_second_factor(command: Command, user_id: UUID) -> str:
    """Make a second factor that needs no setting up; gives its secret, this once. Raises NotFound."""
    with transaction(command.actor) as session:
        _lock(session, user_id)
        secret = second_factor.set_up_second_factor(session, user_id, confirmed_at=command.at)
        web_sessions.end_all_sessions(session, user_id, command.at)
        record_audit(session, "second_factor.given", subject_type="user", subject_id=user_id)
    return secret


def issue_starting_password(command: Command, user_id: UUID) -> str:
    """Replace a forgotten password by a starting one, which is returned and shown once. Raises NotFound."""
    starting = passwords.generate_temporary_password()
    starting_hash = passwords.hash_password(starting, current_settings().password_hashing)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        _lock(session, user_id)
        set_password(session, user_id, starting_hash, until=command.at + STARTING_PASSWORD_FOR)
        web_sessions.end_all_sessions(session, user_id, command.at)
        record_audit(session, "password.reset", subject_type="user", subject_id=user_id)
    return starting


def _keep_an_administrator(session: Session, user_id: UUID, actor: Actor) -> None:
    """Locks them all, in one order: two who disable each other at once wait, and the second is refused."""
    administrators = session.scalars(
        select(User.id)
        .where(User.role == Role.ADMIN, User.disabled_at.is_(None))
        .order_by(User.id)
        .with_for_update()
    ).all()
    if actor.user_id is not None and actor.user_id not in administrators:
        raise NotAllowed("Your own account was disabled in the meantime. Nothing was changed.")
    if list(administrators) == [user_id]:
        raise NotAllowed("This is the last administrator. Add another one first.")


def _lock(session: Session, user_id: UUID) -> None:
    if session.scalar(select(User.id).where(User.id == user_id).with_for_update()) is None:
        raise NotFound


def _organisation(session: Session, role: Role, key: str, gateway_name: str) -> UUID:
    is_provider = role in PROVIDER_ROLES
    kind = OrganisationKind.PROVIDER if is_provider else OrganisationKind.GATEWAY
    wanted = key or ("" if is_provider else GATEWAY_KEY)
    if wanted == GATEWAY_KEY:
        _ensure_gateway(session, gateway_name)
    found = session.execute(
        select(Organisation.id, Organisation.kind).where(Organisation.key == wanted)
    ).one_or_none()
    if found is None:
        raise _invalid(
            "organisation", f"There is no organisation {wanted!r}" if wanted else "Choose the provider"
        )
    if found.kind is not kind:
        raise _invalid("organisation", f"Accounts with the role {role.value} don't belong to {wanted!r}")
    organisation_id: UUID = found.id
    return organisation_id


def _ensure_gateway(session: Session, name: str) -> None:
    values = {"id": new_row_id(), "key": GATEWAY_KEY, "kind": OrganisationKind.GATEWAY, "name": name}
    session.execute(upsert(Organisation).values(**values).on_conflict_do_nothing())


def check_email_address(email: str) -> str:
    """The address as it is kept. Raises InvalidInput for `email`."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise _invalid("email", "Enter an email address, like name@example.com") from None


def check_person_name(name: str) -> str:
    """The name as it is kept. Raises InvalidInput for `name`."""
    shown = " ".join(name.split())
    if not shown:
        raise _invalid("name", "Enter the person's name")
    if len(shown) > LONGEST_NAME:
        raise _invalid("name", f"Shorten the name to {LONGEST_NAME} characters")
    return shown


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, fields={field: message})
