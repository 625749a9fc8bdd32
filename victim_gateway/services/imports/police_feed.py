"""One piece of a police referral feed: what is new is written set-wise, what changed one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway.crypto import fold_text
from victim_gateway.database import bulk_insert
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.feeds.problems import Problem, RejectedRow
from victim_gateway.models import (
    CaseEvent,
    CaseFacts,
    ImportBatch,
    ImportRow,
    Person,
    Referral,
    Task,
)
from victim_gateway.rules.hold import held_reason
from victim_gateway.services.imports import consent_refusals
from victim_gateway.services.imports.batches import RowCounts, RunningBatch, refresh_chunk_clocks
from victim_gateway.services.imports.case_events import retry_waiting_events
from victim_gateway.services.imports.conflicts import conflict_row, open_conflicts
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.imports.people_loader import PeopleLoader
from victim_gateway.services.imports.prepared_row import LeftAside, PreparedRow, used_row_values
from victim_gateway.services.imports.row_mapping import case_event_values, facts_columns, rejected_row_values
from victim_gateway.services.imports.row_order import group_rows_in_file_order
from victim_gateway.services.imports.updates import apply_updates, lock_referrals_of_rows
from victim_gateway.services.people.restricted_access import copy_access_list
from victim_gateway.services.referrals.reference_numbers import allocate_references
from victim_gateway.services.shared import next_action
from victim_gateway.services.shared.tasks import new_task_values, safe_contact_check_key
from victim_gateway.vocabulary import (
    EventKind,
    ImportKind,
    NextAction,
    ReferralSource,
    ReferralState,
    Risk,
    RowOutcome,
    TaskKind,
    WaitingOn,
)

OTHER_FORCE = Problem(
    "force",
    "other_force",
    "A referral with this reference came from another force. Nothing was changed; "
    "ask the two forces which of them the reference belongs to.",
)
# More than this many people of the same name and birth date prove nothing and help nobody.
MAX_SAME_PEOPLE = 5


@dataclass
class _New:
    """A referral about to be written."""

    incoming: PreparedRow
    person: ImportedPerson
    must_ask: bool
    consent: bool | None
    contradicted: frozenset[str]

    @property
    def referral_id(self) -> UUID:
        return self.incoming.referral_id

    @property
    def received_at(self) -> datetime:
        return self.incoming.facts.recorded_at


def import_referral_chunk(
    session: Session, batch: RunningBatch, piece: Sequence[PreparedRow | LeftAside]
) -> RowCounts:
    """Write one piece of the file; every row ends as imported, updated, unchanged or set aside."""
    counts = RowCounts(rows=len(piece))
    aside = [item for item in piece if isinstance(item, LeftAside)]
    incoming = [item for item in piece if isinstance(item, PreparedRow)]
    counts.set_aside = len(aside)
    bulk_insert.insert_rows(
        session, ImportRow, [rejected_row_values(batch, item.row, item.content_hash) for item in aside]
    )
    counts.warnings = sum(len(item.warnings) for item in incoming)
    news = _news(session, batch, incoming)
    counts.unchanged = len(incoming) - len(news)
    # Referrals before people, as everywhere: a caseworker who holds the one may be waiting for the other.
    held = lock_referrals_of_rows(session, news)
    news, strange = _by_force(news, held)
    counts.set_aside += len(strange)
    bulk_insert.insert_rows(session, ImportRow, [_set_aside_as_strange(batch, item) for item in strange])
    touched: set[UUID] = set()
    for turn in group_rows_in_file_order(session, news):
        counts.imported += len(turn.new)
        counts.updated += len(turn.again)
        touched |= _write_new(session, batch, turn.new)
        touched |= apply_updates(session, batch, turn.again)
    if touched:
        refresh_chunk_clocks(session, touched, batch.imported_at)
        next_action.refresh_next_many(session, sorted(touched), at=batch.imported_at)
    return counts


def _news(session: Session, batch: RunningBatch, incoming: Sequence[PreparedRow]) -> list[PreparedRow]:
    """The rows that say something else than the last one of their referral.

    A row that this very file told before, at this place, is none either, whatever came since: a file sent
    again changes nothing. An old value in another file is news: the force has gone back to it.
    """
    references = [item.row.feed_reference for item in incoming]
    last = _last_told(session, references)
    told_here = _told_by_this_file(session, batch, references)
    news = []
    for item in incoming:
        reference = item.row.feed_reference
        is_told = (reference, item.row.number, item.content_hash) in told_here
        if not is_told and last.get(reference) != item.content_hash:
            news.append(item)
        last[reference] = item.content_hash
    return news


def _last_told(session: Session, references: Sequence[str]) -> dict[str, bytes]:
    found = session.execute(
        select(ImportRow.feed_reference, ImportRow.content_hash)
        .ext(distinct_on(ImportRow.feed_reference))
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(
            bulk_insert.column_in(ImportRow.feed_reference, references),
            ImportRow.outcome != RowOutcome.SET_ASIDE,
            ImportBatch.kind == ImportKind.POLICE_FEED,
        )
        .order_by(ImportRow.feed_reference, ImportBatch.number.desc(), ImportRow.row_number.desc())
    )
    return {str(row.feed_reference): row.content_hash for row in found}


def _told_by_this_file(
    session: Session, batch: RunningBatch, references: Sequence[str]
) -> set[tuple[str, int, bytes]]:
    found = session.execute(
        select(ImportRow.feed_reference, ImportRow.row_number, ImportRow.content_hash)
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(
            bulk_insert.column_in(ImportRow.feed_reference, references),
            ImportRow.outcome != RowOutcome.SET_ASIDE,
            ImportBatch.file_sha256 == batch.sha256,
        )
    )
    return {(str(row.feed_reference), row.row_number, row.content_hash) for row in found}


def _by_force(
    incoming: Sequence[PreparedRow], held: Mapping[str, Referral]
) -> tuple[list[PreparedRow], list[PreparedRow]]:
    """Rows to go on with, and rows whose reference belongs to a referral of another force: of somebody else."""
    whose = {reference: fold_text(referral.force or "") for reference, referral in held.items()}
    own: list[PreparedRow] = []
    strange: list[PreparedRow] = []
    for item in incoming:
        force = fold_text(item.row.force or "")
        known = whose.setdefault(item.row.feed_reference, force)
        (strange if known and force and known != force else own).append(item)
    return own, strange


def _set_aside_as_strange(batch: RunningBatch, item: PreparedRow) -> dict[str, Any]:
    row = item.row
    return rejected_row_values(
        batch, RejectedRow(row.number, row.raw, tuple(row.raw.values()), (OTHER_FORCE,)), item.content_hash
    )


def _write_new(session: Session, batch: RunningBatch, incoming: Sequence[PreparedRow]) -> set[UUID]:
    """People, referrals, facts, events and tasks of new rows, each with one statement."""
    if not incoming:
        return set()
    people = PeopleLoader(session, current_blind_index(session), batch.imported_at)
    hashes = {item.newcomer.victim_reference_hash for item in incoming}
    people.load(hashes={value for value in hashes if value is not None}, ids=set())
    new = [_new(item, people) for item in incoming]
    namesakes = _namesakes(session, new)
    people.save()
    references = allocate_references(session, [item.received_at for item in new])
    bulk_insert.insert_rows(
        session,
        Referral,
        [_referral_row(item, reference, batch) for item, reference in zip(new, references, strict=True)],
    )
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
        [row for item in new for row in _task_rows(item, namesakes, batch.imported_at)],
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
    open_conflicts(
        session,
        [conflict_row(batch, item.referral_id, item.contradicted) for item in new if item.contradicted],
    )
    stopped = consent_refusals.hold_refused_referrals(session, batch, people.everybody())
    return stopped | {item.referral_id for item in new}


def _new(item: PreparedRow, people: PeopleLoader) -> _New:
    person = people.for_row(item)
    return _New(item, person, person.must_ask, person.consent, person.contradicts(item.newcomer))


def _namesakes(session: Session, new: Sequence[_New]) -> dict[UUID, list[UUID]]:
    """By newcomer, people known before them by the same full name and birth date: proposed, never merged."""
    index = current_blind_index(session)
    newcomers = {item.person.id: item.person for item in new if item.person.is_new}
    hashes = {id_: person.close(index).hashes["name_dob_hash"] for id_, person in newcomers.items()}
    by_hash: dict[bytes, list[UUID]] = {}
    for person_id, name_hash in session.execute(
        select(Person.id, Person.name_dob_hash).where(
            bulk_insert.column_in(Person.name_dob_hash, set(hashes.values())),
            Person.erased_at.is_(None),
            # Whoever may see the new referral must not learn from it that somebody restricted is known here.
            Person.restricted.is_(False),
        )
    ):
        by_hash.setdefault(name_hash or b"", []).append(person_id)
    found: dict[UUID, list[UUID]] = {}
    for person_id, name_hash in hashes.items():
        if name_hash is not None:
            same = by_hash.setdefault(name_hash, [])
            found[person_id] = list(same)
            same.append(person_id)
    return found


def _referral_row(item: _New, reference: str, batch: RunningBatch) -> dict[str, Any]:
    row, person = item.incoming.row, item.person
    held = held_reason(
        agreed=item.consent,
        domestic_abuse=bool(row.domestic_abuse),
        victim_type=row.victim_type or "person",
        person=person.document,
    )
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
        **item.incoming.columns,
        "sealed": item.incoming.sealed_referral,
        "corrected_fields": [],
        "restricted": person.restricted,
        "state": ReferralState.HELD if held else ReferralState.RECEIVED,
        "held_reason": held,
        "risk": Risk.UNKNOWN,
        "next_act": NextAction.RESOLVE_HOLD if held else NextAction.ASSIGN,
        "waiting_on": WaitingOn.GATEWAY,
        "next_since": item.received_at,
        "version": 1,
    }


def _facts_row(item: _New) -> dict[str, Any]:
    return {
        "referral_id": item.referral_id,
        "recorded_at": item.incoming.facts.recorded_at,
        "declined": [],
        "withheld": [],
        "cancelled_at": None,
        **facts_columns(item.incoming.facts, item.incoming.row, current_settings().area.observers),
    }


def _event_rows(item: _New, batch: RunningBatch) -> list[dict[str, Any]]:
    number, recorded_at = item.incoming.row.number, item.incoming.facts.recorded_at
    rows = [
        case_event_values(
            batch,
            number,
            item.referral_id,
            fact.event,
            kind=EventKind.CODE,
            occurred_at=fact.occurred_at,
            recorded_at=fact.recorded_at,
        )
        for fact in item.incoming.facts.events
    ]
    local = ["referral_received"]
    if item.incoming.row.victim_type == "business":
        local.append("business_referral_received")
    rows += [
        case_event_values(
            batch,
            number,
            item.referral_id,
            event,
            kind=EventKind.LOCAL,
            occurred_at=item.received_at,
            recorded_at=recorded_at,
            source="gateway",
        )
        for event in local
    ]
    return rows


def _task_rows(item: _New, namesakes: dict[UUID, list[UUID]], at: datetime) -> list[dict[str, Any]]:
    rows = []
    person_id, referral_id = item.person.id, item.referral_id
    if item.must_ask:
        key = safe_contact_check_key(person_id)
        rows.append(new_task_values(TaskKind.SAFE_CONTACT_CHECK, referral_id, key, at=at))
    same = namesakes.get(person_id, [])
    if 0 < len(same) <= MAX_SAME_PEOPLE:
        key, details = f"same-person:{person_id}", {"person_ids": [str(other_id) for other_id in same]}
        rows.append(new_task_values(TaskKind.POSSIBLE_SAME_PERSON, referral_id, key, at=at, details=details))
    return rows
