"""Who works for a provider and with which of its services: kept by its own administrator, or by the Gateway's.

An administrator of a provider reaches no other organisation, gives no role of the Gateway, and can't be the last to
go. The policies of `membership` and `app_user` hold the first two once more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, NotAllowed, NotFound, StaleVersion
from victim_gateway.models import Membership, Organisation, ProviderService, User
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.accounts import passwords, second_factor, web_sessions
from victim_gateway.services.accounts.administration import (
    STARTING_PASSWORD_FOR,
    AccountSecrets,
    check_email_address,
    check_person_name,
)
from victim_gateway.services.accounts.change_password import set_password
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.submissions import claim_submission
from victim_gateway.vocabulary import PROVIDER_ROLES, DatabaseRole, OrganisationKind, Role

STAFF_OF_THE_GATEWAY = (
    "This account belongs to the Gateway. Who works for a provider too needs a second account, with another email"
    " address: one account never sees both sides."
)
_LAST = "This is the last administrator of your organisation. Make another account one first."
_CHANGED_MEANWHILE = "Another administrator changed this account after you opened the page. Look at it again."
_NOT_ITS_OWNERS_YET = (
    "This account still has the password that it was given. Wait until its owner has chosen one: until then another"
    " organisation's administrator knows it."
)


@dataclass(frozen=True, slots=True)
class MemberAccess:
    """What an account is to do in a provider: its role, and all services or those that are named."""

    role: Role
    all_services: bool
    service_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class NewMember:
    """Somebody who is to work for the provider of the one who adds them."""

    name: str
    email: str
    access: MemberAccess


def add_member(command: Command, new: NewMember) -> AccountSecrets:
    """Add an account to the actor's own provider; its starting password is good for a week and shown once.

    Raises InvalidInput that names the field, and NotAllowed for any but an administrator of a provider.
    """
    organisation_id = _own_organisation(command.actor)
    address, shown_name = check_email_address(new.email), check_person_name(new.name)
    starting = passwords.generate_temporary_password()
    password_hash = passwords.hash_password(starting, current_settings().password_hashing)
    user_id = new_row_id()
    with transaction(command.actor) as session:
        claim_submission(session, command)
        values = _checked_access(session, organisation_id, new.access)
        added = session.execute(
            upsert(User)
            .values(
                id=user_id,
                organisation_id=organisation_id,
                email=address,
                name=shown_name,
                role=new.access.role,
                password_hash=password_hash,
                starting_password_until=command.at + STARTING_PASSWORD_FOR,
                totp_last_step=0,
                created_at=command.at,
            )
            # Without a target: naming one would ask to read addresses of other organisations.
            .on_conflict_do_nothing()
            .returning(User.id)
        ).first()
        if added is None:
            raise _invalid(
                "email",
                "This address can't be used. If they work for another organisation too, ask the Gateway to add them",
            )
        membership_id = session.scalars(
            update(Membership)
            .where(Membership.user_id == user_id, Membership.organisation_id == organisation_id)
            .values(values)
            .returning(Membership.id)
        ).one()
        record_audit(
            session, "user.added", subject_type="user", subject_id=user_id, role=new.access.role.value
        )
        _audit(session, "membership.added", membership_id, organisation_id, new.access)
    return AccountSecrets(user_id, address, starting, None)


def add_membership(command: Command, user_id: UUID, organisation_key: str, access: MemberAccess) -> UUID:
    """Let an account of a provider work for another one too, by the Gateway's administrator. Gives the membership's id.

    Raises InvalidInput for an account of the Gateway, one that has a starting password still, and a provider that
    there is not or that it works for already.
    """
    _check_may_administer(command.actor, None)
    with transaction(command.actor) as session:
        claim_submission(session, command)
        user = session.execute(
            select(User.role, User.starting_password_until).where(User.id == user_id).with_for_update()
        ).one_or_none()
        if user is None:
            raise NotFound
        if user.role not in PROVIDER_ROLES:
            raise _invalid("organisation", STAFF_OF_THE_GATEWAY)
        if user.starting_password_until is not None:
            raise _invalid("organisation", _NOT_ITS_OWNERS_YET)
        organisation_id = session.scalar(
            select(Organisation.id).where(
                Organisation.key == organisation_key, Organisation.kind == OrganisationKind.PROVIDER
            )
        )
        if organisation_id is None:
            raise _invalid("organisation", "Choose the provider")
        membership_id: UUID | None = session.scalar(
            upsert(Membership)
            .values(
                id=new_row_id(),
                user_id=user_id,
                organisation_id=organisation_id,
                created_at=command.at,
                **_checked_access(session, organisation_id, access),
            )
            .on_conflict_do_nothing()
            .returning(Membership.id)
        )
        if membership_id is None:
            raise _invalid("organisation", "They work for this provider already")
        _audit(session, "membership.added", membership_id, organisation_id, access)
    return membership_id


def change_access(command: Command, membership_id: UUID, access: MemberAccess) -> None:
    """Change the role and the services of an account in one provider; it holds from its next request on.

    Raises NotFound, StaleVersion, InvalidInput, and NotAllowed where no administrator would be left.
    """
    with transaction(command.actor) as session:
        claim_submission(session, command)
        administrators = _lock_administrators(session, command.actor)
        row = _lock(session, membership_id, command)
        if access.role is not Role.PROVIDER_ADMINISTRATOR:
            _keep_an_administrator(row, administrators)
        values = _checked_access(session, row.organisation_id, access)
        _update(session, row, values)
        with as_service(session):
            # Beside it, for lists of accounts: what it may do is read from the membership alone.
            made_for = (User.id == row.user_id) & (User.organisation_id == row.organisation_id)
            session.execute(update(User).where(made_for).values(role=access.role))
        _audit(session, "membership.changed", membership_id, row.organisation_id, access)


def end_membership(command: Command, membership_id: UUID) -> None:
    """Take an account's access to one provider away, at once; it may be given back. Repeating it changes nothing.

    Raises NotFound, and NotAllowed where no administrator would be left.
    """
    with transaction(command.actor) as session:
        administrators = _lock_administrators(session, command.actor)
        row = _lock(session, membership_id, command)
        if row.ended_at is None:
            _keep_an_administrator(row, administrators)
            _update(session, row, {"ended_at": command.at})
            _audit(session, "membership.ended", membership_id, row.organisation_id)


def restore_membership(command: Command, membership_id: UUID) -> None:
    """Give an access back that was taken away, with the role and the services it had. Raises NotFound."""
    with transaction(command.actor) as session:
        row = _lock(session, membership_id, command)
        if row.ended_at is not None:
            _update(session, row, {"ended_at": None})
            _audit(session, "membership.restored", membership_id, row.organisation_id)


def issue_member_password(command: Command, membership_id: UUID) -> str:
    """Replace a forgotten password by a starting one, shown once, by the provider's own administrator.

    Raises NotFound, and NotAllowed for an account that works for another organisation too: its administrator would
    open what is not its own.
    """
    starting = passwords.generate_temporary_password()
    starting_hash = passwords.hash_password(starting, current_settings().password_hashing)
    with transaction(command.actor) as session:
        claim_submission(session, command)
        user_id = _lock_sole_account(session, membership_id, command)
        with as_service(session):
            set_password(session, user_id, starting_hash, until=command.at + STARTING_PASSWORD_FOR)
            web_sessions.end_all_sessions(session, user_id, command.at)
        record_audit(session, "password.reset", subject_type="user", subject_id=user_id)
    return starting


def reset_member_second_factor(command: Command, membership_id: UUID) -> None:
    """Take the second factor of a lost phone away, by the provider's own administrator; a new one is set up next.

    Raises as `issue_member_password` does.
    """
    with transaction(command.actor) as session:
        claim_submission(session, command)
        user_id = _lock_sole_account(session, membership_id, command)
        with as_service(session):
            second_factor.remove_second_factor(session, user_id)
            web_sessions.end_all_sessions(session, user_id, command.at)
        record_audit(session, "second_factor.reset", subject_type="user", subject_id=user_id)


def _own_organisation(actor: Actor) -> UUID:
    if not is_permitted(actor.role, Permission.MANAGE_OWN_USERS) or actor.organisation_id is None:
        raise NotAllowed("Only an administrator of a provider adds accounts to it.")
    return actor.organisation_id


def _check_may_administer(actor: Actor, organisation_id: UUID | None) -> None:
    """The Gateway's administrators and commands reach every provider, a provider's own its own; NotFound for others."""
    if actor.database_role is DatabaseRole.WORKER or is_permitted(actor.role, Permission.MANAGE_USERS):
        return
    if not is_permitted(actor.role, Permission.MANAGE_OWN_USERS):
        raise NotAllowed("Only administrators change accounts.")
    if organisation_id != actor.organisation_id:
        raise NotFound


def _lock(session: Session, membership_id: UUID, command: Command) -> Membership:
    row = session.scalar(
        select(Membership).where(Membership.id == membership_id).with_for_update(of=Membership)
    )
    if row is None:
        raise NotFound
    _check_may_administer(command.actor, row.organisation_id)
    if command.version is not None and command.version != row.version:
        raise StaleVersion(_CHANGED_MEANWHILE)
    return row


def _lock_sole_account(session: Session, membership_id: UUID, command: Command) -> UUID:
    """The account of a membership that has no other, locked against being given one."""
    row = _lock(session, membership_id, command)
    if row.user_id == command.actor.user_id:
        raise NotAllowed("This is your own account. Change your password on your account page.")
    with as_service(session):
        session.execute(select(User.id).where(User.id == row.user_id).with_for_update())
        organisations = session.scalar(
            select(func.count()).select_from(Membership).where(Membership.user_id == row.user_id)
        )
    if row.ended_at is not None or organisations != 1:
        raise NotAllowed("The sign-in of this account can only be reset by the Gateway.")
    return row.user_id


def _lock_administrators(session: Session, actor: Actor) -> list[UUID] | None:
    """The memberships of a provider's own administrators, locked in one order before anything else.

    Two who end each other's access at once wait here, and the second finds its own gone. None for the Gateway's
    administrators, who may end the last one: they can make another.
    """
    if actor.role is not Role.PROVIDER_ADMINISTRATOR:
        return None
    rows = session.execute(
        select(Membership.id, Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(
            Membership.organisation_id == actor.organisation_id,
            Membership.role == Role.PROVIDER_ADMINISTRATOR,
            Membership.ended_at.is_(None),
            User.disabled_at.is_(None),
        )
        .order_by(Membership.id)
        .with_for_update(of=Membership)
    ).all()
    if actor.user_id not in {row.user_id for row in rows}:
        raise NotAllowed("Your own account was changed in the meantime. Nothing was changed.")
    return [row.id for row in rows]


def _keep_an_administrator(row: Membership, administrators: list[UUID] | None) -> None:
    if administrators == [row.id]:
        raise NotAllowed(_LAST)


def _checked_access(session: Session, organisation_id: UUID, access: MemberAccess) -> dict[str, object]:
    """The columns of an access. Raises InvalidInput for a role of the Gateway and a service of another provider."""
    if access.role not in PROVIDER_ROLES:
        raise _invalid("role", "Choose a role of a provider")
    named = () if access.all_services else tuple(dict.fromkeys(access.service_ids))
    known = session.scalars(
        select(ProviderService.id).where(ProviderService.provider_id == organisation_id)
    ).all()
    if not set(named) <= set(known):
        raise _invalid("services", "Choose services of this organisation")
    return {"role": access.role, "all_services": access.all_services, "service_ids": list(named)}


def _update(session: Session, row: Membership, values: dict[str, object]) -> None:
    session.execute(
        update(Membership)
        .where(Membership.id == row.id)
        .values(**values, version=Membership.version + 1)
        .execution_options(synchronize_session=False)
    )


def _audit(
    session: Session,
    action: str,
    membership_id: UUID,
    organisation_id: UUID,
    access: MemberAccess | None = None,
) -> None:
    said: dict[str, Any] = (
        {
            "role": access.role.value,
            "all_services": access.all_services,
            "services": _as_text(access.service_ids),
        }
        if access
        else {}
    )
    record_audit(
        session,
        action,
        subject_type="membership",
        subject_id=membership_id,
        organisation=str(organisation_id),
        **said,
    )


def _as_text(ids: Collection[UUID]) -> list[str]:
    return sorted(str(each) for each in ids)


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, fields={field: message})
