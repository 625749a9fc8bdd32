"""Referrals at each step of a caseworker's way, made as a caseworker would make them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.models import (
    CaseEvent,
    EntitlementClock,
    Organisation,
    Provider,
    ProviderService,
    Referral,
    SafeContactPlan,
    Task,
    TriageAssessment,
    User,
)
from victim_gateway.rules.handover import HandoverText
from victim_gateway.rules.safe_contact import CHANNELS_OF_DETAIL
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import contact_attempts, create_referral, safe_contact, status, triage
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    ConsentHow,
    HandoverPart,
    OrganisationKind,
    ReferralSource,
    Risk,
    Role,
    SafeAnswer,
    TaskKind,
)

# A Monday morning in winter time, far from bank holidays.
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_numbers = count(1)


def person_document(**overrides: Any) -> dict[str, Any]:
    """An invented person that no other test has. Numbers are Ofcom's for drama."""
    number = next(_numbers)
    return {
        "given_name": f"Robin{number}",
        "family_name": f"Testcase{number}",
        "date_of_birth": f"19{60 + number % 30}-05-{1 + number % 28:02d}",
        "phone": f"07700 900{number % 1000:03d}",
        "email": f"robin{number}@example.org",
        "address_line_1": f"{number} Mill Lane",
        "town": "Stafford",
        "postcode": f"ST16 {number % 10}QQ",
    } | overrides


def safe_to_phone(**overrides: Any) -> SafeContactAnswer:
    """The person says that a telephone call is safe, and nothing else."""
    said: dict[str, Any] = {
        "safe": SafeAnswer.YES,
        "channels": {"phone": SafeAnswer.YES},
        "same_details": ("number",),
    }
    return SafeContactAnswer(**(said | overrides))


def new_referral(**overrides: Any) -> create_referral.NewReferral:
    """What a caseworker types for somebody who asks for help after a burglary."""
    typed: dict[str, Any] = {
        "source": ReferralSource.SELF,
        "person": person_document(),
        "offence": "Burglary",
        "safe_contact": safe_to_phone(),
        "district": "Stafford",
        "agreed": True,
    }
    return create_referral.NewReferral(**(typed | overrides))


def recorded(actor: Actor, *, at: datetime = MONDAY, **overrides: Any) -> UUID:
    """A referral that nobody has taken yet."""
    return create_referral.record_referral(
        Command(actor, at, submission_id=uuid4()), new_referral(**overrides)
    )


def assigned(actor: Actor, *, at: datetime = MONDAY, **overrides: Any) -> UUID:
    """A referral that the actor has taken on."""
    referral_id = recorded(actor, at=at, **overrides)
    status.take_referral(Command(actor, at), referral_id)
    return referral_id


def in_contact(actor: Actor, *, at: datetime = MONDAY, **overrides: Any) -> UUID:
    """A referral whose person was reached by telephone half an hour later."""
    referral_id = assigned(actor, at=at, **overrides)
    log_attempt(referral_id, actor, at=at + timedelta(minutes=30))
    return referral_id


def assessed(actor: Actor, *, at: datetime = MONDAY, risk: Risk = Risk.STANDARD, **overrides: Any) -> UUID:
    """A referral with a triage assessment, an hour after it came."""
    referral_id = in_contact(actor, at=at, **overrides)
    assess(referral_id, actor, at=at + timedelta(hours=1), risk=risk)
    return referral_id


def log_attempt(
    referral_id: UUID,
    actor: Actor,
    *,
    at: datetime,
    outcome: AttemptOutcome = AttemptOutcome.REACHED,
    channel: Channel = Channel.PHONE,
    version: int | None = None,
    **overrides: Any,
) -> UUID:
    """One try at reaching the person, at `at`, having seen the plan in force."""
    said: dict[str, Any] = {
        "attempted_at": at,
        "channel": channel,
        "outcome": outcome,
        "checked": ("read_plan", "right_number"),
    }
    return contact_attempts.log_contact_attempt(
        Command(actor, at, version=plan_version(referral_id, actor) if version is None else version),
        referral_id,
        contact_attempts.AttemptDetails(**(said | overrides)),
    )


def assessment(*, at: datetime, risk: Risk = Risk.STANDARD, **overrides: Any) -> triage.TriageAnswers:
    """Some need in every area of the scale."""
    said: dict[str, Any] = {
        "assessed_at": at,
        "needs": {key: 1 for key, _ in current_settings().area.needs.areas},
        "risk": risk,
        "risk_grounds": ("professional_judgement",) if risk is Risk.HIGH else (),
        "risk_reason": "As they told us." if risk is Risk.HIGH else None,
    }
    return triage.TriageAnswers(**(said | overrides))


