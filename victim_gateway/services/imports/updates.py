"""A referral that the force sends again with other values: what changed is taken over and recorded.

What a caseworker has since corrected is never overwritten: it raises a task for a person instead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from victim_gateway import sealing, times
from victim_gateway.feeds.facts import ReferralFacts, facts_of
from victim_gateway.feeds.problems import Accepted, Problem
from victim_gateway.feeds.referrals import ReferralRow, parse_row
from victim_gateway.models import CaseEvent, CaseFacts, ImportBatch, ImportRow, Referral, Task
from victim_gateway.services.events import times_voided
from victim_gateway.services.holding import held_reason
from victim_gateway.services.imports.batches import Batch
from victim_gateway.services.imports.known import KnownPerson, PeopleOfPiece
from victim_gateway.services.imports.rows import (
    event_row,
    facts_columns,
    kept_row,
    referral_columns,
    referral_document,
)
from victim_gateway.transactions import blind_index, record_audit, settings
from victim_gateway.transitions import REFERRAL_TRANSITIONS
from victim_gateway.vocabulary import EventKind, HeldReason, ImportKind, ReferralState, RowOutcome, TaskKind

# Columns of the feed whose field in the record has another name.
FIELD_OF_COLUMN = {"consent_to_referral": "police_consent", "outcome": "police_outcome"}


def apply_update(
    session: Session, batch: Batch, row: ReferralRow, warnings: Collection[Problem], content_hash: bytes
) -> UUID:
    """Take over the changes of one row and give the referral's id; its clocks are the caller's to refresh."""
    index = blind_index(session)
    referral = session.scalars(
        select(Referral).where(Referral.feed_reference == row.feed_reference).with_for_update()
    ).one()
    people = PeopleOfPiece(session, index, batch.imported_at)
    people.load(hashes=set(), ids={referral.person_id})
    person = people.by_id(referral.person_id)
    before = _previous_raw(session, referral.id, person.key)
    changed = _changed_columns(before, row.raw)
    corrected = {name for name in changed if FIELD_OF_COLUMN.get(name, name) in referral.corrected_fields}
    kept_back = corrected | {name for name in changed if name in person.corrected}
    _take_over(referral, person, row, warnings, index_columns=referral_columns(row, index), keep=corrected)
    person.learn(row, batch.imported_at, referral.id, changed=changed)
    people.save()
    people.save_consents()
    must_tell = kept_back | _rehold(referral, person)
    session.flush()
    _take_over_facts(session, batch, referral.id, row, before)
    story = event_row(
        batch,
        row.number,
        referral.id,
        "referral.updated_by_feed",
        kind=EventKind.STORY,
        occurred_at=batch.imported_at,
        recorded_at=batch.imported_at,
        details={"fields": sorted(changed - kept_back), "not_applied": sorted(kept_back)},
    )
    session.execute(insert(CaseEvent).values(**story))
    kept = kept_row(
        batch,
        row,
        RowOutcome.UPDATED,
        content_hash=content_hash,
        warnings=warnings,
        referral_id=referral.id,
        key_id=person.key_id,
        key=person.key,
        changed_fields=changed,
    )
    session.execute(insert(ImportRow).values(**kept))
    _open_tasks(session, batch, referral.id, person, must_tell)
    record_audit(
        session,
        "referral.updated_by_feed",
        subject_type="referral",
        subject_id=referral.id,
        person_id=person.id,
        batch=batch.number,
        row=row.number,
        fields=sorted(changed),
    )
    return referral.id


def _previous_raw(session: Session, referral_id: UUID, key: bytes) -> Mapping[str, str]:
    """The row as the feed gave it last time; nothing for a referral that was recorded by hand."""
    sealed = session.scalars(
        select(ImportRow.sealed)
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(ImportRow.referral_id == referral_id, ImportRow.outcome != RowOutcome.SET_ASIDE)
        .order_by(ImportBatch.number.desc(), ImportRow.row_number.desc())
        .limit(1)
    ).first()
    if sealed is None:
        return {}
    raw: Mapping[str, str] = sealing.unseal(key, "import_row", referral_id, sealed)
    return raw


def _changed_columns(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    names = before.keys() | after.keys()
    return {name for name in names if before.get(name, "").strip() != after.get(name, "").strip()}


def _take_over(
    referral: Referral,
    person: KnownPerson,
    row: ReferralRow,
    warnings: Collection[Problem],
    *,
    index_columns: Mapping[str, Any],
    keep: Collection[str],
) -> None:
    kept_fields = {FIELD_OF_COLUMN.get(name, name) for name in keep} | set(referral.corrected_fields)
    for name, value in index_columns.items():
        if name.removesuffix("_hash") not in kept_fields:
            setattr(referral, name, value)
    document = sealing.unseal(person.key, "referral", referral.id, referral.sealed)
    fresh = referral_document(row, warnings)
    merged = {name: value for name, value in document.items() if name in kept_fields} | {
        name: value for name, value in fresh.items() if name not in kept_fields
    }
    referral.sealed = sealing.seal(person.key, "referral", referral.id, merged)
    referral.version += 1


def _rehold(referral: Referral, person: KnownPerson) -> frozenset[str]:
    """Where nobody works on it yet, what the force now says decides whether anybody may.

    Where somebody does, only a no that is news stops them. Gives the columns that a person must be told of.
    """
    if (
        referral.state not in (ReferralState.RECEIVED, ReferralState.HELD)
        or referral.assigned_to_id is not None
    ):
        return _stop_work(referral, person)
    held = held_reason(
        agreed=person.consent,
        domestic_abuse=referral.domestic_abuse,
        victim_type=referral.victim_type,
        has_contact=any(person.document.get(name) for name in ("phone", "email", "address_line_1")),
    )
    if held and referral.state is ReferralState.RECEIVED:
        referral.move_to(ReferralState.HELD)
    elif not held and referral.state is ReferralState.HELD:
        referral.move_to(ReferralState.RECEIVED)
    referral.held_reason = held
    return frozenset()


def _stop_work(referral: Referral, person: KnownPerson) -> frozenset[str]:
    is_refused = person.new_consent is not None and not person.new_consent["agreed"]
    if not is_refused or referral.state in (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR):
        return frozenset()
    if ReferralState.HELD in REFERRAL_TRANSITIONS[referral.state]:
        referral.move_to(ReferralState.HELD)
    if referral.state is ReferralState.HELD:
        referral.held_reason = HeldReason.CONSENT_REFUSED
    return frozenset({"consent_to_referral"})


def _take_over_facts(
    session: Session, batch: Batch, referral_id: UUID, row: ReferralRow, before: Mapping[str, str]
) -> None:
    """Append a new facts row where the feed's part changed, and correct events whose moment changed."""
    new = facts_of(row, imported_at=batch.imported_at, with_history=batch.history)
    old = _facts_of_previous(before, row.number, batch)
    latest = session.scalars(
        select(CaseFacts)
        .where(CaseFacts.referral_id == referral_id)
        .order_by(CaseFacts.recorded_at.desc(), CaseFacts.sequence.desc())
        .limit(1)
    ).one()
    told = facts_columns(new, row, settings().area.observers)
    told["enhanced"] = _enhanced(latest.enhanced, old, told["enhanced"])
    told["conditions"] = _conditions(latest.conditions, old, told["conditions"])
    if any(getattr(latest, name) != value for name, value in told.items()):
        session.execute(
            insert(CaseFacts).values(
                id=uuid4(),
                referral_id=referral_id,
                recorded_at=max(new.recorded_at, latest.recorded_at),
                declined=latest.declined,
                withheld=latest.withheld,
                cancelled_at=latest.cancelled_at,
                **told,
            )
        )
    _correct_events(session, batch, referral_id, row, old, new)


