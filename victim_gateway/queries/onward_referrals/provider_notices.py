"""What a provider was told at once of its onward referrals, and who there has read it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.errors import NotFound, OnwardReferralEnded
from victim_gateway.models import NoticeReading, ProviderNotice, User
from victim_gateway.rules.provider_notices import ENDINGS
from victim_gateway.vocabulary import NoticeKind

# An ending that nobody has marked as read goes on standing there; this many are shown at once.
MOST_ENDINGS = 20


@dataclass(frozen=True, slots=True)
class NoticeEntry:
    """One notice. `fields` names what was corrected; `read_at` and `read_by` are of whoever read it first."""

    notice_id: UUID
    onward_referral_id: UUID
    reference: str
    kind: NoticeKind
    fields: tuple[str, ...]
    created_at: datetime
    due_on: date | None
    read_at: datetime | None
    read_by: str | None


def notices_of(session: Session, onward_referral_id: UUID) -> tuple[NoticeEntry, ...]:
    """Every notice of one onward referral that the reader may see, newest first."""
    return _entries(
        session,
        _notices().where(
            ProviderNotice.onward_referral_id == onward_referral_id,
            ProviderNotice.kind != NoticeKind.DECLINED,
        ),
    )


def unread_notices(
    session: Session, onward_referral_ids: Collection[UUID]
) -> dict[UUID, tuple[NoticeEntry, ...]]:
    """The notices that nobody at the provider has read, newest first, by onward referral."""
    found = (
        _entries(
            session,
            _notices().where(
                ProviderNotice.onward_referral_id.in_(onward_referral_ids), NoticeReading.read_at.is_(None)
            ),
        )
        if onward_referral_ids
        else ()
    )
    return {
        onward_id: tuple(entry for entry in found if entry.onward_referral_id == onward_id)
        for onward_id in {entry.onward_referral_id for entry in found}
    }


def unread_endings(session: Session) -> tuple[NoticeEntry, ...]:
    """What was taken back from the reader's provider, or ran out, and nobody there has read, newest first."""
    ended = ProviderNotice.kind.in_(ENDINGS)
    return _entries(session, _notices().where(ended, NoticeReading.read_at.is_(None)).limit(MOST_ENDINGS))


def undecided_declines(session: Session, on: date) -> tuple[NoticeEntry, ...]:
    """What the reader's provider declined, the Gateway has not decided about, and can still be called a mistake."""
    chosen = _notices().where(
        ProviderNotice.kind == NoticeKind.DECLINED,
        ProviderNotice.closed_at.is_(None),
        ProviderNotice.due_on >= on,
    )
    return _entries(session, chosen.limit(MOST_ENDINGS))


def refuse_ended(session: Session, onward_referral_id: UUID) -> None:
    """Raises OnwardReferralEnded where the reader was told that its onward referral was taken back or ran out.

    Without a name or a reason: a page that was open holds the person's details, and the next thing sent from it says
    plainly that they are no longer the reader's.
    """
    own = ProviderNotice.onward_referral_id == onward_referral_id
    ended = session.scalar(
        select(ProviderNotice.reference).where(own, ProviderNotice.kind.in_(ENDINGS)).limit(1)
    )
    if ended is not None:
        raise OnwardReferralEnded(ended)


def find_notice(session: Session, notice_id: UUID) -> NoticeEntry:
    """One notice of the reader's. Raises NotFound."""
    found = _entries(session, _notices().where(ProviderNotice.id == notice_id))
    if not found:
        raise NotFound
    return found[0]


def note_notices_read(session: Session, notice_ids: Iterable[UUID], *, actor: Actor, at: datetime) -> None:
    """Note that the reader has seen these notices; the first reader of each counts.

    Kept as the audit keeps who saw what, so that a page that was opened may write it.
    """
    rows = [{"notice_id": notice_id, "read_at": at, "reader_id": actor.user_id} for notice_id in notice_ids]
    if rows and actor.user_id is not None:
        session.execute(insert(NoticeReading).on_conflict_do_nothing(), rows)


def _notices() -> Select[ProviderNotice, datetime, str]:
    return (
        select(ProviderNotice, NoticeReading.read_at, User.name)
        .outerjoin(NoticeReading, NoticeReading.notice_id == ProviderNotice.id)
        .outerjoin(User, User.id == NoticeReading.reader_id)
        .order_by(ProviderNotice.created_at.desc(), ProviderNotice.id)
    )


def _entries(session: Session, statement: Select[ProviderNotice, datetime, str]) -> tuple[NoticeEntry, ...]:
    return tuple(
        NoticeEntry(
            notice_id=notice.id,
            onward_referral_id=notice.onward_referral_id,
            reference=notice.reference,
            kind=notice.kind,
            fields=tuple(notice.fields),
            created_at=notice.created_at,
            due_on=notice.due_on,
            read_at=read_at,
            read_by=name,
        )
        for notice, read_at, name in session.execute(statement)
    )