def assess(referral_id: UUID, actor: Actor, *, at: datetime, **overrides: Any) -> UUID:
    """A further triage assessment by somebody who has seen the last one."""
    with transaction(actor) as session:
        versions = select(TriageAssessment.version).where(TriageAssessment.referral_id == referral_id)
        seen = max(session.scalars(versions), default=0)
    return triage.record_triage_assessment(
        Command(actor, at, version=seen), referral_id, assessment(at=at, **overrides)
    )


def plan_version(referral_id: UUID, actor: Actor) -> int:
    """The version of the safe-contact plan in force, 0 for none."""
    with transaction(actor) as session:
        return (
            session.scalar(
                select(SafeContactPlan.version)
                .join(Referral, Referral.person_id == SafeContactPlan.person_id)
                .where(Referral.id == referral_id, SafeContactPlan.superseded_at.is_(None))
            )
            or 0
        )


def referral(referral_id: UUID, actor: Actor) -> Referral:
    """The referral as the actor sees it now."""
    with transaction(actor) as session:
        return session.get_one(Referral, referral_id)


def provider(owner: Owner, *, key: str = "new-era", has_account: bool = True) -> tuple[UUID, UUID]:
    """A provider with one service open to everybody, which an account sees: the ids of its organisation and service."""
    with owner() as session:
        found = session.scalar(select(Organisation.id).where(Organisation.key == key))
        organisation_id = found or uuid4()
        if found is None:
            name = key.replace("-", " ").title()
            session.add(Organisation(id=organisation_id, key=key, kind=OrganisationKind.PROVIDER, name=name))
            session.flush()
        if session.get(Provider, organisation_id) is None:
            session.add(Provider(id=organisation_id, description="Helps people", active_from=MONDAY.date()))
            session.flush()
        service_id = uuid4()
        session.add(
            ProviderService(
                id=service_id,
                provider_id=organisation_id,
                key=f"{key}-{service_id.hex[:6]}",
                name="Support",
                description="Somebody to talk to",
            )
        )
        if has_account:
            user_id = uuid4()
            session.add(
                User(
                    id=user_id,
                    organisation_id=organisation_id,
                    email=f"{user_id}@test.example",
                    name="Test reader",
                    role=Role.PROVIDER,
                    password_hash="no password opens this account",  # noqa: S106  no hash, so no sign-in
                    created_at=MONDAY,
                )
            )
    return organisation_id, service_id


def open_tasks(referral_id: UUID, actor: Actor) -> list[TaskKind]:
    """The kinds of what is still to do."""
    with transaction(actor) as session:
        return list(
            session.scalars(select(Task.kind).where(Task.referral_id == referral_id, Task.done_at.is_(None)))
        )


def events_of(referral_id: UUID, actor: Actor, *kinds: str) -> list[str]:
    """The names of what happened, of these kinds, in the order we learned it."""
    with transaction(actor) as session:
        rows = select(CaseEvent.event).where(CaseEvent.referral_id == referral_id, CaseEvent.kind.in_(kinds))
        return list(session.scalars(rows.order_by(CaseEvent.sequence)))


def clock(referral_id: UUID, entitlement_id: str, actor: Actor) -> EntitlementClock:
    """The one stored clock of an entitlement."""
    with transaction(actor) as session:
        return session.scalars(
            select(EntitlementClock).where(
                EntitlementClock.referral_id == referral_id, EntitlementClock.entitlement_id == entitlement_id
            )
        ).one()


def record_plan(
    referral_id: UUID,
    actor: Actor,
    plan: SafeContactAnswer,
    *,
    at: datetime = MONDAY + HOUR,
    version: int | None = None,
) -> None:
    """A new safe-contact plan by somebody who has seen the last one, an hour after the referral.

    What it does not type is said to be the same as before.
    """
    plan = replace(plan, same_details=plan.same_details or tuple(CHANNELS_OF_DETAIL))
    seen = plan_version(referral_id, actor) if version is None else version
    safe_contact.record_safe_contact(Command(actor, at, version=seen), referral_id, plan)


def offered(actor: Actor, owner: Owner, referral_id: UUID) -> UUID:
    """An onward referral to a new provider, offered on the day after, with the name only."""
    _, service_id = provider(owner)
    return onward_referrals.offer_onward_referral(
        Command(actor, MONDAY + DAY),
        referral_id,
        onward_referrals.OfferToProvider(
            service_id=service_id,
            share=frozenset({HandoverPart.NAME}),
            texts=HandoverText(),
            consent=onward_referrals.SharingConsent(True, ConsentHow.SPOKEN, MONDAY + HOUR),
        ),
    )
