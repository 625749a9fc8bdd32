"""Referrals that the force sends again with other values: what changed is taken over and recorded.

What a caseworker has since corrected is never overwritten, and one person never becomes another: it raises a
task for a person instead. What is stored is read with a fixed number of queries, then compared row by row,
then written with a fixed number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.models import CaseEvent, CaseFacts, ImportRow, Referral, Task
from victim_gateway.rules.hold import held_reason
from victim_gateway.rules.reachability import REACH_FIELDS
from victim_gateway.rules.transitions import REFERRAL_TRANSITIONS
from victim_gateway.services.imports import changed_facts, consent_refusals
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.conflicts import conflict_row, open_conflicts
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.people_loader import PeopleLoader
from victim_gateway.services.imports.prepared_row import PreparedRow, used_row_values
from victim_gateway.services.imports.row_mapping import case_event_values, referral_document
from victim_gateway.services.people.person_hashes import PERSON_FIELDS
from victim_gateway.services.shared.tasks import new_task_values, safe_contact_check_key
from victim_gateway.vocabulary import EventKind, HeldReason, ReferralState, RowOutcome, TaskKind

# Columns of the feed whose field in the record has another name.
FIELD_OF_COLUMN = {"consent_to_referral": "police_consent", "outcome": "police_outcome"}


# What the feed says of the victim, and so of nobody else.
_OF_THE_VICTIM = frozenset(
    {
        *PERSON_FIELDS,
        "victim_reference",
        "preferred_contact",
        "safe_to_contact",
        "safe_contact_note",
        "consent_to_referral",
    }
)
# The changes of a row that may end a hold; a no ends only with the person's own yes.
_ENDS_A_HOLD = {
    HeldReason.EXPLICIT_CONSENT_NEEDED: frozenset({"consent_to_referral", "domestic_abuse", "victim_type"}),
    HeldReason.NO_CONTACT_DETAILS: REACH_FIELDS,
}


@dataclass
class _Update:
    """A row about a referral that is here already. `kept_back` names the columns that must not be taken over."""

    item: PreparedRow
    referral: Referral
    person: ImportedPerson
    before: changed_facts.StoredReferral
    changed: frozenset[str]
    kept_back: frozenset[str]
    must_tell: frozenset[str]
    must_ask: bool
    state_before: ReferralState

    @property
    def taken_over(self) -> frozenset[str]:
        return self.changed - self.kept_back


def lock_referrals_of_rows(session: Session, incoming: Sequence[PreparedRow]) -> dict[str, Referral]:
    """The referrals of these rows by feed reference, locked until the end of the transaction.

    With those that a no in these rows will stop: all in one order, and before any person is locked.
    """
    references = {item.row.feed_reference for item in incoming}
    if not references:
        return {}
    told_again = session.scalars(
        select(Referral.id).where(bulk_insert.column_in(Referral.feed_reference, references))
    ).all()
    at_stake = consent_refusals.referrals_to_lock(session, incoming)
    found = session.scalars(
        select(Referral)
        .where(bulk_insert.column_in(Referral.id, {*told_again, *at_stake}))
        .order_by(Referral.id)
        .with_for_update(key_share=True)
    )
    return {referral.feed_reference: referral for referral in found if referral.feed_reference in references}


def apply_updates(session: Session, batch: RunningBatch, incoming: Sequence[PreparedRow]) -> set[UUID]:
    """Take over the changes of these rows and give the referrals touched; their clocks are the caller's to refresh."""
    referrals = lock_referrals_of_rows(session, incoming)
    touched = {referral.id for referral in referrals.values()}
    for chosen in _rounds(incoming, referrals):
        people, again = _compare(session, batch, chosen, referrals)
        _write(session, batch, again)
        touched |= consent_refusals.hold_refused_referrals(session, batch, people)
    return touched


