"""Signed-in browsers: rows that are looked up, with their account, at every request."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, literal_column, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.kept_wordings import use_wordings
from victim_gateway.database.transaction import leave_transaction_open, transaction
from victim_gateway.models import CalendarLink, ListEntryChange, Organisation, User, WebSession
from victim_gateway.vocabulary import DatabaseRole, Role

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
    FULL = "full"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session may last, and whether it needs a second factor."""

    idle: timedelta
    absolute: timedelta
    second_factor: bool


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A live session and its account as they are at this moment."""

    id_hash: bytes
    stage: SessionStage
    user_id: UUID
    organisation_id: UUID
    organisation_name: str
    email: str
    name: str
    role: Role

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
    """A new session; gives the cookie's value, which is kept nowhere else."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.execute(
        insert(WebSession).values(
            id_hash=cookie_hash(token),
            user_id=user_id,
            created_at=at,
            last_seen_at=at,
            second_factor_at=second_factor_at,
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
        if _is_over(row, stage, limits, at):
            return None
        use_wordings(session, row.lists_stamp)
        if keeps_alive and at - row.last_seen_at >= SEEN_EVERY:
            seen = update(WebSession).where(WebSession.id_hash == row.id_hash, WebSession.last_seen_at < at)
            session.execute(seen.values(last_seen_at=at))
        # Not for a provider: what it may see ends with the access, counted from the beginning of the transaction.
        elif is_page and row.role is not Role.PROVIDER:
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
    if row is None or at - row.last_seen_at > LAPSED_FOR:
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
        role=row.role,
    )


_SESSION_AND_ACCOUNT = (
    select(
        WebSession.id_hash,
        WebSession.created_at,
        WebSession.last_seen_at,
        WebSession.second_factor_at,
        User.id.label("user_id"),
        User.organisation_id,
        User.email,
        User.name,
        User.role,
        User.totp_confirmed_at,
        User.starting_password_until,
        Organisation.name.label("organisation_name"),
        # Which wordings of the kept lists hold: read here, so that no page costs a statement more for it.
        select(ListEntryChange.id)
        .order_by(ListEntryChange.id.desc())
        .limit(literal_column("1"))
        .scalar_subquery()
        .label("lists_stamp"),
    )
    .join(User, User.id == WebSession.user_id)
    .join(Organisation, Organisation.id == User.organisation_id)
    .where(
        WebSession.id_hash == bindparam("id_hash"),
        WebSession.ended_at.is_(None),
        User.disabled_at.is_(None),
    )
)


def _stage(row: Any, limits: SessionLimits) -> SessionStage:
    if limits.second_factor and row.second_factor_at is None:
        return SessionStage.CODE if row.totp_confirmed_at is not None else SessionStage.SET_UP_CODE
    if row.starting_password_until is not None:
        return SessionStage.NEW_PASSWORD
    return SessionStage.FULL


def _is_over(row: Any, stage: SessionStage, limits: SessionLimits, at: datetime) -> bool:
    if stage is not SessionStage.FULL and at - row.created_at > HALF_SIGNED_IN_FOR:
        return True
    return bool(at - row.created_at > limits.absolute or at - row.last_seen_at > limits.idle)
