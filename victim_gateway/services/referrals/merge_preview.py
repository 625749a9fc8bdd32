"""What a merge of two records would do, side by side, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.models import Consent, OnwardReferral, Organisation, Referral, Task
from victim_gateway.queries.onward_referrals.handover import is_sharing_agreed
from victim_gateway.queries.people.merged_records import is_record_of, records_of_person
from victim_gateway.rules.identity_explanations import explain_match
from victim_gateway.rules.identity_match import compare_identities, identity_record
from victim_gateway.rules.person_names import person_name
from victim_gateway.rules.safe_adult_changes import SAFE_ANSWER
from victim_gateway.rules.safe_contact import reachable_channels
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, UNANSWERED_ONWARD_STATES
from victim_gateway.services.referrals.merged_people import (
    identities_contradict,
    planned_plan,
    refusal_of_merge,
    were_distinguished,
)
from victim_gateway.services.referrals.opened_records import open_record
from victim_gateway.vocabulary import SafeAnswer

# Shown in the open. Numbers and addresses are compared and never shown: it would tell who lives where.
_SHOWN = (
    ("Name", None),
    ("Also known as", "alias"),
    ("Business", "organisation_name"),
    ("Date of birth", "date_of_birth"),
    ("Sex", "sex"),
    ("Town", "town"),
    ("Language", "language"),
    ("Communication needs", "communication_needs"),
)
_COMPARED = (
    ("Phone", "phone"),
    ("Second phone", "phone_2"),
    ("Email", "email"),
    ("Postcode", "postcode"),
    ("Phone of the safe adult", "guardian_phone"),
)
_SAFE_ADULT = "Safe adult"
_IS_SAFE = {"yes": "safe to contact", "no": "not safe to contact"}


@dataclass(frozen=True, slots=True)
class ComparedField:
    """One field of both records; a hidden one says only whether there is a value."""

    label: str
    kept: str | None
    merged: str | None
    is_same: bool


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """What hangs on a record, as far as the reader may see it."""

    references: tuple[str, ...]
    consents: int
    open_tasks: int
    live_onward_referrals: int


@dataclass(frozen=True, slots=True)
class EndedSharing:
    """A live onward referral to a provider to whom the person's newest answer would be no.

    `is_taken_back` at once; else the provider helps them already, and a caseworker decides.
    """

    reference: str
    provider: str
    is_taken_back: bool


@dataclass(frozen=True, slots=True)
class MergePreview:
    """Two records beside each other, what would become of them, and why they can't be merged, if so."""

    kept_id: UUID
    merged_id: UUID
    fields: tuple[ComparedField, ...]
    kept: RecordCounts
    merged: RecordCounts
    kept_safe: SafeAnswer
    merged_safe: SafeAnswer
    joined_safe: SafeAnswer
    joined_channels: tuple[str, ...]
    why: str
    is_contradicted: bool
    is_distinguished: bool
    ended_sharings: tuple[EndedSharing, ...]
    refusal: str | None

    @property
    def needs_senior(self) -> bool:
        """Whether only a senior caseworker can merge them, with a reason."""
        return self.is_contradicted or self.is_distinguished


def preview_merge(session: Session, kept_id: UUID, merged_id: UUID, *, user_id: UUID | None) -> MergePreview:
    """Lay two records side by side; audited as a view of both. Raises NotFound for what is not the reader's to see."""
    kept, merged = open_record(session, kept_id), open_record(session, merged_id)
    for one, other in ((kept_id, merged_id), (merged_id, kept_id)):
        record_audit(
            session,
            "person.viewed",
            subject_type="person",
            subject_id=one,
            person_id=one,
            page="merge",
            other_person=str(other),
        )
    weights = current_settings().area.identity
    levels = compare_identities(
        identity_record(kept.document), identity_record(merged.document), weights
    ).levels
    plan = planned_plan((kept, merged))
    return MergePreview(
        kept_id=kept_id,
        merged_id=merged_id,
        fields=_fields(kept.document, merged.document),
        kept=_counts(session, kept_id),
        merged=_counts(session, merged_id),
        kept_safe=kept.answers[0],
        merged_safe=merged.answers[0],
        joined_safe=plan.safe,
        joined_channels=tuple(reachable_channels(plan.safe, plan.document(), kept.document)),
        why=explain_match(levels),
        is_contradicted=identities_contradict(kept.document, merged.document),
        is_distinguished=were_distinguished(session, kept_id, merged_id),
        ended_sharings=_ended_sharings(session, kept_id, merged_id),
        refusal=refusal_of_merge(session, user_id, kept_id, merged_id),
    )


