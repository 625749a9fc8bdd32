"""Write the new referrals of a chunk with their people, facts, events and tasks, each set-wise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.models import CaseEvent, CaseFacts, ImportRow, Referral, Task
from victim_gateway.queries.people.identity_weighing import proposing_weights
from victim_gateway.rules.hold import reasons_to_hold
from victim_gateway.rules.step_dates import risk_band
from victim_gateway.services.imports import consent_refusals, past_cases
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.case_events import retry_waiting_events
from victim_gateway.services.imports.conflicts import (
    conflict_row,
    open_conflicts,
    open_reference_conflicts,
    reference_conflict_row,
)
from victim_gateway.services.imports.expected_dates import expected_due_on
from victim_gateway.services.imports.identity_candidates import (
    NewIdentity,
    ProposedPerson,
    propose_same_people,
)
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.new_adults import hand_over_new_adults
from victim_gateway.services.imports.people_loader import PeopleLoader
from victim_gateway.services.imports.prepared_row import PreparedRow, used_row_values
from victim_gateway.services.imports.row_mapping import (
    ImportedEvent,
    case_event_values,
    facts_columns,
    referral_document,
)
from victim_gateway.services.people.restricted_access import copy_access_list
from victim_gateway.services.referrals.reference_numbers import allocate_references
from victim_gateway.services.shared import referral_holds
from victim_gateway.services.shared.tasks import new_task_values, safe_contact_check_key
from victim_gateway.times import london_date
from victim_gateway.vocabulary import (
    PROTECTIVE_COLUMNS,
    CloseOutcome,
    EventKind,
    HeldReason,
    NextAction,
    ReferralSource,
    ReferralState,
    Risk,
    RowOutcome,
    TaskKind,
    WaitingOn,
)


@dataclass
class _NewReferral:
    """A referral about to be written. `contradicted` names the corrected fields that the row contradicts.

    `reference_owner` is the other person to whom the force's reference of this one belongs.
    """

    incoming: PreparedRow
    person: ImportedPerson
    must_ask: bool
    held_reasons: tuple[HeldReason, ...]
    contradicted: frozenset[str]
    reference_owner: ImportedPerson | None = None
    is_over: bool = False
    """Whether the case is a past one, which is left closed (`past_cases.py`)."""

    @property
    def referral_id(self) -> UUID:
        return self.incoming.referral_id

    @property
    def received_at(self) -> datetime:
        return self.incoming.facts.recorded_at

    def leave_closed(self) -> None:
        """Nothing waits for this case. What guards its person stays: `must_ask` and `contradicted`."""
        self.is_over, self.held_reasons = True, ()


@dataclass(frozen=True, slots=True)
class WrittenReferrals:
    """The referrals to bring up to date, and how many of the new ones are held."""

    touched: frozenset[UUID] = frozenset()
    held: int = 0


def write_new_referrals(
    session: Session, batch: RunningBatch, incoming: Sequence[PreparedRow]
) -> WrittenReferrals:
    """Write people, referrals, facts, events and tasks of new rows, each with one statement."""
    if not incoming:
        return WrittenReferrals()
    people = PeopleLoader(session, current_blind_index(session), batch)
    hashes = {item.new_person.victim_reference_hash for item in incoming}
    people.load(hashes={value for value in hashes if value is not None}, ids=set())
    new = [_new_referral(item, people, batch) for item in incoming]
    weights = proposing_weights(session)
    proposals = propose_same_people(session, _new_identities(session, new), weights=weights)
    for number in past_cases.find_past_cases(session, batch, [_case_of(item, proposals) for item in new]):
        new[number].leave_closed()
    people.save()
    references = allocate_references(session, [item.received_at for item in new])
    # A person is compared once, by a task on the first of their new referrals: the others do not wait for it.
    compared = dict(proposals)
    tasks = {
        item.referral_id: _task_rows(item, compared.pop(item.person.id, ()), batch.imported_at)
        for item in new
    }
    rows = [
        _referral_row(item, reference, batch, tasks[item.referral_id])
        for item, reference in zip(new, references, strict=True)
    ]
    bulk_insert.insert_rows(session, Referral, rows)
    restricted = [item.referral_id for item in new if item.person.restricted]
    copy_access_list(session, restricted, at=batch.imported_at)
    people.save_consents()
    bulk_insert.insert_rows(session, CaseFacts, [_facts_row(item) for item in new], with_new_ids=True)
    events = [row for item in new for row in _event_rows(item, batch)]
    bulk_insert.insert_rows(session, CaseEvent, events, with_new_ids=True)
    bulk_insert.insert_rows(
        session,
        ImportRow,
        [
            used_row_values(
                batch,
                item.incoming,
                RowOutcome.IMPORTED,
                referral_id=item.referral_id,
                key_id=item.person.key_id,
                sealed=item.incoming.sealed_raw,
            )
            for item in new
        ],
    )
    bulk_insert.insert_rows(
        session,
        Task,
        [row for task_rows in tasks.values() for row in task_rows],
        on_conflict="ON CONFLICT DO NOTHING",
    )
    for item in new:
        record_audit(
            session,
            "referral.imported",
            subject_type="referral",
            subject_id=item.referral_id,
            person_id=item.person.id,
            batch=batch.number,
            row=item.incoming.row.number,
        )
    retry_waiting_events(session, batch, {item.incoming.row.feed_reference: item.referral_id for item in new})
    _open_decisions(session, batch, new)
    stopped = consent_refusals.hold_refused_referrals(session, batch, people.all_people())
    with_new_referral = {item.person.id for item in new}
    hand_over_new_adults(session, batch, people.all_people(), with_new_referral=with_new_referral)
    held = sum(row["state"] is ReferralState.HELD for row in rows)
    return WrittenReferrals(frozenset(stopped | {item.referral_id for item in new}), held)


def _open_decisions(session: Session, batch: RunningBatch, new: Sequence[_NewReferral]) -> None:
    """Open a task for each referral with a value that a person must decide about, or a person to compare."""
    undecided = {
        item.referral_id: item.contradicted
        | (frozenset() if item.is_over else item.incoming.row.unread & PROTECTIVE_COLUMNS)
        for item in new
    }
    open_conflicts(
        session,
        [conflict_row(batch, referral_id, columns) for referral_id, columns in undecided.items() if columns],
    )
    open_reference_conflicts(
        session,
        [
            reference_conflict_row(batch, item.referral_id, item.incoming, item.reference_owner)
            for item in new
            if item.reference_owner is not None
        ],
    )


def _new_referral(item: PreparedRow, people: PeopleLoader, batch: RunningBatch) -> _NewReferral:
    person, reference_owner = people.for_row(item)
    # Of the person as known by this row: a later one of the same file may add to their document.
    facts = referral_holds.hold_facts(
        item.columns,
        person.document,
        referral_document(item.row),
        agreed=person.consent,
        on=london_date(batch.imported_at),
    )
    return _NewReferral(
        item,
        person,
        person.must_ask,
        reasons_to_hold(facts),
        person.corrections_contradicted_by(item.new_person),
        reference_owner,
    )


def _case_of(item: _NewReferral, proposals: Mapping[UUID, Sequence[ProposedPerson]]) -> past_cases.NewCase:
    proposed = proposals.get(item.person.id, ())
    return past_cases.NewCase(
        item.received_at, item.person.id, frozenset(other.person_id for other in proposed)
    )


def _new_identities(session: Session, new: Sequence[_NewReferral]) -> list[NewIdentity]:
    """Each new person once, with the crime numbers of all their new referrals."""
    index = current_blind_index(session)
    identities: dict[UUID, NewIdentity] = {}
    for item in new:
        person, row = item.person, item.incoming.row
        if not person.is_new:
            continue
        crime_hash, crime_number = item.incoming.columns["crime_number_hash"], row.crime_number
        crimes = {crime_hash: crime_number} if crime_hash is not None and crime_number else {}
        known = identities.get(person.id)
        identities[person.id] = NewIdentity(
            person_id=person.id,
            document=person.document,
            hashes=person.seal(index).hashes,
            crime_numbers={**known.crime_numbers, **crimes} if known else crimes,
            force=row.force,
            victim_reference=row.victim_reference,
        )
    return list(identities.values())


def _referral_row(
    item: _NewReferral, reference: str, batch: RunningBatch, tasks: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    row, person, columns = item.incoming.row, item.person, item.incoming.columns
    reasons = item.held_reasons
    next_action = NextAction.RESOLVE_HOLD if reasons else NextAction.ASSIGN
    return {
        "id": item.referral_id,
        "reference": reference,
        "person_id": person.id,
        "source": ReferralSource.POLICE_FEED,
        "source_organisation": row.force,
        "feed_reference": row.feed_reference,
        "import_batch_id": batch.id,
        "import_row_number": row.number,
        "received_at": item.received_at,
        **columns,
        "sealed": item.incoming.sealed_referral,
        "corrected_fields": [],
        "restricted": person.restricted,
        "state": ReferralState.HELD if reasons else ReferralState.RECEIVED,
        "held_reason": reasons[0] if reasons else None,
        "held_reasons": [reason.value for reason in reasons],
        "risk": Risk.UNKNOWN,
        "next_act": next_action,
        "waiting_on": WaitingOn.GATEWAY,
        "next_due_on": expected_due_on(
            next_action,
            item.incoming.facts,
            risk_band(
                Risk.UNKNOWN,
                domestic_abuse=columns["domestic_abuse"],
                officer_grade=columns["officer_grade"],
            ),
            received_at=item.received_at,
            starts=_local_starts(item),
            task_dates=[task["due_on"] for task in tasks if task["due_on"] is not None],
        ),
        "next_since": item.received_at,
        "last_step_at": item.received_at,
        "version": 1,
        "closed_at": None,
        "outcome": None,
        **(_closed_columns(batch) if item.is_over else {}),
    }


def _closed_columns(batch: RunningBatch) -> dict[str, Any]:
    """The columns of a referral whose case is over. Its facts do not say so: when it was closed is not known here."""
    return {
        "state": ReferralState.CLOSED,
        "outcome": CloseOutcome.OTHER,
        "closed_at": batch.imported_at,
        "next_act": NextAction.NOTHING,
        "waiting_on": WaitingOn.NO_ONE,
        "next_due_on": None,
    }


def _facts_row(item: _NewReferral) -> dict[str, Any]:
    return {
        "referral_id": item.referral_id,
        "recorded_at": item.incoming.facts.recorded_at,
        "declined": [],
        "withheld": [],
        "cancelled_at": None,
        "closed_at": None,
        **facts_columns(item.incoming.facts, item.incoming.row, current_settings().area.observers),
    }


def _local_starts(item: _NewReferral) -> dict[str, datetime]:
    """The events that open clocks of the area's own standards."""
    starts = {"referral_received": item.received_at}
    if item.incoming.row.victim_type == "business":
        # From the report, as the area promises a business, however late the report reached us.
        starts["business_referral_received"] = min(item.incoming.row.reported_at, item.received_at)
    return starts


