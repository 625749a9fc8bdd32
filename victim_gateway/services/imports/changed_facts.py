"""What a force's second telling of a referral does to its facts and events: nothing is edited, all is appended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from victim_gateway import times
from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.feeds.facts import ReferralFacts, referral_facts
from victim_gateway.feeds.problems import Accepted
from victim_gateway.feeds.referrals import parse_referral_row
from victim_gateway.models import CaseEvent, CaseFacts, ImportBatch, ImportRow
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.prepared_row import PreparedRow
from victim_gateway.services.imports.row_mapping import case_event_values, facts_columns
from victim_gateway.vocabulary import EventKind, ImportKind, RowOutcome

_AGE = frozenset({"date_of_birth", "occurred_from", "reported_at", "victim_type"})
# Which columns of the feed a fact, or a condition among the facts, stands on.
_STANDS_ON = {
    "opens_code_clocks": frozenset({"recorded_as"}),
    "victim_basis": frozenset({"victim_type"}),
    "under_17": _AGE,
    "under_18": _AGE,
    "force": frozenset({"force"}),
    "district": frozenset({"district"}),
    "crime_type": frozenset({"offence"}),
}
_CONDITION_STANDS_ON = {
    "named_contact": frozenset({"organisation_contact", "victim_type"}),
    "not_opted_out": frozenset({"consent_to_referral"}),
}
_ENHANCED = frozenset(
    {
        "vulnerable",
        "intimidated",
        "persistently_targeted",
        "serious_crime",
        "domestic_abuse",
        "hate_strand",
        "victim_type",
        "reported_at",
    }
)
_TRANSFER, _ACKNOWLEDGEMENT = "referred_to_support_service", "written_acknowledgement_sent"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event that a police feed told and nobody has taken back."""

    id: UUID
    event: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass
class StoredReferral:
    """What is stored of one referral: the row as the feed gave it last time, which is nothing for one recorded
    by hand, the latest facts, and the events.
    """

    raw: Mapping[str, str] = field(default_factory=dict)
    facts: CaseFacts | None = None
    told: list[FeedEvent] = field(default_factory=list)
    taken_back: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    """How often each event of a name and a moment was told and taken back."""

    def changed_columns(self, raw: Mapping[str, str]) -> frozenset[str]:
        """The columns in which the row now says something else."""
        names = self.raw.keys() | raw.keys()
        return frozenset(
            name for name in names if self.raw.get(name, "").strip() != raw.get(name, "").strip()
        )


def load_stored_referrals(session: Session, keys: Mapping[UUID, bytes]) -> dict[UUID, StoredReferral]:
    """What is stored of these referrals, each given with its person's key, with a fixed number of queries."""
    found = {referral_id: StoredReferral() for referral_id in keys}
    for row in session.execute(
        select(ImportRow.referral_id, ImportRow.sealed)
        .ext(distinct_on(ImportRow.referral_id))
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(bulk_insert.column_in(ImportRow.referral_id, keys), ImportRow.outcome != RowOutcome.SET_ASIDE)
        .order_by(ImportRow.referral_id, ImportBatch.number.desc(), ImportRow.row_number.desc())
    ):
        if row.sealed is not None:
            raw = encrypted_rows.unseal_row(keys[row.referral_id], "import_row", row.referral_id, row.sealed)
            found[row.referral_id].raw = raw
    for facts in session.scalars(
        select(CaseFacts)
        .ext(distinct_on(CaseFacts.referral_id))
        .where(bulk_insert.column_in(CaseFacts.referral_id, keys))
        .order_by(CaseFacts.referral_id, CaseFacts.recorded_at.desc(), CaseFacts.sequence.desc())
    ):
        found[facts.referral_id].facts = facts
    _load_events(session, found)
    return found


def _load_events(session: Session, found: Mapping[UUID, StoredReferral]) -> None:
    """What a case-events feed or a person told of the same name is a statement of its own and stays."""
    voider = aliased(CaseEvent)
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
        found[row.referral_id].told.append(event)
    for told in session.execute(
        select(CaseEvent.referral_id, CaseEvent.event, CaseEvent.occurred_at, func.count().label("times"))
        .join(voider, voider.voids_id == CaseEvent.id)
        .where(
            bulk_insert.column_in(CaseEvent.referral_id, found), func.coalesce(CaseEvent.subject, "") == ""
        )
        .group_by(CaseEvent.referral_id, CaseEvent.event, CaseEvent.occurred_at)
    ):
        found[told.referral_id].taken_back[told.event, told.occurred_at] = told.times


