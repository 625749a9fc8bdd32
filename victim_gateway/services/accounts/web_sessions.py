"""Signed-in browsers: rows that are looked up, with their account, at every request."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, case, delete, func, insert, literal_column, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.kept_wordings import use_wordings
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.database.transaction import leave_transaction_open, transaction
from victim_gateway.models import CalendarLink, ListEntryChange, Membership, Organisation, User, WebSession
from victim_gateway.vocabulary import PROVIDER_ROLES, DatabaseRole, Role

TOKEN_BYTES = 32
# Somebody who has given a password but not yet the second factor has this long for it.
HALF_SIGNED_IN_FOR = timedelta(minutes=10)
# So long after its last request a session that ran out may still keep a draft of its own account: a working day.
LAPSED_FOR = timedelta(hours=12)
# `last_seen_at` is not written at every request.
SEEN_EVERY = timedelta(minutes=1)


class SessionStage(StrEnum):
    """How far a sign-in has come; only `full` opens pages."""

    CODE = "code"
    SET_UP_CODE = "set_up_code"
    NEW_PASSWORD = "new_password"  # noqa: S105  # pragma: allowlist secret
    ORGANISATION = "organisation"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session may last, and whether it needs a second factor."""

    idle: timedelta
    absolute: timedelta
    second_factor: bool


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A live session and its account as they are at this moment.

    `organisation_id` and `role` are of the organisation that its user works for in this session; `organisations` is
    how many providers they can choose between, 0 for an account of the Gateway.
    """

    id_hash: bytes
    stage: SessionStage
    user_id: UUID
    organisation_id: UUID
    organisation_name: str
    email: str
    name: str
    role: Role
    organisations: int

    def actor(self, actor: Actor, database_role: DatabaseRole) -> Actor:
        """This person, in the request of `actor`, with the rights of `database_role`."""
        return Actor(
            database_role=database_role,
            name=self.name,
            user_id=self.user_id,
            organisation_id=self.organisation_id,
            role=self.role,
            address=actor.address,
            correlation_id=actor.correlation_id,
        )


def cookie_hash(token: str) -> bytes:
    """What is kept of a cookie's value."""
    return hashlib.sha256(token.encode()).digest()