def _event_rows(item: _NewReferral, batch: RunningBatch) -> list[dict[str, Any]]:
    number, recorded_at = item.incoming.row.number, item.incoming.facts.recorded_at
    events = [
        ImportedEvent(
            item.referral_id,
            fact.event,
            EventKind.CODE,
            occurred_at=fact.occurred_at,
            recorded_at=fact.recorded_at,
            row_number=number,
        )
        for fact in item.incoming.facts.events
    ]
    events += [
        ImportedEvent(
            item.referral_id,
            event,
            EventKind.LOCAL,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            row_number=number,
            source="gateway",
        )
        for event, occurred_at in _local_starts(item).items()
    ]
    if item.is_over:
        events.append(
            ImportedEvent(
                item.referral_id,
                # Not `referral.closed`: nobody knows when it was, and figures count those by their day.
                "referral.left_closed",
                EventKind.STORY,
                occurred_at=batch.imported_at,
                recorded_at=batch.imported_at,
                row_number=number,
                source="gateway",
                details={"history": True},
                from_state=ReferralState.RECEIVED,
                to_state=ReferralState.CLOSED,
                reason_code=CloseOutcome.OTHER,
            )
        )
    return [case_event_values(batch, event) for event in events]


def _task_rows(item: _NewReferral, proposed: Sequence[ProposedPerson], at: datetime) -> list[dict[str, Any]]:
    rows = []
    person_id, referral_id = item.person.id, item.referral_id
    if item.must_ask:
        key = safe_contact_check_key(person_id)
        rows.append(new_task_values(TaskKind.SAFE_CONTACT_CHECK, referral_id, key, at=at))
    if item.held_reasons:
        rows.append(referral_holds.hold_task_values(referral_id, item.held_reasons, at=at))
    # One that is left closed is like nobody who has an open referral, or it would not be.
    if proposed and not item.is_over:
        key, details = f"same-person:{person_id}", {"people": [other.as_details() for other in proposed]}
        rows.append(new_task_values(TaskKind.POSSIBLE_SAME_PERSON, referral_id, key, at=at, details=details))
    return rows
