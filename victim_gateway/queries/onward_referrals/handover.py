"""Read what could be handed over to a provider; `rules.handover` decides what of it goes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound
from victim_gateway.models import Consent, OnwardReferral, Person, Referral, SharingOverride, TriageAssessment
from victim_gateway.queries.onward_referrals.sharing_overrides import recorded_override
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.rules.contact_stops import contact_stops
from victim_gateway.rules.handover import (
    HandoverSource,
    RecordedConsent,
    RecordedOverride,
    SafeContactSource,
    compose_safe_contact,
    describe_needs,
    is_check_stale,
    may_be_referred_on,
)
from victim_gateway.rules.person_names import name_for_provider
from victim_gateway.rules.risk_rules import DASH_SCORE, INCIDENTS
from victim_gateway.rules.triage_questions import (
    HouseholdAnswers,
    join_communication,
    latest_language,
    read_household,
)
from victim_gateway.vocabulary import ConsentPurpose, HandoverPart, OverrideState

# What the sealed halves of an onward referral are bound to: one can't stand in for the other.
HANDOVER, SAFE_CONTACT = "onward_referral", "onward_referral.safe_contact"


def gather_handover_source(session: Session, referral_id: UUID, *, on: date) -> HandoverSource:
    """Read what could be handed over of a referral on a London date: an answer on safe contact grows old.

    Raises NotFound when it is absent or not the reader's.
    """
    referral = session.get(Referral, referral_id)
    person = session.get(Person, referral.person_id) if referral else None
    if referral is None or person is None:
        raise NotFound()
    key = encrypted_rows.open_key(session, person.key_id)
    opened_person = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    opened_referral = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
    triage = _last_triage(session, referral_id)
    contact = _safe_contact_source(session, person.id, key, opened_person, on)
    said = _household(triage, key)
    born = opened_person.get("date_of_birth")
    return HandoverSource(
        person_id=person.id,
        name=name_for_provider(opened_person),
        born_on=date.fromisoformat(born) if born else None,
        victim_type=referral.victim_type,
        offence=referral.offence,
        recorded_as=referral.recorded_as,
        district=referral.district,
        occurred_on=times.london_date(referral.occurred_from) if referral.occurred_from else None,
        what_happened=opened_referral.get("what_happened") or "",
        needs=_needs(triage.needs if triage else {}),
        risk=referral.risk.value,
        # What the numbers give by themselves says what was scored, which no provider is told.
        risk_grounds=tuple(each for each in triage.risk_grounds if each not in (DASH_SCORE, INCIDENTS))
        if triage
        else (),
        language=latest_language(
            said, opened_person.get("language"), is_corrected="language" in person.corrected_fields
        ),
        # An assessment that finds the need sets it there; only a correction that says so takes it away again.
        interpreter_needed=referral.interpreter_needed,
        communication_needs=join_communication(opened_person.get("communication_needs"), said),
        safe_contact=compose_safe_contact(contact),
        harms=referral.harms,
        hate_strand=referral.hate_strand,
        channels_to_complete=tuple(contact.channels_to_complete()) if contact else (),
        stops=contact_stops(opened_person, opened_referral),
    )


def _household(triage: TriageAssessment | None, key: bytes) -> HouseholdAnswers:
    if triage is None or triage.sealed is None:
        return HouseholdAnswers()
    document = encrypted_rows.unseal_row(key, "triage_assessment", triage.id, triage.sealed)
    return read_household(document.get("household") or {})


def safe_contact_document(session: Session, person: Person, person_key: bytes, *, on: date) -> dict[str, Any]:
    """How the person may be reached on a day, as a provider learns it; `person_key` opens the plan in force."""
    opened = encrypted_rows.unseal_row(person_key, "person", person.id, person.sealed)
    return compose_safe_contact(_safe_contact_source(session, person.id, person_key, opened, on))


def _safe_contact_source(
    session: Session, person_id: UUID, person_key: bytes, opened_person: Mapping[str, Any], on: date
) -> SafeContactSource | None:
    plan = plan_in_force(session, person_id)
    if plan is None:
        return None
    checked_on = times.london_date(plan.checked_at) if plan.checked_at else None
    return SafeContactSource(
        safe=plan.safe,
        checked_on=checked_on,
        stated_by=plan.stated_by,
        document=encrypted_rows.unseal_row(person_key, "safe_contact_plan", plan.id, plan.sealed),
        person=opened_person,
        is_stale=is_check_stale(checked_on, on, current_settings().area.thresholds.safe_contact_recheck_days),
    )


def sharing_consent_in_force(session: Session, person_id: UUID, provider_id: UUID) -> RecordedConsent | None:
    """The person's yes to sharing with a provider; None where the answer is no, withdrawn or not recorded."""
    answer = newest_sharing_answer(session, person_id, provider_id)
    return _recorded(answer) if answer is not None and answer.agreed else None


