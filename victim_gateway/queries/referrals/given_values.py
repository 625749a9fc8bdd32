"""Values of the feed that a person has to decide about: what could not be read, and what differs from ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.feeds.statements import FeedStatements
from victim_gateway.models import ImportRow, Referral
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.recorded_fields import (
    CONTACT_FIELDS,
    FEED_FIELDS,
    PROTECTIVE_FIELDS,
    RECORDED_FIELDS,
    FieldKind,
    FieldPlace,
    display_value,
    field_label,
)
from victim_gateway.vocabulary import RowOutcome, TaskKind

_EXPECTED = {
    FieldKind.PHONE: "It is not a full phone number.",
    FieldKind.EMAIL: "It is not an email address.",
    FieldKind.POSTCODE: "It is not a full postcode.",
    FieldKind.DATE: "It is not a date that can be right.",
    FieldKind.YES_NO: "It says neither yes nor no.",
    FieldKind.YES_NO_UNKNOWN: "It says neither yes nor no.",
    FieldKind.CHOICE: "It is none of the answers we know.",
    FieldKind.DISTRICT: "It is not a district of this area.",
}


@dataclass(frozen=True, slots=True)
class SentRow:
    """The last row of the feed about a referral, as the force sent it, and what of it could not be read."""

    values: Mapping[str, str]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GivenValue:
    """One value that could not be read. `text` is None where it may not stand on a page unasked."""

    column: str
    label: str
    text: str | None
    why: str
    is_protective: bool
    is_usable: bool


@dataclass(frozen=True, slots=True)
class GivenValueDetails:
    """One value to decide about, in full: as the force gave it, and what we have recorded."""

    column: str
    label: str
    text: str
    recorded: str | None
    why: str
    is_protective: bool
    is_unread: bool
    is_contact: bool


def given_values(session: Session, head: ReferralHeader) -> tuple[GivenValue, ...]:
    """What of the referral could not be read, the protective answers first. No query where there is nothing."""
    kept: Mapping[str, Any] = head.details.get("as_given") or {}
    if not kept:
        return ()
    reasons = last_sent_row(session, head.referral.id, head.key).reasons
    found = [
        GivenValue(
            column=column,
            label=field_label(column),
            text=None if column in CONTACT_FIELDS else str(text),
            why=_explain(column, reasons),
            is_protective=column in PROTECTIVE_FIELDS,
            is_usable=column in FEED_FIELDS,
        )
        for column, text in kept.items()
    ]
    return tuple(sorted(found, key=lambda value: (not value.is_protective, value.label)))


def given_value_details(session: Session, head: ReferralHeader, column: str) -> GivenValueDetails | None:
    """One value to decide about; None when there is nothing to decide. A number or address shown is audited."""
    kept: Mapping[str, Any] = head.details.get("as_given") or {}
    asked = {name for task in head.tasks if task.kind is TaskKind.FEED_CONFLICT for name in task.fields}
    if column not in kept and column not in asked:
        return None
    sent = last_sent_row(session, head.referral.id, head.key)
    if column in CONTACT_FIELDS:
        record_audit(
            session,
            "contact_detail.shown",
            subject_type="referral",
            subject_id=head.referral.id,
            person_id=head.referral.person_id,
            what=f"as given: {column}",
        )
    return GivenValueDetails(
        column=column,
        label=field_label(column),
        text=str(kept[column] if column in kept else sent.values.get(column) or ""),
        recorded=None if column in CONTACT_FIELDS else display_value(column, recorded_value(head, column)),
        why=_explain(column, sent.reasons) if column in kept else "",
        is_protective=column in PROTECTIVE_FIELDS,
        is_unread=column in kept,
        is_contact=column in CONTACT_FIELDS,
    )


def recorded_value(head: ReferralHeader, column: str) -> Any:
    """What is recorded in a column, wherever it is kept; None for nothing."""
    field = RECORDED_FIELDS.get(column)
    if field is not None and field.place is FieldPlace.SAFE_CONTACT:
        return head.safe.value
    if column == "consent_to_referral":
        return head.referral.police_consent
    for document in (head.person, head.details):
        if document.get(column) not in (None, ""):
            return document[column]
    return getattr(head.referral, column, None)


def last_sent_row(session: Session, referral_id: UUID, key: bytes) -> SentRow:
    """The last row that the force sent about the referral; an empty one where none came by a feed."""
    row = session.execute(
        select(ImportRow.sealed, ImportRow.reasons)
        .join(Referral, Referral.feed_reference == ImportRow.feed_reference)
        .where(
            Referral.id == referral_id,
            ImportRow.referral_id == referral_id,
            ImportRow.outcome != RowOutcome.SET_ASIDE,
        )
        .order_by(ImportRow.applied_order.desc())
        .limit(1)
    ).first()
    if row is None or row.sealed is None:
        return SentRow({}, {})
    document = encrypted_rows.unseal_row(key, "import_row", referral_id, row.sealed)
    values = FeedStatements.from_document(document).cells
    reasons = {problem["column"]: problem["words"] for problem in row.reasons or ()}
    return SentRow(values, reasons)


def _explain(column: str, reasons: Mapping[str, str]) -> str:
    """Why it could not be read, without the column's own name, which stands before it."""
    message = reasons.get(column, "")
    if message.startswith(f"{column} "):
        return f"It {message.removeprefix(f'{column} ')}"
    if message:
        return message
    field = RECORDED_FIELDS.get(column)
    return _EXPECTED.get(field.kind, "It could not be read.") if field else "It could not be read."
