"""Keeping, deleting and purging drafts of forms; each is one small transaction, and none is a step of a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.crypto import SealBroken
from victim_gateway.database import advisory_locks, bulk_insert, encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import actor_of, transaction
from victim_gateway.errors import InvalidInput, NotFound
from victim_gateway.models import Draft, Person, Referral, Submission, WrappedKey
from victim_gateway.rules.drafts import KEPT_FOR, MOST_DRAFTS, Answers, DraftPlace

TABLE = "draft"
# A number of 63 bits out of a draft's random id: two drafts at once that share one merely wait for each other.
_LOCK_BITS = 0x7FFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class DraftPage:
    """The page that writes: which draft it shows, the number of its next writing, and its own number."""

    draft_id: UUID
    revision: int
    page_id: UUID


@dataclass(frozen=True, slots=True)
class KeptDraft:
    """A draft as it was kept. `is_apart`: another page had written meanwhile, so this is one of its own."""

    draft_id: UUID
    revision: int
    saved_at: datetime
    is_apart: bool = False


def keep_draft(
    actor: Actor,
    page: DraftPage,
    place: DraftPlace,
    answers: Answers,
    *,
    at: datetime,
    after_session: bool = False,
) -> KeptDraft | None:
    """Keep what was typed; None where the form was sent meanwhile, and nothing is left to keep.

    A page that wrote last, or has seen the last writing, writes the same draft again. Any other page, such as a
    second tab, gets a draft of its own: no writing takes the place of one that its author has not seen. Not audited,
    but for `after_session`: a session that had run out kept it. Raises NotFound where the referral is not, or no
    longer, the actor's to see, and InvalidInput for too many drafts.
    """
    with transaction(actor) as session:
        kept = _write_again(session, page, place, answers, at)
        if kept is None:
            kept = _begin(session, page, place, answers, at)
        if kept is not None and after_session:
            record_audit(session, "draft.kept_after_session", subject_type=TABLE, subject_id=kept.draft_id)
    return kept


def delete_draft(actor: Actor, draft_id: UUID, *, at: datetime) -> UUID | None:
    """Delete a draft of the actor's, with its key; the referral it was about. Raises NotFound."""
    with transaction(actor) as session:
        row = _take_away(session, draft_id, at)
        if row is None:
            raise NotFound
        record_audit(
            session, "draft.deleted", subject_type=TABLE, subject_id=draft_id, person_id=row.person_id
        )
        referral_id: UUID | None = row.referral_id
    return referral_id


def delete_sent_draft(session: Session, draft_id: UUID | None, *, at: datetime) -> None:
    """Delete the draft of a form that is being saved for good, in that same transaction."""
    if draft_id is None:
        return
    # A writing that was under way may not come after this.
    advisory_locks.lock_until_commit(session, draft_id.int & _LOCK_BITS)
    _take_away(session, draft_id, at)


def purge_drafts(*, actor: Actor, at: datetime) -> int:
    """Delete every draft that was not written for 90 days, with its key; how many there were."""
    with transaction(actor) as session:
        rows = session.execute(
            delete(Draft).where(Draft.saved_at < at - KEPT_FOR).returning(Draft.key_id, Draft.person_id)
        ).all()
        own_keys = [row.key_id for row in rows if row.person_id is None]
        if own_keys:
            _destroy_keys(session, own_keys, at)
        if rows:
            record_audit(session, "drafts.purged", count=len(rows))
    return len(rows)


def _write_again(
    session: Session, page: DraftPage, place: DraftPlace, answers: Answers, at: datetime
) -> KeptDraft | None:
    """The same draft with what is there now; None where there is none that this page may write."""
    row = session.execute(
        select(
            Draft.page_id,
            Draft.revision,
            Draft.saved_at,
            Draft.key_id,
            Draft.referral_id,
            Draft.service_id,
            Draft.kind,
            Referral.id.label("seen_id"),
            WrappedKey.keyring_id,
            WrappedKey.wrapped,
        )
        .join(WrappedKey, WrappedKey.id == Draft.key_id)
        .outerjoin(Referral, Referral.id == Draft.referral_id)
        .where(Draft.id == page.draft_id)
        .with_for_update(of=Draft)
    ).one_or_none()
    if row is None:
        return None
    if (row.kind, row.referral_id, row.service_id) != (place.kind, place.referral_id, place.service_id):
        return None
    if row.referral_id is not None and row.seen_id is None:
        raise NotFound
    if row.page_id == page.page_id:
        if page.revision < row.revision:
            # An older writing of the same page that was overtaken on the way.
            return KeptDraft(page.draft_id, row.revision, row.saved_at)
    elif page.revision != row.revision + 1:
        return None
    sealed = encrypted_rows.seal_row(_opened_key(row), TABLE, page.draft_id, answers)
    session.execute(
        update(Draft)
        .where(Draft.id == page.draft_id)
        .values(sealed=sealed, page_id=page.page_id, revision=page.revision, saved_at=at)
    )
    return KeptDraft(page.draft_id, page.revision, at)


