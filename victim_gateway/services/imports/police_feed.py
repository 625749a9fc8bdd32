"""One piece of a police referral feed: what is new is written set-wise, what changed one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from victim_gateway import bulk
from victim_gateway.models import CaseEvent, CaseFacts, ImportRow, Person, Referral, ReferralAccess, Task
from victim_gateway.services import work
from victim_gateway.services.holding import held_reason
from victim_gateway.services.imports.batches import Batch, Counts, refresh_clocks
from victim_gateway.services.imports.case_events import retry_waiting
from victim_gateway.services.imports.incoming import Incoming, LeftAside, kept_row
from victim_gateway.services.imports.known import KnownPerson
from victim_gateway.services.imports.people_of_piece import PeopleOfPiece
from victim_gateway.services.imports.rows import event_row, facts_columns, set_aside_row
from victim_gateway.services.imports.turns import in_turn
from victim_gateway.services.imports.updates import apply_updates, lock_referrals
from victim_gateway.services.references import next_references
from victim_gateway.transactions import blind_index, record_audit, settings
from victim_gateway.vocabulary import (
    EventKind,
    NextAct,
    ReferralSource,
    ReferralState,
    Risk,
    RowOutcome,
    TaskKind,
    WaitingOn,
)

# More than this many people of the same name and birth date prove nothing and help nobody.
MAX_SAME_PEOPLE = 5


@dataclass
class _New:
    """A referral about to be written."""

    incoming: Incoming
    person: KnownPerson
    must_ask: bool

    @property
    def referral_id(self) -> UUID:
        return self.incoming.referral_id

    @property
    def received_at(self) -> datetime:
        return self.incoming.facts.recorded_at


def import_piece(session: Session, batch: Batch, piece: Sequence[Incoming | LeftAside]) -> Counts:
    """Write one piece of the file; every row ends as imported, updated, unchanged or set aside."""
    counts = Counts(rows=len(piece))
    aside = [item for item in piece if isinstance(item, LeftAside)]
    incoming = [item for item in piece if isinstance(item, Incoming)]
    counts.set_aside = len(aside)
    bulk.insert_rows(
        session, ImportRow, [set_aside_row(batch, item.row, item.content_hash) for item in aside]
    )
    counts.warnings = sum(len(item.warnings) for item in incoming)
    seen = _seen_rows(session, incoming)
    news: list[Incoming] = []
    for item in incoming:
        reference = (item.row.feed_reference, item.content_hash)
        if reference in seen:
            counts.unchanged += 1
            continue
        seen.add(reference)
        news.append(item)
    # Referrals before people, as everywhere: a caseworker who holds the one may be waiting for the other.
    lock_referrals(session, news)
    touched: set[UUID] = set()
    for run in in_turn(session, news):
        counts.imported += len(run.new)
        counts.updated += len(run.again)
        touched |= _write_new(session, batch, run.new)
        touched |= apply_updates(session, batch, run.again)
    if touched:
        refresh_clocks(session, touched, batch.imported_at)
        work.refresh_next_many(session, sorted(touched), at=batch.imported_at)
    return counts


def _seen_rows(session: Session, incoming: Sequence[Incoming]) -> set[tuple[str, bytes]]:
    """Rows that said exactly this before: the same file again, or an old row resent, changes nothing."""
    found = session.execute(
        text(
            "SELECT r.feed_reference, r.content_hash FROM import_row r"
            " JOIN unnest(CAST(:references AS text[]), CAST(:hashes AS bytea[])) AS wanted (reference, hash)"
            " ON r.feed_reference = wanted.reference AND r.content_hash = wanted.hash"
            " WHERE r.outcome <> 'set_aside'"
        ),
        {
            "references": [item.row.feed_reference for item in incoming],
            "hashes": [item.content_hash for item in incoming],
        },
    )
    return {(row.feed_reference, row.content_hash) for row in found if row.feed_reference is not None}


def _write_new(session: Session, batch: Batch, incoming: Sequence[Incoming]) -> set[UUID]:
    """People, referrals, facts, events and tasks of new rows, each with one statement."""
    if not incoming:
        return set()
    people = PeopleOfPiece(session, blind_index(session), batch.imported_at)
    hashes = {item.newcomer.victim_reference_hash for item in incoming}
    people.load(hashes={value for value in hashes if value is not None}, ids=set())
    new = [_New(item, person := people.for_row(item), person.must_ask) for item in incoming]
    namesakes = _namesakes(session, new)
    people.save()
    references = next_references(session, [item.received_at for item in new])
    bulk.insert_rows(
        session,
        Referral,
        [_referral_row(item, reference, batch) for item, reference in zip(new, references, strict=True)],
    )
    _restrict(session, new, batch.imported_at)
    people.save_consents()
    bulk.insert_rows(session, CaseFacts, [_facts_row(item) for item in new], with_new_ids=True)
    events = [row for item in new for row in _event_rows(item, batch)]
    bulk.insert_rows(session, CaseEvent, events, with_new_ids=True)
    bulk.insert_rows(
        session,
        ImportRow,
        [
            kept_row(
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
    bulk.insert_rows(
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
    retry_waiting(session, batch, {item.incoming.row.feed_reference: item.referral_id for item in new})
    return {item.referral_id for item in new}


def _restrict(session: Session, new: Sequence[_New], at: datetime) -> None:
    """A further referral of somebody restricted is for the same few as those before."""
    restricted = [item for item in new if item.person.restricted]
    if not restricted:
        return
    named = session.execute(
        select(Referral.person_id, ReferralAccess.user_id)
        .join(ReferralAccess, ReferralAccess.referral_id == Referral.id)
        .where(bulk.among(Referral.person_id, {item.person.id for item in restricted}))
        .distinct()
    ).all()
    rows = [
        {"referral_id": item.referral_id, "user_id": row.user_id, "granted_at": at}
        for item in restricted
        for row in named
        if row.person_id == item.person.id
    ]
    bulk.insert_rows(session, ReferralAccess, rows)


def _namesakes(session: Session, new: Sequence[_New]) -> dict[UUID, list[UUID]]:
    """By newcomer, people known before them by the same full name and birth date: proposed, never merged."""
    index = blind_index(session)
    newcomers = {item.person.id: item.person for item in new if item.person.is_new}
    hashes = {id_: person.close(index).hashes["name_dob_hash"] for id_, person in newcomers.items()}
    by_hash: dict[bytes, list[UUID]] = {}
    for person_id, name_hash in session.execute(
        select(Person.id, Person.name_dob_hash).where(
            bulk.among(Person.name_dob_hash, set(hashes.values())),
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


def _referral_row(item: _New, reference: str, batch: Batch) -> dict[str, Any]:
    row, person = item.incoming.row, item.person
    has_contact = any(person.document.get(name) for name in ("phone", "email", "address_line_1"))
    held = held_reason(
        agreed=person.consent,
        domestic_abuse=bool(row.domestic_abuse),
        victim_type=row.victim_type or "person",
        has_contact=has_contact,
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
        "next_act": NextAct.RESOLVE_HOLD if held else NextAct.ASSIGN,
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
        **facts_columns(item.incoming.facts, item.incoming.row, settings().area.observers),
    }


def _event_rows(item: _New, batch: Batch) -> list[dict[str, Any]]:
    number, recorded_at = item.incoming.row.number, item.incoming.facts.recorded_at
    rows = [
        event_row(
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
        event_row(
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
    if item.must_ask:
        rows.append(
            _task(TaskKind.SAFE_CONTACT_CHECK, item.referral_id, f"safe-contact:{item.person.id}", {}, at)
        )
    same = namesakes.get(item.person.id, [])
    if 0 < len(same) <= MAX_SAME_PEOPLE:
        details = {"person_ids": [str(person_id) for person_id in same]}
        rows.append(
            _task(
                TaskKind.POSSIBLE_SAME_PERSON, item.referral_id, f"same-person:{item.person.id}", details, at
            )
        )
    return rows


def _task(
    kind: TaskKind, referral_id: UUID, dedupe_key: str, details: dict[str, Any], at: datetime
) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "kind": kind,
        "referral_id": referral_id,
        "dedupe_key": dedupe_key,
        "details": details,
        "created_at": at,
        "due_on": (at + timedelta(days=1)).date(),
    }