def previous_feed_facts(
    before: StoredReferral, item: PreparedRow, batch: RunningBatch
) -> ReferralFacts | None:
    """The facts of the row as the feed gave it last time; None where it gave none that can be used."""
    if not before.raw:
        return None
    parsed = parse_referral_row(before.raw, number=item.row.number, imported_at=batch.imported_at)
    if not isinstance(parsed, Accepted):
        return None
    return referral_facts(parsed.row, imported_at=batch.imported_at, with_history=batch.history)


def changed_facts_row(
    item: PreparedRow,
    referral_id: UUID,
    before: StoredReferral,
    old: ReferralFacts | None,
    *,
    taken_over: Collection[str],
    observers: Collection[str],
    born: date | None,
) -> dict[str, Any] | None:
    """The facts as they stand now, where the feed's part of them changed; what triage found stays beside it.

    Only what stands on a column that is taken over may change: the rest may have been corrected, or decided,
    by a person. `old` is what the feed told last time, as `facts_told_before` gives it; `born` is the date of
    birth where a person has corrected it.
    """
    latest = before.facts
    if latest is None:
        raise RuntimeError(f"referral {referral_id} has no facts")
    said = facts_columns(item.facts, item.row, observers)
    if born is not None and item.facts.victim_basis != "business_contact":
        age = times.age_on(born, item.facts.offence_on)
        said |= {"under_17": age < 17, "under_18": age < 18}
    told = {
        name: value if columns & set(taken_over) else getattr(latest, name)
        for name, columns in _STANDS_ON.items()
        for value in (said[name],)
    }
    told["observers"] = said["observers"]
    told["enhanced"] = (
        _enhanced(latest.enhanced, old, said["enhanced"])
        if _ENHANCED & set(taken_over)
        else list(latest.enhanced)
    )
    told["conditions"] = _conditions(latest.conditions, said["conditions"], taken_over)
    if all(getattr(latest, name) == value for name, value in told.items()):
        return None
    return {
        "referral_id": referral_id,
        "recorded_at": max(item.facts.recorded_at, latest.recorded_at),
        "declined": latest.declined,
        "withheld": latest.withheld,
        "cancelled_at": latest.cancelled_at,
        **told,
    }


def changed_event_rows(
    batch: RunningBatch,
    item: PreparedRow,
    referral_id: UUID,
    before: StoredReferral,
    old: ReferralFacts | None,
) -> Iterator[dict[str, Any]]:
    """An event whose moment the force has changed is taken back, from now on, and told anew."""
    told_before = {fact.event: fact for fact in old.events} if old else {}
    # The import itself stood in for a blank transfer time, so a later import's time is not news.
    if item.row.transferred_at is None:
        told_before.pop(_TRANSFER, None)
    for fact in item.facts.events:
        if fact.event == _TRANSFER and item.row.transferred_at is None:
            continue
        earlier = told_before.get(fact.event)
        if earlier is not None and earlier.occurred_at == fact.occurred_at:
            continue
        if earlier is not None:
            yield from _void_rows(batch, item, referral_id, before, fact.event)
        yield case_event_values(
            batch,
            item.row.number,
            referral_id,
            fact.event,
            kind=EventKind.CODE,
            occurred_at=fact.occurred_at,
            recorded_at=fact.recorded_at,
            told_again=before.taken_back[fact.event, fact.occurred_at],
        )
    if _ACKNOWLEDGEMENT in told_before and item.row.acknowledged_at is None:
        yield from _void_rows(batch, item, referral_id, before, _ACKNOWLEDGEMENT)


def _void_rows(
    batch: RunningBatch, item: PreparedRow, referral_id: UUID, before: StoredReferral, event: str
) -> Iterator[dict[str, Any]]:
    for wrong in [told for told in before.told if told.event == event]:
        before.told.remove(wrong)
        before.taken_back[event, wrong.occurred_at] += 1
        yield case_event_values(
            batch,
            item.row.number,
            referral_id,
            "event_voided",
            kind=EventKind.CODE,
            occurred_at=batch.imported_at,
            recorded_at=max(wrong.recorded_at, item.facts.recorded_at),
            voids_id=wrong.id,
            told_again=0,
        )


def _enhanced(
    held: Collection[Mapping[str, Any]], old: ReferralFacts | None, told: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    from_feed = {(fact.category, fact.from_on.isoformat()) for fact in old.enhanced} if old else set()
    kept = [dict(item) for item in held if (item["category"], item["from"]) not in from_feed]
    return kept + [item for item in told if item not in kept]


def _conditions(
    held: Mapping[str, bool], told: Mapping[str, bool], taken_over: Collection[str]
) -> dict[str, bool]:
    news = {name for name, columns in _CONDITION_STANDS_ON.items() if columns & set(taken_over)}
    kept = {name: value for name, value in held.items() if name not in news}
    return {**kept, **{name: value for name, value in told.items() if name in news}}