def start_session(
    session: Session, user_id: UUID, at: datetime, *, second_factor_at: datetime | None = None
) -> str:
    """A new session; gives the cookie's value, which is kept nowhere else.

    Who works for one provider works for it in this session; who works for several has yet to choose.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.execute(
        insert(WebSession).values(
            id_hash=cookie_hash(token),
            user_id=user_id,
            organisation_id=_only_organisation(user_id),
            created_at=at,
            last_seen_at=at,
            second_factor_at=second_factor_at,
            wrong_codes=0,
        )
    )
    return token


def replace_session(session: Session, id_hash: bytes, organisation_id: UUID, at: datetime) -> str | None:
    """Go on for another organisation under a new cookie, whose value it gives. None: the session is over.

    How long it may last is counted from the sign-in still.
    """
    ended = session.execute(
        update(WebSession)
        .where(WebSession.id_hash == id_hash, WebSession.ended_at.is_(None))
        .values(ended_at=at)
        .returning(WebSession.user_id, WebSession.created_at, WebSession.second_factor_at)
    ).one_or_none()
    if ended is None:
        return None
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.execute(
        insert(WebSession).values(
            id_hash=cookie_hash(token),
            user_id=ended.user_id,
            organisation_id=organisation_id,
            created_at=ended.created_at,
            last_seen_at=at,
            second_factor_at=ended.second_factor_at,
            wrong_codes=0,
        )
    )
    return token


def end_session(session: Session, id_hash: bytes, at: datetime) -> None:
    """The cookie opens nothing from the next request on."""
    live = update(WebSession).where(WebSession.id_hash == id_hash, WebSession.ended_at.is_(None))
    session.execute(live.values(ended_at=at))


def end_all_sessions(session: Session, user_id: UUID, at: datetime) -> None:
    """End every session of an account, and its calendar link, which would go on reading without any."""
    live = update(WebSession).where(WebSession.user_id == user_id, WebSession.ended_at.is_(None))
    session.execute(live.values(ended_at=at))
    session.execute(delete(CalendarLink).where(CalendarLink.user_id == user_id))


def look_up_session(
    token: str,
    *,
    limits: SessionLimits,
    actor: Actor,
    at: datetime,
    keeps_alive: bool = True,
    is_page: bool = False,
) -> LiveSession | None:
    """The session that a cookie stands for, with its account read afresh. None: it is over, or never was.

    Not `keeps_alive`: a page that asks by itself is nobody at the desk. `is_page`: what is read next may be read in
    the same transaction.
    """
    with transaction(actor) as session:
        row = session.execute(_SESSION_AND_ACCOUNT, {"id_hash": cookie_hash(token)}).one_or_none()
        if row is None:
            return None
        stage = _stage(row, limits)
        if _is_over(row, stage, limits, at) or _has_left(row):
            return None
        use_wordings(session, row.lists_stamp)
        if keeps_alive and at - row.last_seen_at >= SEEN_EVERY:
            seen = update(WebSession).where(WebSession.id_hash == row.id_hash, WebSession.last_seen_at < at)
            session.execute(seen.values(last_seen_at=at))
        # Not for a provider: what it may see ends with the access, counted from the beginning of the transaction.
        elif is_page and row.role not in PROVIDER_ROLES:
            leave_transaction_open(session)
    return _session_of(row, stage)


def look_up_lapsed_session(
    token: str, *, limits: SessionLimits, actor: Actor, at: datetime
) -> LiveSession | None:
    """The session of a cookie that was wholly signed in and ran out by time, at most `LAPSED_FOR` since it was used.

    None for one that still lives, and for one that was ended: signed out, taken away, or of a disabled account.
    """
    with transaction(actor) as session:
        row = session.execute(_SESSION_AND_ACCOUNT, {"id_hash": cookie_hash(token)}).one_or_none()
    if row is None or _has_left(row) or at - row.last_seen_at > LAPSED_FOR:
        return None
    stage = _stage(row, limits)
    if stage is not SessionStage.FULL or not _is_over(row, stage, limits, at):
        return None
    return _session_of(row, stage)


def _session_of(row: Any, stage: SessionStage) -> LiveSession:
    return LiveSession(
        id_hash=row.id_hash,
        stage=stage,
        user_id=row.user_id,
        organisation_id=row.organisation_id,
        organisation_name=row.organisation_name,
        email=row.email,
        name=row.name,
        # A membership says what an account of a provider does there; it makes no other account one.
        role=row.member_role if row.member_role and row.role in PROVIDER_ROLES else row.role,
        organisations=row.organisations,
    )


def _only_organisation(user_id: UUID) -> Any:
    """The provider of an account that works for one; null for any other."""
    chosen = func.array_agg(Membership.organisation_id)
    return (
        select(chosen[literal_column("1")])
        .where(Membership.user_id == user_id, Membership.ended_at.is_(None))
        .having(func.count() == literal_column("1"))
        .scalar_subquery()
    )


_LIVE = named_alias(Membership, "live")
# One that a release before this began names no organisation: it is the account's own, unless there is a choice.
_ORGANISATION = func.coalesce(
    WebSession.organisation_id, case((User.role.in_(PROVIDER_ROLES), User.organisation_id))
)
_SESSION_AND_ACCOUNT = (
    select(
        WebSession.id_hash,
        WebSession.created_at,
        WebSession.last_seen_at,
        WebSession.second_factor_at,
        WebSession.organisation_id.label("chosen_organisation_id"),
        User.id.label("user_id"),
        Organisation.id.label("organisation_id"),
        User.email,
        User.name,
        User.role,
        User.totp_confirmed_at,
        User.starting_password_until,
        Membership.role.label("member_role"),
        select(func.count())
        .select_from(_LIVE)
        .where(_LIVE.user_id == User.id, _LIVE.ended_at.is_(None))
        .scalar_subquery()
        .label("organisations"),
        Organisation.name.label("organisation_name"),
        # Which wordings of the kept lists hold: read here, so that no page costs a statement more for it.
        select(ListEntryChange.id)
        .order_by(ListEntryChange.id.desc())
        .limit(literal_column("1"))
        .scalar_subquery()
        .label("lists_stamp"),
    )
    .join(User, User.id == WebSession.user_id)
    .outerjoin(
        Membership,
        and_(
            Membership.user_id == User.id,
            Membership.ended_at.is_(None),
            Membership.organisation_id == _ORGANISATION,
        ),
    )
    .join(Organisation, Organisation.id == func.coalesce(Membership.organisation_id, User.organisation_id))
    .where(
        WebSession.id_hash == bindparam("id_hash"),
        WebSession.ended_at.is_(None),
        User.disabled_at.is_(None),
        User.contact_service_id.is_(None),
    )
)


def _stage(row: Any, limits: SessionLimits) -> SessionStage:
    if limits.second_factor and row.second_factor_at is None:
        return SessionStage.CODE if row.totp_confirmed_at is not None else SessionStage.SET_UP_CODE
    if row.starting_password_until is not None:
        return SessionStage.NEW_PASSWORD
    if row.role in PROVIDER_ROLES and not _knows_organisation(row):
        return SessionStage.ORGANISATION
    return SessionStage.FULL


def _knows_organisation(row: Any) -> bool:
    """Whether it is clear for which provider this session is: a live one, and chosen where there are several."""
    return row.member_role is not None and (row.organisations == 1 or row.chosen_organisation_id is not None)


def _has_left(row: Any) -> bool:
    """Whether the account is a provider's and works for none any more."""
    return row.role in PROVIDER_ROLES and not row.organisations


def _is_over(row: Any, stage: SessionStage, limits: SessionLimits, at: datetime) -> bool:
    if stage is not SessionStage.FULL and at - row.created_at > HALF_SIGNED_IN_FOR:
        return True
    return bool(at - row.created_at > limits.absolute or at - row.last_seen_at > limits.idle)
