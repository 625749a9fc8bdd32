"""The columns of referrals, facts, events and import rows, from the rows of a feed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from victim_gateway.compliance.victim_categories import ENHANCING_FLAGS
from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.database import encrypted_rows
from victim_gateway.feeds.content import content_key
from victim_gateway.feeds.facts import ReferralFacts
from victim_gateway.feeds.problems import RejectedRow, problem_documents
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.search_parts import reference_parts
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.vocabulary import EventKind, EvidenceGrade, RowOutcome

FLAGS = (*ENHANCING_FLAGS, "interpreter_needed")
PLAIN = ("force", "offence", "offence_code", "district", "lsoa_code", "hate_strand")
MOMENTS = ("occurred_from", "occurred_to", "reported_at")
SEALED = (
    "crime_number",
    "incident_number",
    "location",
    "officer_name",
    "officer_email",
    "safe_contact_note",
    "relationship_to_suspect",
    "children_present",
    "repeat_victim",
    "asb_type",
    "risk_assessment",
    "withdrawn",
)
GRADES = {"victim": EvidenceGrade.VICTIM_REPORT, "gateway": EvidenceGrade.SYSTEM_RECORD}


def referral_columns(row: ReferralRow, index: BlindIndex) -> dict[str, Any]:
    """The columns of a referral that the feed decides."""
    return {
        **{name: getattr(row, name) for name in (*PLAIN, *MOMENTS)},
        **{name: bool(getattr(row, name)) for name in FLAGS},
        "recorded_as": row.recorded_as or "crime",
        "victim_type": row.victim_type or "person",
        "police_consent": row.consent_to_referral or "not_asked",
        "police_outcome": row.outcome,
        "officer_grade": row.risk_assessment,
        "crime_number_hash": index.hash_value("crime_number", fold_text(row.crime_number))
        if row.crime_number
        else None,
        "search_parts": reference_parts(index, row.feed_reference, row.crime_number),
    }


def referral_document(
    row: ReferralRow, kept_as_given: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """What is sealed of a referral; texts that could not be used stand under `as_given`.

    `kept_as_given` are those of a row that left the known value as it was.
    """
    document: dict[str, Any] = {name: getattr(row, name) for name in SEALED if getattr(row, name) is not None}
    if row.outcome_at is not None:
        document["police_outcome_at"] = row.outcome_at.isoformat()
    if row.risk_assessed_at is not None:
        document["risk_assessed_at"] = row.risk_assessed_at.isoformat()
    if row.unread or kept_as_given:
        unread = {column: row.raw[column] for column in sorted(row.unread) if column in row.raw}
        document["as_given"] = {**unread, **kept_as_given}
    return document


def facts_columns(facts: ReferralFacts, row: ReferralRow, observers: Collection[str]) -> dict[str, Any]:
    """The columns of `CaseFacts` that the feed decides."""
    return {
        "opens_code_clocks": facts.opens_code_clocks,
        "victim_basis": facts.victim_basis,
        "under_17": facts.under_17,
        "under_18": facts.under_18,
        "enhanced": [
            {"category": fact.category, "from": fact.from_on.isoformat(), "to": None}
            for fact in facts.enhanced
        ],
        "conditions": dict(facts.conditions),
        "observers": list(observers),
        "force": row.force,
        "district": row.district,
        "crime_type": row.offence,
    }


@dataclass(slots=True)
class ImportedEvent:
    """An event that an import appends. `row_number` is None where no single row of the file brought it.

    `repeat_number` is given for all events of one insert or for none.
    """

    referral_id: UUID
    event: str
    kind: EventKind
    occurred_at: datetime
    recorded_at: datetime
    row_number: int | None
    source: str = "police"
    subject: str | None = None
    details: Mapping[str, Any] | None = None
    voids_id: UUID | None = None
    repeat_number: int | None = None
    from_state: str | None = None
    to_state: str | None = None
    reason_code: str | None = None


def case_event_values(batch: RunningBatch, event: ImportedEvent) -> dict[str, Any]:
    """One row of `CaseEvent`, by the names of the table's columns and without its id."""
    # The column is older than its name in the models.
    repeated = {} if event.repeat_number is None else {"told_again": event.repeat_number}
    return {
        "referral_id": event.referral_id,
        "kind": event.kind,
        "event": event.event,
        "subject": event.subject,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "source": event.source,
        "grade": GRADES.get(event.source, EvidenceGrade.PARTNER_STATEMENT),
        "actor_name": f"Import {batch.number}",
        "details": dict(event.details or {}),
        "sealed": None,
        "voids_id": event.voids_id,
        **repeated,
        "from_state": event.from_state,
        "to_state": event.to_state,
        "reason_code": event.reason_code,
        "import_batch_id": batch.id,
        "import_row_number": event.row_number,
    }


def hash_row_content(
    raw: Mapping[str, str], index: BlindIndex, known_columns: Collection[str] | None = None
) -> bytes:
    """The keyed hash by which a row with the same content is recognised."""
    return index.hash_bytes("feed_row", content_key(raw, known_columns))


def rejected_row_values(batch: RunningBatch, row: RejectedRow, index: BlindIndex) -> dict[str, Any]:
    """One row of `ImportRow` for a row that was set aside: as given, sealed under the batch's key."""
    return {
        "batch_id": batch.id,
        "row_number": row.number,
        "force": None,
        "feed_reference": (row.raw.get("feed_reference") or "").strip()[:200] or None,
        "content_hash": hash_row_content(row.raw, index),
        "outcome": RowOutcome.SET_ASIDE,
        "reasons": problem_documents(row.reasons),
        "changed_fields": [],
        "referral_id": None,
        "key_id": batch.key_id,
        "sealed": encrypted_rows.seal_row(
            batch.key,
            "import_row",
            batch.id,
            {"number": row.number, "raw": dict(row.raw), "cells": list(row.cells)},
        ),
    }