def _rounds(
    incoming: Sequence[PreparedRow], referrals: Mapping[str, Referral]
) -> Iterator[list[PreparedRow]]:
    """The rows in order, no referral twice in a round: what the second changes stands on what the first wrote.

    Whoever has a row in a later round has all their later rows there too, in the order of the file.
    """
    waiting = list(incoming)
    while waiting:
        chosen: dict[str, PreparedRow] = {}
        later: list[PreparedRow] = []
        put_off: set[UUID] = set()
        for item in waiting:
            reference = item.row.feed_reference
            person_id = referrals[reference].person_id
            if reference in chosen or person_id in put_off:
                put_off.add(person_id)
                later.append(item)
            else:
                chosen[reference] = item
        yield list(chosen.values())
        waiting = later


def _compare(
    session: Session, batch: RunningBatch, incoming: Sequence[PreparedRow], referrals: dict[str, Referral]
) -> tuple[list[ImportedPerson], list[_Update]]:
    """Change the referrals and people in memory; people and consents are written, as both are set-wise."""
    chosen = [(item, referrals[item.row.feed_reference]) for item in incoming]
    people = PeopleLoader(session, current_blind_index(session), batch.imported_at)
    people.load(hashes=set(), ids={referral.person_id for _, referral in chosen})
    before = changed_facts.load_stored_referrals(
        session, {referral.id: people.by_id(referral.person_id).key for _, referral in chosen}
    )
    again = [
        _take_in(batch, item, referral, people.by_id(referral.person_id), before[referral.id])
        for item, referral in chosen
    ]
    people.save()
    people.save_consents()
    session.flush()
    return people.everybody(), again


def _take_in(
    batch: RunningBatch,
    item: PreparedRow,
    referral: Referral,
    person: ImportedPerson,
    before: changed_facts.StoredReferral,
) -> _Update:
    changed, state_before = before.changed_columns(item.row.raw), referral.state
    corrected = {name for name in changed if FIELD_OF_COLUMN.get(name, name) in referral.corrected_fields}
    kept_back = frozenset(corrected | {name for name in changed if name in person.corrected})
    is_about_them = not person.is_somebody_else_than(item.newcomer)
    if not is_about_them or referral.state is ReferralState.ENTERED_IN_ERROR:
        kept_back |= changed & _OF_THE_VICTIM
        is_about_them = False
    _take_over(referral, person, item, keep=kept_back)
    answers, must_ask = len(person.new_consents), False
    if is_about_them:
        person.learn(item.row, batch.imported_at, referral.id, changed=changed)
        must_ask = person.must_ask
    item.seal_under(person, referral.id)
    refused = any(not told["agreed"] for told in person.new_consents[answers:])
    must_tell = kept_back | _rehold(referral, person, changed - kept_back, refused=refused)
    return _Update(item, referral, person, before, changed, kept_back, must_tell, must_ask, state_before)


