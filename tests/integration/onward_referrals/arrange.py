"""A triaged person and the providers they can be referred on to, for tests of onward referrals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import (
    CaseEvent,
    OnwardReferral,
    Person,
    Provider,
    ProviderService,
    Referral,
    ReferralAccess,
    SafeContactPlan,
    TriageAssessment,
)
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.compliance.case_facts import NewCaseFacts
from victim_gateway.services.onward_referrals import SharingConsent
from victim_gateway.services.referrals import reference_numbers
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    HandoverPart,
    ReferralSource,
    ReferralState,
    Risk,
    Role,
    SafeAnswer,
)

# A Tuesday in summer time and a Tuesday in winter time, far from holidays.
MORNING = datetime(2026, 7, 14, 9, 0, tzinfo=UTC)
WINTER = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
EVERYTHING = tuple(HandoverPart)
ABOUT_RESTORATIVE_JUSTICE = {"stage": "during", "approach": "person_asked", "purpose": "information"}
YES = SharingConsent(agreed=True, how=ConsentHow.SPOKEN, given_at=MORNING)


@dataclass(frozen=True)
class Given:
    """A provider with one service, and somebody who works there."""

    provider: Actor
    service_id: UUID


def a_provider(
    owner: Owner,
    make_actor: MakeActor,
    key: str = "new-era",
    *,
    districts: Iterable[str] = (),
    victim_types: Iterable[str] = (),
    needs: Iterable[str] = (),
    min_age: int | None = None,
    max_age: int | None = None,
    active_from: date = date(2016, 1, 1),
    active_until: date | None = None,
    **differently: Any,
) -> Given:
    """A provider of that key with one service."""
    actor = make_actor(Role.PROVIDER, organisation=key)
    service_id = uuid4()
    with owner() as session:
        if session.get(Provider, actor.organisation_id) is None:
            session.add(
                Provider(
                    id=actor.organisation_id,
                    description="Support for people harmed by crime.",
                    active_from=active_from,
                    active_until=active_until,
                )
            )
            session.flush()
        session.add(
            ProviderService(
                id=service_id,
                provider_id=actor.organisation_id,
                key=f"{key}-{service_id.hex[:6]}",
                name="Support service",
                description="Somebody to talk to.",
                districts=list(districts),
                needs=list(needs),
                victim_types=list(victim_types),
                min_age=min_age,
                max_age=max_age,
                **differently,
            )
        )
    return Given(actor, service_id)


def a_referral(
    caseworker: Actor | None,
    *,
    at: datetime = MORNING,
    state: ReferralState = ReferralState.TRIAGED,
    restricted_to: UUID | None = None,
    plan: dict[str, Any] | None = None,
    safe: SafeAnswer = SafeAnswer.YES,
    **differently: Any,
) -> UUID:
    """A referral of Wilma Ashdown, assessed and with a safe-contact plan; gives its id."""
    person_id, referral_id = uuid4(), uuid4()
    document = {
        "given_name": "Wilma",
        "family_name": "Ashdown",
        "date_of_birth": "1990-05-04",
        "phone": "07700 900123",
        "communication_needs": "Large print",
    }
    with transaction(Actor.worker("tests")) as session:
        key_id, key = encrypted_rows.new_key(session, "person", person_id, at)
        session.add(
            Person(
                id=person_id,
                key_id=key_id,
                sealed=encrypted_rows.seal_row(key, "person", person_id, document),
                created_at=at,
                updated_at=at,
                restricted=restricted_to is not None,
            )
        )
        session.flush()
        fields: dict[str, Any] = {
            "source": ReferralSource.SELF,
            "offence": "Burglary in a dwelling",
            "district": "Stafford",
            "residence_district": "Stafford",
            "received_at": at,
            "next_since": at,
            "risk": Risk.MEDIUM,
            "assigned_to_id": caseworker.user_id if caseworker else None,
            **differently,
        }
        session.add(
            Referral(
                id=referral_id,
                reference=reference_numbers.allocate_references(session, [at])[0],
                person_id=person_id,
                sealed=encrypted_rows.seal_row(
                    key,
                    "referral",
                    referral_id,
                    {"what_happened": "The back door was forced while she slept."},
                ),
                state=state,
                restricted=restricted_to is not None,
                **fields,
            )
        )
        session.flush()
        if restricted_to is not None:
            session.add(ReferralAccess(referral_id=referral_id, user_id=restricted_to, granted_at=at))
        _plan(session, person_id, key, at, safe, plan)
        _triage(session, referral_id, caseworker, at)
        case_facts.create_case_facts(
            session,
            referral_id,
            NewCaseFacts(
                crime_type="burglary", opens_code_clocks=True, observers=("partner",), district="Stafford"
            ),
            at=at,
        )
    return referral_id


def _plan(
    session: Any, person_id: UUID, key: bytes, at: datetime, safe: SafeAnswer, plan: dict[str, Any] | None
) -> None:
    plan_id = uuid4()
    said = plan or {
        "channels": {"phone": "yes", "sms": "no", "email": "no", "post": "no", "voicemail": "no"},
        "number": "07700 900123",
        "email": "wilma@example.com",
        "days": ["Monday", "Tuesday"],
        "from_time": "10:00",
        "until_time": "14:00",
        "code_word": "bluebell",
        "words": "Hang up if a man answers.",
    }
    session.add(
        SafeContactPlan(
            id=plan_id,
            person_id=person_id,
            version=1,
            safe=safe,
            safe_channels=["phone"] if safe is SafeAnswer.YES else [],
            sealed=encrypted_rows.seal_row(key, "safe_contact_plan", plan_id, said),
            stated_by="person",
            checked_at=at,
            recorded_at=at,
        )
    )


def _triage(session: Any, referral_id: UUID, caseworker: Actor | None, at: datetime) -> None:
    if caseworker is None:
        return
    session.add(
        TriageAssessment(
            id=uuid4(),
            referral_id=referral_id,
            version=1,
            assessed_at=at,
            recorded_at=at,
            by_id=caseworker.user_id,
            needs={"mental_and_physical_health": 3, "shelter_and_accommodation": 1, "drugs_and_alcohol": 0},
            risk=Risk.MEDIUM,
            risk_grounds=["Lives near the person who did it"],
        )
    )


def offered(
    caseworker: Actor,
    given: Given,
    *,
    referral_id: UUID | None = None,
    at: datetime = MORNING,
    share: Iterable[HandoverPart] = EVERYTHING,
    texts: HandoverText | None = None,
    answers: Mapping[str, str] | None = None,
) -> UUID:
    """An onward referral that waits for the provider's answer; gives its id."""
    return onward_referrals.offer_onward_referral(
        Command(caseworker, at),
        referral_id or a_referral(caseworker, at=at),
        onward_referrals.OfferToProvider(
            service_id=given.service_id,
            share=tuple(share),
            texts=texts or HandoverText(what_happened="Her house was broken into.", wants="To sleep again."),
            consent=SharingConsent(agreed=True, how=ConsentHow.SPOKEN, given_at=at),
            answers=answers or {},
        ),
    )


def onward_row(owner: Owner, onward_id: UUID) -> OnwardReferral:
    """The row as it stands, past row-level security."""
    with owner() as session:
        return session.get_one(OnwardReferral, onward_id)


def referral_row(owner: Owner, onward_id: UUID) -> Referral:
    """The referral of an onward referral, as it stands."""
    with owner() as session:
        return session.get_one(Referral, session.get_one(OnwardReferral, onward_id).referral_id)


def events_of(owner: Owner, onward_id: UUID) -> list[CaseEvent]:
    """Its events, in the order in which they were learned."""
    with owner() as session:
        mine = select(CaseEvent).where(CaseEvent.onward_referral_id == onward_id)
        return list(session.scalars(mine.order_by(CaseEvent.sequence)))