def _ended_sharings(session: Session, kept_id: UUID, merged_id: UUID) -> tuple[EndedSharing, ...]:
    theirs = (is_record_of(OnwardReferral.person_id, each) for each in (kept_id, merged_id))
    live = session.execute(
        select(OnwardReferral, Organisation.name)
        .join(Organisation, Organisation.id == OnwardReferral.provider_id)
        .where(
            or_(*theirs),
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            OnwardReferral.sharing_override_id.is_(None),
        )
        .order_by(OnwardReferral.offered_at, OnwardReferral.id)
    ).all()
    kept = records_of_person(session, kept_id) if live else ()
    today = times.london_date(times.now())
    return tuple(
        EndedSharing(onward.reference, provider, onward.state in UNANSWERED_ONWARD_STATES)
        for onward, provider in live
        if not is_sharing_agreed(
            session, onward, today, with_person=merged_id if onward.person_id in kept else kept_id
        )
    )


def _fields(kept: Mapping[str, Any], merged: Mapping[str, Any]) -> tuple[ComparedField, ...]:
    found = []
    for label, name in _SHOWN:
        one, other = (_shown(document, name) for document in (kept, merged))
        if one or other:
            found.append(ComparedField(label, one, other, one == other))
    adult, other_adult = _safe_adult(kept), _safe_adult(merged)
    if adult or other_adult:
        found.append(ComparedField(_SAFE_ADULT, adult, other_adult, adult == other_adult))
    for label, name in _COMPARED:
        one, other = kept.get(name) or None, merged.get(name) or None
        if one or other:
            found.append(ComparedField(label, _hidden(one), _hidden(other), one == other))
    return tuple(found)


def _shown(document: Mapping[str, Any], name: str | None) -> str | None:
    if name is None:
        return person_name(document)
    if name == "date_of_birth" and document.get(name):
        born = date.fromisoformat(document[name])
        return f"{born.day} {born:%B %Y}"
    return document.get(name) or None


def _safe_adult(document: Mapping[str, Any]) -> str | None:
    """Who it is, and whether it is safe to speak to them: a merge makes the stricter answer count for both."""
    if not any(document.get(name) for name in ("guardian_name", "guardian_relationship", "guardian_phone")):
        return None
    named = [document.get(name) for name in ("guardian_name", "guardian_relationship")]
    is_safe = _IS_SAFE.get(document.get(SAFE_ANSWER) or "", "not known to be safe")
    return ", ".join([*(str(value) for value in named if value), is_safe])


def _hidden(value: str | None) -> str | None:
    return "Recorded" if value else None


def _counts(session: Session, person_id: UUID) -> RecordCounts:
    mine = select(Referral.id).where(Referral.person_id == person_id)
    references = session.scalars(
        select(Referral.reference)
        .where(Referral.person_id == person_id)
        .order_by(Referral.received_at.desc(), Referral.id)
    ).all()
    consents = select(func.count()).where(Consent.person_id == person_id, Consent.withdrawn_at.is_(None))
    tasks = select(func.count()).where(Task.referral_id.in_(mine), Task.done_at.is_(None))
    onward = select(func.count()).where(
        OnwardReferral.referral_id.in_(mine), OnwardReferral.state.in_(LIVE_ONWARD_STATES)
    )
    counts = session.execute(
        select(consents.scalar_subquery(), tasks.scalar_subquery(), onward.scalar_subquery())
    ).one()
    return RecordCounts(tuple(references), *counts)