def _write(session: Session, batch: RunningBatch, again: Sequence[_Update]) -> None:
    observers = current_settings().area.observers
    facts: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for one in again:
        referral_id = one.referral.id
        old = changed_facts.previous_feed_facts(one.before, one.item, batch)
        row = changed_facts.changed_facts_row(
            one.item,
            referral_id,
            one.before,
            old,
            taken_over=one.taken_over,
            observers=observers,
            born=_born_as_corrected(one.person),
        )
        if row is not None:
            facts.append(row)
        events += changed_facts.changed_event_rows(batch, one.item, referral_id, one.before, old)
        events.append(_story(batch, one))
    bulk_insert.insert_rows(session, CaseFacts, facts, with_new_ids=True)
    bulk_insert.insert_rows(
        session, CaseEvent, events, with_new_ids=True, on_conflict="ON CONFLICT DO NOTHING"
    )
    bulk_insert.insert_rows(
        session,
        ImportRow,
        [
            used_row_values(
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
    open_conflicts(
        session, [conflict_row(batch, one.referral.id, one.must_tell) for one in again if one.must_tell]
    )
    checks = [_safe_contact_check(batch, one) for one in again if one.must_ask]
    bulk_insert.insert_rows(session, Task, checks, on_conflict="ON CONFLICT DO NOTHING")
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


def _story(batch: RunningBatch, one: _Update) -> dict[str, Any]:
    details = {"fields": sorted(one.taken_over), "not_applied": sorted(one.kept_back)}
    moved = one.referral.state is not one.state_before
    return case_event_values(
        batch,
        one.item.row.number,
        one.referral.id,
        "referral.updated_by_feed",
        kind=EventKind.STORY,
        occurred_at=batch.imported_at,
        recorded_at=batch.imported_at,
        details=details,
        told_again=0,
        from_state=one.state_before if moved else None,
        to_state=one.referral.state if moved else None,
        reason_code=one.referral.held_reason if moved else None,
    )


def _born_as_corrected(person: ImportedPerson) -> date | None:
    """The date of birth that a caseworker has corrected: the age goes by that one."""
    born = person.document.get("date_of_birth") if "date_of_birth" in person.corrected else None
    return date.fromisoformat(born) if born else None


def _take_over(
    referral: Referral, person: ImportedPerson, item: PreparedRow, *, keep: Collection[str]
) -> None:
    kept_fields = {FIELD_OF_COLUMN.get(name, name) for name in keep} | set(referral.corrected_fields)
    for name, value in item.columns.items():
        if name.removesuffix("_hash") not in kept_fields:
            setattr(referral, name, value)
    document = encrypted_rows.unseal_row(person.key, "referral", referral.id, referral.sealed)
    fresh = referral_document(item.row, item.warnings)
    merged = {name: value for name, value in document.items() if name in kept_fields} | {
        name: value for name, value in fresh.items() if name not in kept_fields
    }
    referral.sealed = encrypted_rows.seal_row(person.key, "referral", referral.id, merged)
    referral.version += 1


def _rehold(
    referral: Referral, person: ImportedPerson, taken_over: Collection[str], *, refused: bool
) -> frozenset[str]:
    """Where nobody works on it yet, what the force now says decides whether anybody may.

    Where somebody does, only a no that is news stops them; and a hold ends only by what it waited for, never
    because something else changed. Gives the columns that a person must be told of.
    """
    if (
        referral.state not in (ReferralState.RECEIVED, ReferralState.HELD)
        or referral.assigned_to_id is not None
    ):
        return _stop_work(referral) if refused else frozenset()
    wanted = held_reason(
        agreed=person.consent,
        domestic_abuse=referral.domestic_abuse,
        victim_type=referral.victim_type,
        person=person.document,
    )
    held = referral.held_reason
    if referral.state is ReferralState.RECEIVED:
        if wanted:
            referral.move_to(ReferralState.HELD)
            referral.held_reason = wanted
    elif wanted is HeldReason.CONSENT_REFUSED:
        referral.held_reason = wanted
    elif held is not None and _ENDS_A_HOLD.get(held, frozenset()) & set(taken_over):
        if not wanted:
            referral.move_to(ReferralState.RECEIVED)
        referral.held_reason = wanted
    return frozenset()


def _stop_work(referral: Referral) -> frozenset[str]:
    if referral.state in (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR):
        return frozenset()
    if ReferralState.HELD in REFERRAL_TRANSITIONS[referral.state]:
        referral.move_to(ReferralState.HELD)
    if referral.state is ReferralState.HELD:
        referral.held_reason = HeldReason.CONSENT_REFUSED
    return frozenset({"consent_to_referral"})


def _safe_contact_check(batch: RunningBatch, one: _Update) -> dict[str, Any]:
    return new_task_values(
        TaskKind.SAFE_CONTACT_CHECK,
        one.referral.id,
        safe_contact_check_key(one.person.id),
        at=batch.imported_at,
    )