def _recorded(answer: Consent) -> RecordedConsent:
    scope = tuple(HandoverPart(part) for part in answer.scope or ())
    return RecordedConsent(answer.how, answer.given_at, scope, answer.carried_from_id is not None)


def newest_sharing_answer(
    session: Session, person_id: UUID, provider_id: UUID, *, with_person: UUID | None = None
) -> Consent | None:
    """The person's newest answer to sharing with a provider, of all their records; None once it was taken back.

    `with_person` is another who would be one with this person. Read as the service: a no counts in a record too that
    the reader may not see.
    """
    theirs = is_record_of(Consent.person_id, person_id)
    if with_person is not None:
        theirs |= is_record_of(Consent.person_id, with_person)
    every = (
        select(Consent)
        .ext(distinct_on(Consent.person_id))
        .where(
            theirs,
            Consent.purpose == ConsentPurpose.SHARE_WITH_PROVIDER,
            Consent.recipient_organisation_id == provider_id,
        )
        .order_by(Consent.person_id, Consent.withdrawn_at.desc().nulls_first())
    )
    with as_service(session):
        answers = session.scalars(every).all()
    # Of two answers of one moment the one that is no yes.
    newest = max(
        answers,
        key=lambda answer: (
            answer.withdrawn_at or answer.recorded_at,
            answer.withdrawn_at is not None or not answer.agreed,
        ),
        default=None,
    )
    return newest if newest is not None and newest.withdrawn_at is None else None


def is_sharing_agreed(
    session: Session, onward: OnwardReferral, on: date, *, with_person: UUID | None = None
) -> bool:
    """Whether what an onward referral rests on stands on a London date.

    That is the person's yes, and no record of the person has a newer no: a yes that was taken back once a newer one
    was given stands in that. Or it is a senior caseworker's yes to sharing without it, up to its last day; from then
    on it is the person's yes again, where they have given one.
    `with_person` is another who would be one with this person.
    """
    return sharing_basis(session, onward, on, with_person=with_person) is not None


def sharing_basis(
    session: Session, onward: OnwardReferral, on: date, *, with_person: UUID | None = None
) -> RecordedConsent | RecordedOverride | None:
    """What an onward referral rests on, on a London date; None where nothing stands.

    A senior caseworker's yes counts up to its last day. After it, as where there never was one, the person's own
    newest answer does: what they have agreed to since goes on.
    """
    if onward.sharing_override_id is not None:
        with as_service(session):
            override = session.get_one(SharingOverride, onward.sharing_override_id)
        if override.state is OverrideState.AGREED and override.last_day_on >= on:
            return recorded_override(override)
    newest = newest_sharing_answer(session, onward.person_id, onward.provider_id, with_person=with_person)
    return _recorded(newest) if newest is not None and newest.agreed else None


def can_be_referred_on(session: Session, referral: Referral) -> bool:
    """Whether the person of a referral can be referred on as it stands now."""
    has_triage_assessment = _last_triage(session, referral.id) is not None
    return may_be_referred_on(referral.state, has_triage_assessment=has_triage_assessment)


def _last_triage(session: Session, referral_id: UUID) -> TriageAssessment | None:
    return session.scalar(
        select(TriageAssessment)
        .where(TriageAssessment.referral_id == referral_id)
        .order_by(TriageAssessment.version.desc())
        .limit(1)
    )


def _needs(assessed: Mapping[str, int]) -> tuple[dict[str, Any], ...]:
    scale = current_area().needs
    return describe_needs(assessed, dict(scale.areas), dict(scale.steps))
