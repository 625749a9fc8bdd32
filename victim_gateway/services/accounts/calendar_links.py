"""Private links to a calendar of what is due: made, replaced, taken back, and read without a session."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.actors import DATABASE_ROLES, Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import GatewayError, NotAllowed, NotFound
from victim_gateway.models import CalendarLink, User
from victim_gateway.queries.referrals.court_and_review import OwnVideoLink, own_video_links
from victim_gateway.queries.referrals.due_days import DueDay, own_due_days
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.submissions import claim_submission

SECRET_BYTES = 32
READ_EVERY = timedelta(seconds=20)


class CalendarReadTooOften(GatewayError):
    """The calendar asked again too soon; it may ask a little later."""

    code = "calendar.too-often"
    status = 429

    def __init__(self) -> None:
        super().__init__("This calendar was read a moment ago. Ask again in a minute.")


@dataclass(frozen=True, slots=True)
class CalendarLinkState:
    """Whether an account has a link, and when a calendar last read it."""

    made_at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReadCalendar:
    """What a calendar shows: the days of the next steps, and the video links to come."""

    days: tuple[DueDay, ...]
    video_links: tuple[OwnVideoLink, ...]


def own_calendar_link(session: Session, actor: Actor) -> CalendarLinkState | None:
    """The actor's link, without its secret, which is kept nowhere."""
    row = session.execute(
        select(CalendarLink.made_at, CalendarLink.read_at).where(CalendarLink.user_id == actor.user_id)
    ).one_or_none()
    return None if row is None else CalendarLinkState(row.made_at, row.read_at)


def make_calendar_link(command: Command) -> str:
    """A new secret for the actor, to be shown once; an older link ends with it.

    Raises NotAllowed for an account that has no work list, and AlreadyDone for the same form again.
    """
    if command.actor.user_id is None or not is_permitted(command.actor.role, Permission.VIEW_WORK):
        raise NotAllowed("Only an account with a list of work can have a calendar.")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    values = {"secret_hash": _hash(secret), "made_at": command.at, "read_at": None}
    with transaction(command.actor) as session:
        claim_submission(session, command)
        session.execute(
            insert(CalendarLink)
            .values(user_id=command.actor.user_id, **values)
            .on_conflict_do_update(index_elements=[CalendarLink.user_id], set_=values)
        )
        record_audit(session, "calendar_link.made", subject_type="user", subject_id=command.actor.user_id)
    return secret


def revoke_calendar_link(command: Command) -> None:
    """End the actor's link at once; without one nothing happens."""
    user_id = command.actor.user_id
    with transaction(command.actor) as session:
        claim_submission(session, command)
        gone = session.execute(
            delete(CalendarLink).where(CalendarLink.user_id == user_id).returning(CalendarLink.user_id)
        )
        if gone.first() is not None:
            record_audit(session, "calendar_link.revoked", subject_type="user", subject_id=user_id)


def read_calendar(secret: str, *, address: str | None, at: datetime) -> ReadCalendar:
    """What is due, and the video links to come, of the account whose link this is, read with that account's rights.

    Raises NotFound for a secret that is wrong or was replaced, and for an account that is disabled or has no list of
    work any more: one answer for all. Raises CalendarReadTooOften for a link that was read a moment ago.
    """
    reader = _find_reader(secret, address, at)
    with transaction(reader) as session:
        days, video_links = own_due_days(session, reader), own_video_links(session, reader, at=at)
        record_audit(
            session,
            "calendar.read",
            subject_type="user",
            subject_id=reader.user_id,
            shown=len(days) + len(video_links),
        )
    return ReadCalendar(days, video_links)


def _find_reader(secret: str, address: str | None, at: datetime) -> Actor:
    with transaction(Actor.signing_in(address)) as session:
        is_link = CalendarLink.secret_hash == _hash(secret)
        user = session.execute(
            select(User.id, User.name, User.role, User.organisation_id)
            .join(CalendarLink, CalendarLink.user_id == User.id)
            .where(is_link, User.disabled_at.is_(None))
        ).one_or_none()
        if user is None or not is_permitted(user.role, Permission.VIEW_WORK):
            raise NotFound
        _claim_reading(session, user.id, at)
    return Actor(DATABASE_ROLES[user.role], user.name, user.id, user.organisation_id, user.role, address)


def _claim_reading(session: Session, user_id: UUID, at: datetime) -> None:
    rested = or_(CalendarLink.read_at.is_(None), CalendarLink.read_at <= at - READ_EVERY)
    claimed = session.execute(
        update(CalendarLink)
        .where(CalendarLink.user_id == user_id, rested)
        .values(read_at=at)
        .returning(CalendarLink.user_id)
    )
    if claimed.first() is None:
        raise CalendarReadTooOften


def _hash(secret: str) -> bytes:
    # 256 random bits: nothing to guess that a slow hash would have to protect.
    return hashlib.sha256(secret.encode()).digest()
