"""Drafts as their author sees them: the list, those of one form, and one opened to be gone on with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.crypto import SealBroken
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.errors import NotFound
from victim_gateway.models import Draft, Person, Referral, WrappedKey
from victim_gateway.rules.drafts import MOST_DRAFTS, Answers, DraftPlace, DraftStanding


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One draft without what was typed: which form, about which referral, when it was saved, what happened since."""

    draft_id: UUID
    place: DraftPlace
    revision: int
    saved_at: datetime
    reference: str | None
    standing: DraftStanding


@dataclass(frozen=True, slots=True)
class OpenedDraft:
    """A draft with what was typed."""

    line: DraftLine
    answers: Answers


def own_drafts(session: Session, actor: Actor) -> tuple[DraftLine, ...]:
    """Every draft of the actor's, newest first. Nothing of what was typed is opened."""
    rows = session.execute(
        _lines(Draft.author_id == actor.user_id).order_by(Draft.saved_at.desc(), Draft.id).limit(MOST_DRAFTS)
    )
    return tuple(_line(row) for row in rows)


def own_draft(session: Session, actor: Actor, draft_id: UUID) -> DraftLine:
    """One draft of the actor's, unopened. Raises NotFound."""
    row = session.execute(_lines(Draft.author_id == actor.user_id, Draft.id == draft_id)).one_or_none()
    if row is None:
        raise NotFound
    return _line(row)


def drafts_of_form(session: Session, actor: Actor, place: DraftPlace) -> tuple[DraftLine, ...]:
    """The actor's drafts of this very form, newest first."""
    same = [
        Draft.author_id == actor.user_id,
        Draft.kind == place.kind,
        Draft.referral_id.is_not_distinct_from(place.referral_id),
        Draft.service_id.is_not_distinct_from(place.service_id),
    ]
    if place.referral_id is None:
        same.append(Draft.person_id.is_not_distinct_from(place.person_id))
    rows = session.execute(_lines(*same).order_by(Draft.saved_at.desc(), Draft.id).limit(MOST_DRAFTS))
    return tuple(_line(row) for row in rows)


def open_draft(session: Session, actor: Actor, draft_id: UUID, place: DraftPlace) -> OpenedDraft:
    """A draft of this form with what was typed, which names people: audited as any other viewing.

    Raises NotFound for one that is another author's, another form's, or about somebody whom the actor may no longer
    see.
    """
    line = own_draft(session, actor, draft_id)
    if line.place != place or not line.standing.can_be_opened:
        raise NotFound
    row = session.execute(
        select(Draft.sealed, Draft.key_id, Draft.person_id, WrappedKey.keyring_id, WrappedKey.wrapped)
        .join(WrappedKey, WrappedKey.id == Draft.key_id)
        .where(Draft.id == draft_id)
    ).one()
    try:
        key = encrypted_rows.open_wrapped_key(row.key_id, row.keyring_id, row.wrapped)
        typed = encrypted_rows.unseal_row(key, "draft", draft_id, row.sealed)
    except SealBroken as error:
        raise NotFound from error
    record_audit(
        session,
        "draft.resumed",
        subject_type="draft",
        subject_id=draft_id,
        person_id=row.person_id,
        kind=place.kind,
    )
    return OpenedDraft(line, tuple((str(name), str(value)) for name, value in typed))


def _lines(*conditions: ColumnElement[bool]) -> Any:
    # What row-level security hides of referral and person is absent here too: nobody learns more from a draft.
    return (
        select(
            Draft.id,
            Draft.kind,
            Draft.referral_id,
            Draft.service_id,
            Draft.person_id,
            Draft.revision,
            Draft.referral_version,
            Draft.saved_at,
            Referral.id.label("seen_referral_id"),
            Referral.reference,
            Referral.state,
            Referral.version,
            Person.id.label("seen_person_id"),
            Person.erased_at,
        )
        .outerjoin(Referral, Referral.id == Draft.referral_id)
        .outerjoin(Person, Person.id == Draft.person_id)
        .where(*conditions)
    )


def _line(row: Any) -> DraftLine:
    is_bound = row.referral_id is not None
    return DraftLine(
        draft_id=row.id,
        place=DraftPlace(row.kind, row.referral_id, row.service_id, None if is_bound else row.person_id),
        revision=row.revision,
        saved_at=row.saved_at,
        reference=row.reference,
        standing=DraftStanding(
            is_out_of_sight=(is_bound and row.seen_referral_id is None)
            or (row.person_id is not None and row.seen_person_id is None),
            is_erased=row.erased_at is not None,
            is_changed=is_bound and row.version != row.referral_version,
            state=row.state,
        ),
    )