def _begin(
    session: Session, page: DraftPage, place: DraftPlace, answers: Answers, at: datetime
) -> KeptDraft | None:
    advisory_locks.lock_until_commit(session, page.draft_id.int & _LOCK_BITS)
    if session.scalar(select(Submission.id).where(Submission.id == page.page_id)) is not None:
        return None
    author_id = actor_of(session).user_id
    own = select(func.count()).select_from(Draft).where(Draft.author_id == author_id)
    if (session.scalar(own) or 0) >= MOST_DRAFTS:
        raise InvalidInput(
            f"You have {MOST_DRAFTS} drafts, and no more can be kept. Send or delete some of them first."
        )
    target = _target(session, place, at)
    for draft_id in (page.draft_id, uuid4()):
        # The name may be in use: by another page of the author's, or by somebody else, of whom nothing is told.
        values = {
            "id": draft_id,
            "author_id": author_id,
            "kind": place.kind,
            "referral_id": place.referral_id,
            "service_id": place.service_id,
            "person_id": target.person_id,
            "referral_version": target.referral_version,
            "page_id": page.page_id,
            "revision": page.revision,
            "key_id": target.key_id,
            "sealed": encrypted_rows.seal_row(target.key, TABLE, draft_id, answers),
            "begun_at": at,
            "saved_at": at,
        }
        added = insert(Draft).values(values).on_conflict_do_nothing().returning(Draft.id)
        if session.scalar(added) is not None:
            return KeptDraft(draft_id, page.revision, at, is_apart=draft_id != page.draft_id)
    raise RuntimeError("a random id was taken")


@dataclass(frozen=True, slots=True)
class _DraftTarget:
    """Whom a draft is about, and the key that it is sealed with."""

    key_id: UUID
    key: bytes
    person_id: UUID | None = None
    referral_version: int | None = None


def _target(session: Session, place: DraftPlace, at: datetime) -> _DraftTarget:
    if place.referral_id is None and place.person_id is None:
        author_id = actor_of(session).user_id
        if author_id is None:
            raise NotFound
        return _DraftTarget(*encrypted_rows.new_key(session, "draft", author_id, at))
    found: Any
    columns = (Person.id, Person.key_id, WrappedKey.keyring_id, WrappedKey.wrapped)
    if place.referral_id is not None:
        found = (
            select(*columns, Referral.version)
            .join(Referral, Referral.person_id == Person.id)
            .where(Referral.id == place.referral_id)
        )
    else:
        found = select(*columns).where(Person.id == place.person_id)
    row = session.execute(
        found.join(WrappedKey, WrappedKey.id == Person.key_id).where(Person.erased_at.is_(None))
    ).one_or_none()
    if row is None:
        raise NotFound
    version = row.version if place.referral_id is not None else None
    return _DraftTarget(row.key_id, _opened_key(row), row.id, version)


def _opened_key(row: Any) -> bytes:
    try:
        return encrypted_rows.open_wrapped_key(row.key_id, row.keyring_id, row.wrapped)
    except SealBroken as error:
        # The person was erased: nothing more is written about them.
        raise NotFound from error


def _take_away(session: Session, draft_id: UUID, at: datetime) -> Any:
    row = session.execute(
        delete(Draft).where(Draft.id == draft_id).returning(Draft.key_id, Draft.person_id, Draft.referral_id)
    ).one_or_none()
    if row is not None and row.person_id is None:
        _destroy_keys(session, [row.key_id], at)
    return row


def _destroy_keys(session: Session, key_ids: list[UUID], at: datetime) -> None:
    """Empty keys that are drafts' own: what they sealed stays closed in every copy of the data."""
    chosen = bulk_insert.column_in(WrappedKey.id, set(key_ids))
    session.execute(
        update(WrappedKey).where(chosen, WrappedKey.purpose == "draft").values(wrapped=None, destroyed_at=at)
    )
