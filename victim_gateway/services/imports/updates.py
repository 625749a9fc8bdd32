"""Referrals that the force sends again with other values: what changed is taken over and recorded.

What a caseworker has since corrected is never overwritten: it raises a task for a person instead. What is
stored is read with a fixed number of queries, then compared row by row, then written with a fixed number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import bulk, sealing, times
from victim_gateway.models import CaseEvent, CaseFacts, ImportRow, Referral, Task
from victim_gateway.services.holding import held_reason
from victim_gateway.services.imports import retelling
from victim_gateway.services.imports.batches import Batch
from victim_gateway.services.imports.incoming import Incoming, kept_row
from victim_gateway.services.imports.known import KnownPerson
from victim_gateway.services.imports.people_of_piece import PeopleOfPiece
from victim_gateway.services.imports.rows import event_row, referral_document
from victim_gateway.transactions import blind_index, record_audit, settings
from victim_gateway.transitions import REFERRAL_TRANSITIONS
from victim_gateway.vocabulary import EventKind, HeldReason, ReferralState, RowOutcome, TaskKind

# Columns of the feed whose field in the record has another name.
FIELD_OF_COLUMN = {"consent_to_referral": "police_consent", "outcome": "police_outcome"}


@dataclass
class _Again:
    """A row about a referral that is here already. `kept_back` names the columns that must not be taken over."""

    item: Incoming
    referral: Referral
    person: KnownPerson
    before: retelling.Before
    changed: frozenset[str]
    kept_back: frozenset[str]
    must_tell: frozenset[str] = frozenset()


def lock_referrals(session: Session, incoming: Sequence[Incoming]) -> dict[str, Referral]:
    """The referrals of these rows by feed reference, locked until the end of the transaction."""
    if not incoming:
        return {}
    found = session.scalars(
        select(Referral)
        .where(bulk.among(Referral.feed_reference, {item.row.feed_reference for item in incoming}))
        .order_by(Referral.id)
        .with_for_update()
    )
    return {str(referral.feed_reference): referral for referral in found}


def apply_updates(session: Session, batch: Batch, incoming: Sequence[Incoming]) -> set[UUID]:
    """Take over the changes of these rows and give the referrals' ids; their clocks are the caller's to refresh."""
    referrals = lock_referrals(session, incoming)
    for chosen in _rounds(incoming, referrals):
        again = _compare(session, batch, chosen, referrals)
        _write(session, batch, again)
    return {referral.id for referral in referrals.values()}


def _rounds(incoming: Sequence[Incoming], referrals: dict[str, Referral]) -> Iterator[list[Incoming]]:
    """The rows in order, no person twice in a round: what the second changes stands on what the first wrote."""
    waiting = list(incoming)
    while waiting:
        chosen: dict[UUID, Incoming] = {}
        later = []
        for item in waiting:
            person_id = referrals[item.row.feed_reference].person_id
            if chosen.setdefault(person_id, item) is not item:
                later.append(item)
        yield list(chosen.values())
        waiting = later


def _compare(
    session: Session, batch: Batch, incoming: Sequence[Incoming], referrals: dict[str, Referral]
) -> list[_Again]:
    """Change the referrals and people in memory; people and consents are written, as both are set-wise."""
    chosen = [(item, referrals[item.row.feed_reference]) for item in incoming]
    people = PeopleOfPiece(session, blind_index(session), batch.imported_at)
    people.load(hashes=set(), ids={referral.person_id for _, referral in chosen})
    before = retelling.load(
        session, {referral.id: people.by_id(referral.person_id).key for _, referral in chosen}
    )
    again = []
    for item, referral in chosen:
        person, stored = people.by_id(referral.person_id), before[referral.id]
        changed = stored.changed_columns(item.row.raw)
        corrected = {name for name in changed if FIELD_OF_COLUMN.get(name, name) in referral.corrected_fields}
        kept_back = frozenset(corrected | {name for name in changed if name in person.corrected})
        _take_over(referral, person, item, keep=corrected)
        person.learn(item.row, batch.imported_at, referral.id, changed=changed)
        item.seal_under(person, referral.id)
        must_tell = kept_back | _rehold(referral, person)
        again.append(_Again(item, referral, person, stored, changed, kept_back, must_tell))
    people.save()
    people.save_consents()
    session.flush()
    return again


def _write(session: Session, batch: Batch, again: Sequence[_Again]) -> None:
    observers = settings().area.observers
    facts: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for one in again:
        referral_id = one.referral.id
        old = retelling.facts_told_before(one.before, one.item, batch)
        row = retelling.facts_row(one.item, referral_id, one.before, old, observers)
        if row is not None:
            facts.append(row)
        events += retelling.event_rows(batch, one.item, referral_id, one.before, old)
        events.append(_story(batch, one))
    bulk.insert_rows(session, CaseFacts, facts, with_new_ids=True)
    bulk.insert_rows(session, CaseEvent, events, with_new_ids=True, on_conflict="ON CONFLICT DO NOTHING")
    bulk.insert_rows(
        session,
        ImportRow,
        [
            kept_row(
                batch,
                one.item,
                RowOutcome.UPDATED,
                referral_id=one.referral.id,
                key_id=one.person.key_id,
                sealed=one.item.sealed_raw,
                changed_fields=one.changed,
            )
            for one in again
        ],
    )
    tasks = [row for one in again for row in _task_rows(batch, one)]
    bulk.insert_rows(session, Task, tasks, on_conflict="ON CONFLICT DO NOTHING")
    for one in again:
        record_audit(
            session,
            "referral.updated_by_feed",
            subject_type="referral",
            subject_id=one.referral.id,
            person_id=one.person.id,
            batch=batch.number,
            row=one.item.row.number,
            fields=sorted(one.changed),
        )


def _story(batch: Batch, one: _Again) -> dict[str, Any]:
    details = {"fields": sorted(one.changed - one.kept_back), "not_applied": sorted(one.kept_back)}
    return event_row(
        batch,
        one.item.row.number,
        one.referral.id,
        "referral.updated_by_feed",
        kind=EventKind.STORY,
        occurred_at=batch.imported_at,
        recorded_at=batch.imported_at,
        details=details,
    )


def _take_over(referral: Referral, person: KnownPerson, item: Incoming, *, keep: Collection[str]) -> None:
    kept_fields = {FIELD_OF_COLUMN.get(name, name) for name in keep} | set(referral.corrected_fields)
    for name, value in item.columns.items():
        if name.removesuffix("_hash") not in kept_fields:
            setattr(referral, name, value)
    document = sealing.unseal(person.key, "referral", referral.id, referral.sealed)
    fresh = referral_document(item.row, item.warnings)
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
    is_refused = bool(person.new_consents) and not person.new_consents[-1]["agreed"]
    if not is_refused or referral.state in (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR):
        return frozenset()
    if ReferralState.HELD in REFERRAL_TRANSITIONS[referral.state]:
        referral.move_to(ReferralState.HELD)
    if referral.state is ReferralState.HELD:
        referral.held_reason = HeldReason.CONSENT_REFUSED
    return frozenset({"consent_to_referral"})


def _task_rows(batch: Batch, one: _Again) -> Iterator[dict[str, Any]]:
    wanted: list[tuple[TaskKind, str, dict[str, Any]]] = []
    if one.must_tell:
        details = {"fields": sorted(one.must_tell)}
        wanted.append((TaskKind.FEED_CONFLICT, f"feed-conflict:{one.referral.id}", details))
    if one.person.must_ask:
        wanted.append((TaskKind.SAFE_CONTACT_CHECK, f"safe-contact:{one.person.id}", {}))
    for kind, key, details in wanted:
        yield {
            "id": uuid4(),
            "kind": kind,
            "referral_id": one.referral.id,
            "dedupe_key": key,
            "details": details,
            "created_at": batch.imported_at,
            "due_on": times.london_date(batch.imported_at),
        }