def _facts_of_previous(before: Mapping[str, str], number: int, batch: Batch) -> ReferralFacts | None:
    parsed = parse_row(before, number=number, imported_at=batch.imported_at) if before else None
    if not isinstance(parsed, Accepted):
        return None
    return facts_of(parsed.row, imported_at=batch.imported_at, with_history=batch.history)


def _enhanced(
    held: Collection[Mapping[str, Any]], old: ReferralFacts | None, told: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What the feed says now, beside what a triage assessment found."""
    from_feed = {(fact.category, fact.from_on.isoformat()) for fact in old.enhanced} if old else set()
    kept = [dict(item) for item in held if (item["category"], item["from"]) not in from_feed]
    return kept + [item for item in told if item not in kept]


def _conditions(
    held: Mapping[str, bool], old: ReferralFacts | None, told: Mapping[str, bool]
) -> dict[str, bool]:
    from_feed = set(old.conditions) if old else set()
    return {**{name: value for name, value in held.items() if name not in from_feed}, **told}


def _correct_events(
    session: Session,
    batch: Batch,
    referral_id: UUID,
    row: ReferralRow,
    old: ReferralFacts | None,
    new: ReferralFacts,
) -> None:
    """An event whose moment the force has changed is voided and told anew; nothing is edited."""
    told_before = {fact.event: fact for fact in old.events} if old else {}
    # The import itself stood in for a blank transfer time, so a later import's time is not news.
    if row.transferred_at is None:
        told_before.pop("referred_to_support_service", None)
    for fact in new.events:
        if fact.event == "referred_to_support_service" and row.transferred_at is None:
            continue
        earlier = told_before.get(fact.event)
        if earlier is not None and earlier.occurred_at == fact.occurred_at:
            continue
        if earlier is not None:
            _void(session, batch, referral_id, row.number, fact.event, known_at=new.recorded_at)
        values = event_row(
            batch,
            row.number,
            referral_id,
            fact.event,
            kind=EventKind.CODE,
            occurred_at=fact.occurred_at,
            recorded_at=fact.recorded_at,
        )
        values["told_again"] = times_voided(referral_id, fact.event, fact.occurred_at)
        session.execute(upsert(CaseEvent).values(**values).on_conflict_do_nothing())
    if "written_acknowledgement_sent" in told_before and row.acknowledged_at is None:
        _void(
            session,
            batch,
            referral_id,
            row.number,
            "written_acknowledgement_sent",
            known_at=new.recorded_at,
        )


def _void(
    session: Session, batch: Batch, referral_id: UUID, number: int, event: str, *, known_at: datetime
) -> None:
    """Take back what the police feed told, from `known_at` on.

    What a case-events feed or a person recorded of the same name is a statement of its own and stays.
    """
    voided = select(CaseEvent.voids_id).where(
        CaseEvent.referral_id == referral_id, CaseEvent.voids_id.is_not(None)
    )
    wrong = session.execute(
        select(CaseEvent.id, CaseEvent.recorded_at)
        .join(ImportBatch, ImportBatch.id == CaseEvent.import_batch_id)
        .where(
            CaseEvent.referral_id == referral_id,
            CaseEvent.event == event,
            CaseEvent.voids_id.is_(None),
            ImportBatch.kind == ImportKind.POLICE_FEED,
            CaseEvent.id.not_in(voided),
        )
    ).all()
    for item in wrong:
        values = event_row(
            batch,
            number,
            referral_id,
            "event_voided",
            kind=EventKind.CODE,
            occurred_at=batch.imported_at,
            recorded_at=max(item.recorded_at, known_at),
            voids_id=item.id,
        )
        session.execute(insert(CaseEvent).values(**values))


def _open_tasks(
    session: Session, batch: Batch, referral_id: UUID, person: KnownPerson, kept_back: Collection[str]
) -> None:
    wanted = []
    if kept_back:
        wanted.append((TaskKind.FEED_CONFLICT, f"feed-conflict:{referral_id}", {"fields": sorted(kept_back)}))
    if person.must_ask:
        wanted.append((TaskKind.SAFE_CONTACT_CHECK, f"safe-contact:{person.id}", {}))
    for kind, key, details in wanted:
        session.execute(
            upsert(Task)
            .values(
                id=uuid4(),
                kind=kind,
                referral_id=referral_id,
                dedupe_key=key,
                details=details,
                created_at=batch.imported_at,
                due_on=times.london_date(batch.imported_at),
            )
            .on_conflict_do_nothing()
        )
