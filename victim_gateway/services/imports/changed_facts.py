"""Facts and events to append when a force sends a referral again with other values.

Nothing that was stored is edited: clocks as at an earlier moment stay as they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.feeds.facts import ReferralFacts
from victim_gateway.feeds.statements import FeedStatements
from victim_gateway.models import CaseEvent, CaseFacts, ImportBatch, ImportRow
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.imports.row_mapping import ImportedEvent, case_event_values, facts_columns
from victim_gateway.vocabulary import EventKind, ImportKind, RowOutcome

_AGE_COLUMNS = frozenset({"date_of_birth", "occurred_from", "reported_at", "victim_type"})
# The columns of the feed from which a fact, or a condition among the facts, is derived.
_COLUMNS_OF_FACT = {
    "opens_code_clocks": frozenset({"recorded_as"}),
    "victim_basis": frozenset({"victim_type"}),
    "under_17": _AGE_COLUMNS,
    "under_18": _AGE_COLUMNS,
    "force": frozenset({"force"}),
    "district": frozenset({"district"}),
    "crime_type": frozenset({"offence"}),
}
_COLUMNS_OF_CONDITION = {
    "named_contact": frozenset({"organisation_contact", "victim_type"}),
    "not_opted_out": frozenset({"consent_to_referral"}),
}
_ENHANCED_COLUMNS = frozenset(
    {
        "vulnerable",
        "intimidated",
        "persistently_targeted",
        "serious_crime",
        "domestic_abuse",
        "hate_strand",
        "victim_type",
        "offence",
        "offence_code",
        "reported_at",
        "date_of_birth",
    }
)
_TRANSFER, _ACKNOWLEDGEMENT = "referred_to_support_service", "written_acknowledgement_sent"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event that a police feed brought and that has not been voided."""

    id: UUID
    event: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass
class StoredReferral:
    """What is stored of one referral: what the force has said, the latest facts, and the feed's events.

    `statements` are empty for a referral recorded by hand. `put_back` is what the force had said with the row of
    a file that is put back.
    """

    statements: FeedStatements = field(default_factory=FeedStatements)
    put_back: FeedStatements | None = None
    facts: CaseFacts | None = None
    events: list[FeedEvent] = field(default_factory=list)
    times_voided: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    """How often an event of a name and a moment was voided."""


def load_stored_referrals(
    session: Session,
    keys: Mapping[UUID, bytes],
    references: Collection[str],
    *,
    put_back_file: bytes | None = None,
) -> dict[UUID, StoredReferral]:
    """What is stored of these referrals, each given with its person's key. A fixed number of queries.

    `references` are their feed references, `put_back_file` the SHA-256 of the file that is put back.
    """
    found = {referral_id: StoredReferral() for referral_id in keys}
    for referral_id, said in _load_statements(session, keys, references).items():
        found[referral_id].statements = said
    if put_back_file is not None:
        of_file = ImportBatch.file_sha256 == put_back_file
        for referral_id, said in _load_statements(session, keys, references, of_file).items():
            found[referral_id].put_back = said
    for facts in session.scalars(
        select(CaseFacts)
        .ext(distinct_on(CaseFacts.referral_id))
        .where(bulk_insert.column_in(CaseFacts.referral_id, keys))
        .order_by(CaseFacts.referral_id, CaseFacts.recorded_at.desc(), CaseFacts.sequence.desc())
    ):
        found[facts.referral_id].facts = facts
    _load_events(session, found)
    return found


def _load_statements(
    session: Session,
    keys: Mapping[UUID, bytes],
    references: Collection[str],
    *conditions: ColumnElement[bool],
) -> dict[UUID, FeedStatements]:
    """What the force has said with the row of each referral that was applied last."""
    found = session.execute(
        select(ImportRow.referral_id, ImportRow.sealed, ImportBatch.number)
        .ext(distinct_on(ImportRow.feed_reference))
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(
            bulk_insert.column_in(ImportRow.feed_reference, references),
            ImportRow.outcome != RowOutcome.SET_ASIDE,
            *conditions,
        )
        .order_by(ImportRow.feed_reference, ImportRow.applied_order.desc())
    )
    return {
        row.referral_id: FeedStatements.from_document(
            encrypted_rows.unseal_row(keys[row.referral_id], "import_row", row.referral_id, row.sealed),
            row.number,
        )
        for row in found
        if row.sealed is not None and row.referral_id in keys
    }


def _load_events(session: Session, found: Mapping[UUID, StoredReferral]) -> None:
    """Only events of police feeds: one of the same name from a case-events feed or a person stays as it is."""
    voider = named_alias(CaseEvent, "voider")
    for row in session.execute(
        select(
            CaseEvent.referral_id, CaseEvent.id, CaseEvent.event, CaseEvent.occurred_at, CaseEvent.recorded_at
        )
        .join(ImportBatch, ImportBatch.id == CaseEvent.import_batch_id)
        .where(
            bulk_insert.column_in(CaseEvent.referral_id, found),
            CaseEvent.voids_id.is_(None),
            ImportBatch.kind == ImportKind.POLICE_FEED,
            ~select(voider.id).where(voider.voids_id == CaseEvent.id).exists(),
        )
    ):
        event = FeedEvent(row.id, row.event, row.occurred_at, row.recorded_at)
        found[row.referral_id].events.append(event)
    for voided in session.execute(
        select(CaseEvent.referral_id, CaseEvent.event, CaseEvent.occurred_at, func.count().label("times"))
        .join(voider, voider.voids_id == CaseEvent.id)
        .where(
            bulk_insert.column_in(CaseEvent.referral_id, found), func.coalesce(CaseEvent.subject, "") == ""
        )
        .group_by(CaseEvent.referral_id, CaseEvent.event, CaseEvent.occurred_at)
    ):
        found[voided.referral_id].times_voided[voided.event, voided.occurred_at] = voided.times


def changed_facts_row(
    item: PreparedRow,
    referral_id: UUID,
    before: StoredReferral,
    old: ReferralFacts | None,
    *,
    applied_columns: Collection[str],
    observers: Collection[str],
    corrected_birth_date: date | None,
) -> dict[str, Any] | None:
    """The row of `CaseFacts` to append, or None where no fact changed; what triage found stays beside it.

    Only facts derived from `applied_columns` may change: the rest may have been corrected, or decided, by a
    person. `old` are the facts that the force had stated before; `corrected_birth_date` is
    given where a person has corrected it.
    """
    latest = before.facts
    if latest is None:
        raise RuntimeError(f"referral {referral_id} has no facts")
    feed_facts = facts_columns(item.facts, item.row, observers)
    if corrected_birth_date is not None and item.facts.victim_basis != "business_contact":
        age = times.age_on(corrected_birth_date, item.facts.offence_on)
        feed_facts |= {"under_17": age < 17, "under_18": age < 18}
    changed = {
        name: value if columns & set(applied_columns) else getattr(latest, name)
        for name, columns in _COLUMNS_OF_FACT.items()
        for value in (feed_facts[name],)
    }
    changed["observers"] = feed_facts["observers"]
    changed["enhanced"] = (
        _enhanced(latest.enhanced, old, feed_facts["enhanced"])
        if _ENHANCED_COLUMNS & set(applied_columns)
        else list(latest.enhanced)
    )
    changed["conditions"] = _conditions(latest.conditions, feed_facts["conditions"], applied_columns)
    if all(getattr(latest, name) == value for name, value in changed.items()):
        return None
    return {
        "referral_id": referral_id,
        "recorded_at": max(item.facts.recorded_at, latest.recorded_at),
        "declined": latest.declined,
        "withheld": latest.withheld,
        "cancelled_at": latest.cancelled_at,
        "closed_at": latest.closed_at,
        **changed,
    }


def changed_event_rows(
    batch: RunningBatch,
    item: PreparedRow,
    referral_id: UUID,
    before: StoredReferral,
    old: ReferralFacts | None,
) -> Iterator[dict[str, Any]]:
    """The rows of `CaseEvent` to append: an event whose moment the force has changed is voided and recorded anew."""
    events_before = {fact.event: fact for fact in old.events} if old else {}
    # The time of the import stood in for a blank transfer time: that of a later import changes nothing.
    if item.row.transferred_at is None:
        events_before.pop(_TRANSFER, None)
    for fact in item.facts.events:
        if fact.event == _TRANSFER and item.row.transferred_at is None:
            continue
        earlier = events_before.get(fact.event)
        if earlier is not None and earlier.occurred_at == fact.occurred_at:
            continue
        if earlier is not None:
            yield from _void_rows(batch, item, referral_id, before, fact.event)
        event = ImportedEvent(
            referral_id,
            fact.event,
            EventKind.CODE,
            occurred_at=fact.occurred_at,
            recorded_at=fact.recorded_at,
            row_number=item.row.number,
            repeat_number=before.times_voided[fact.event, fact.occurred_at],
        )
        yield case_event_values(batch, event)
    if _ACKNOWLEDGEMENT in events_before and item.row.acknowledged_at is None:
        yield from _void_rows(batch, item, referral_id, before, _ACKNOWLEDGEMENT)


def _void_rows(
    batch: RunningBatch, item: PreparedRow, referral_id: UUID, before: StoredReferral, event: str
) -> Iterator[dict[str, Any]]:
    for wrong in [known for known in before.events if known.event == event]:
        before.events.remove(wrong)
        before.times_voided[event, wrong.occurred_at] += 1
        voiding = ImportedEvent(
            referral_id,
            "event_voided",
            EventKind.CODE,
            occurred_at=batch.imported_at,
            recorded_at=max(wrong.recorded_at, item.facts.recorded_at),
            row_number=item.row.number,
            voids_id=wrong.id,
            repeat_number=0,
        )
        yield case_event_values(batch, voiding)


def _enhanced(
    stored: Collection[Mapping[str, Any]], old: ReferralFacts | None, of_feed: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    from_feed = {(fact.category, fact.from_on.isoformat()) for fact in old.enhanced} if old else set()
    kept = [dict(item) for item in stored if (item["category"], item["from"]) not in from_feed]
    return kept + [item for item in of_feed if item not in kept]


def _conditions(
    stored: Mapping[str, bool], of_feed: Mapping[str, bool], applied_columns: Collection[str]
) -> dict[str, bool]:
    changed = {name for name, columns in _COLUMNS_OF_CONDITION.items() if columns & set(applied_columns)}
    kept = {name: value for name, value in stored.items() if name not in changed}
    return {**kept, **{name: value for name, value in of_feed.items() if name in changed}}
