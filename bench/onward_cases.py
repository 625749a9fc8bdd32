"""Onward referrals of invented cases, at several providers and in every state, sealed as the service seals them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, create_engine, select, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from config import Settings
from victim_gateway import crypto
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.bulk_insert import insert_rows
from victim_gateway.database.current import current_keyring
from victim_gateway.database.transaction import transaction
from victim_gateway.demo.random_choice import random_stream
from victim_gateway.extensions import Base
from victim_gateway.models import (
    CaseEvent,
    Consent,
    OnwardReferral,
    Organisation,
    ProviderNotice,
    ProviderService,
    Task,
    WrappedKey,
)
from victim_gateway.queries.onward_referrals.handover import HANDOVER, SAFE_CONTACT
from victim_gateway.services.shared.onward_referral_action import LocalEvent, onward_task_key
from victim_gateway.services.shared.tasks import new_task_values
from victim_gateway.vocabulary import NoticeKind, TaskKind

AT_ONCE = 5000
BUSIEST = "new-era"
"""The provider whose pages are measured: one onward referral in four is its own."""
_WANTED = """
SELECT c.id, c.person_id, c.reference, c.received_at, c.closed_at, c.owner_id, c.stage, c.outcome, c.u, c.v, c.w
FROM bench_case c
WHERE c.owner_id IS NOT NULL AND (c.stage = 'supported' OR (c.stage = 'triaged' AND c.w < 0.7)
    OR (c.stage = 'closed' AND c.outcome IN ('needs_met', 'referred_on') AND c.u < 0.3))
ORDER BY c.received_at, c.id
"""
# The states of onward referrals by how far their referral is, with how often each is met.
_STATES: Mapping[str, Mapping[str, float]] = {
    "supported": {"accepted": 3, "in_service": 7},
    "triaged": {"offered": 5, "acknowledged": 2, "information_requested": 1, "declined": 2},
    "closed": {"closed": 1},
}
_ANSWERED = ("accepted", "in_service", "declined", "closed")
_CONTACTED = ("in_service", "closed")


@dataclass
class _Rows:
    """Rows to insert, by table, in the order in which they refer to each other."""

    by_table: dict[type[Base], list[dict[str, Any]]] = field(
        default_factory=lambda: {
            table: [] for table in (WrappedKey, Consent, OnwardReferral, CaseEvent, Task, ProviderNotice)
        }
    )

    def add(self, table: type[Base], **values: Any) -> None:
        self.by_table[table].append(values)

    def insert(self, session: Session) -> None:
        for table, rows in self.by_table.items():
            insert_rows(session, table, rows)


@dataclass(frozen=True, slots=True)
class _Contents:
    """What the demonstration handed over, to hand over again."""

    handover: Any
    safe_contact: Any


def write_onward_referrals(settings: Settings, *, seed: int) -> None:
    """Write the onward referrals of the cases in `bench_case`."""
    engine = create_engine(str(settings.database_owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        cases = connection.execute(text(_WANTED)).all()
    agreed: dict[tuple[UUID, UUID], UUID] = {}
    with transaction(Actor.worker("bench")) as session:
        services, contents = _services(session), list(_demo_contents(session))
        for start in range(0, len(cases), AT_ONCE):
            rows = _Rows()
            for case in cases[start : start + AT_ONCE]:
                chance = random_stream(seed, "onward", str(case.reference))
                for number, service in enumerate(_chosen(services, chance), start=1):
                    offer = _invent_offer(case, number, service, chance)
                    _add_offer(rows, offer, chance.choice(contents), agreed)
            rows.insert(session)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE bench_case"))
    engine.dispose()


def _services(session: Session) -> list[tuple[UUID, UUID, float]]:
    """Service, provider, and how often it is chosen."""
    found = session.execute(
        select(ProviderService.id, ProviderService.provider_id, Organisation.key)
        .join(Organisation, Organisation.id == ProviderService.provider_id)
        .order_by(ProviderService.key)
    ).all()
    busiest = sum(key == BUSIEST for _, _, key in found)
    others = len(found) - busiest
    return [
        (service, provider, 0.25 / busiest if key == BUSIEST else 0.75 / others)
        for service, provider, key in found
    ]


def _demo_contents(session: Session) -> Iterator[_Contents]:
    for onward in session.scalars(select(OnwardReferral).order_by(OnwardReferral.reference).limit(20)):
        key = encrypted_rows.open_key(session, onward.key_id)
        yield _Contents(
            encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed),
            encrypted_rows.unseal_row(key, SAFE_CONTACT, onward.id, onward.safe_contact_sealed),
        )


def _chosen(services: Sequence[tuple[UUID, UUID, float]], chance: Random) -> list[tuple[UUID, UUID]]:
    """One service, or for one person in eight two of different providers."""
    weights = [weight for _, _, weight in services]
    picked = chance.choices(services, weights, k=2 if chance.random() < 0.125 else 1)
    return list({provider: (service, provider) for service, provider, _ in picked}.values())


@dataclass(frozen=True, slots=True)
class _Offer:
    """One onward referral to write: whose, to whom, how far it came and when."""

    case: Row[Any]
    reference: str
    service_id: UUID
    provider_id: UUID
    state: str
    offered_at: datetime
    answered_at: datetime
    contact_at: datetime
    id: UUID = field(default_factory=uuid4)

    @property
    def is_answered(self) -> bool:
        return self.state in _ANSWERED

    @property
    def is_contacted(self) -> bool:
        return self.state in _CONTACTED

    @property
    def due_on(self) -> date:
        return (self.offered_at + timedelta(days=2)).date()

    def events(self) -> dict[LocalEvent, datetime]:
        """What happened to it, in the words of the area's standards."""
        found = {LocalEvent.OFFERED: self.offered_at}
        if self.is_answered:
            found[LocalEvent.ANSWERED] = self.answered_at
        if self.is_answered and self.state != "declined":
            found[LocalEvent.ACCEPTED] = self.answered_at
        if self.is_contacted:
            found[LocalEvent.FIRST_CONTACT] = self.contact_at
        return found


def _invent_offer(case: Row[Any], number: int, service: tuple[UUID, UUID], chance: Random) -> _Offer:
    state = chance.choices(*zip(*_STATES[case.stage].items(), strict=True))[0]
    offered_at = case.received_at + (case.closed_at - case.received_at) * (0.7 + 0.1 * chance.random())
    answered_at = offered_at + (case.closed_at - offered_at) * 0.4 * chance.random()
    contact_at = answered_at + (case.closed_at - answered_at) * 0.5 * chance.random()
    return _Offer(case, f"{case.reference}-{number}", *service, state, offered_at, answered_at, contact_at)


def _add_offer(
    rows: _Rows, offer: _Offer, contents: _Contents, agreed: dict[tuple[UUID, UUID], UUID]
) -> None:
    """Add the rows of one onward referral. `agreed` has the consents that are there: one for each provider."""
    whose = offer.case.person_id, offer.provider_id
    if whose not in agreed:
        agreed[whose] = _add_consent(rows, offer)
    _add_onward_referral(rows, offer, contents, agreed[whose])
    for event, moment in offer.events().items():
        rows.add(
            CaseEvent,
            id=uuid4(),
            referral_id=offer.case.id,
            onward_referral_id=offer.id,
            provider_id=offer.provider_id,
            kind="local",
            event=event,
            subject=offer.reference,
            occurred_at=moment,
            recorded_at=moment,
            source="gateway",
            grade="system_record",
            details={},
        )
    asked = {"declined": TaskKind.PROVIDER_DECLINED, "information_requested": TaskKind.PROVIDER_ASKED}.get(
        offer.state
    )
    if asked is not None:
        key = onward_task_key(asked, offer.id)
        task = new_task_values(asked, offer.case.id, key, at=offer.answered_at)
        rows.add(Task, **task, onward_referral_id=offer.id)
    if offer.state == "offered":
        rows.add(
            ProviderNotice,
            id=uuid4(),
            kind=NoticeKind.NEW_OFFER,
            onward_referral_id=offer.id,
            provider_id=offer.provider_id,
            reference=offer.reference,
            due_on=offer.due_on,
            fields=[],
            created_at=offer.offered_at,
        )


def _add_consent(rows: _Rows, offer: _Offer) -> UUID:
    consent_id = uuid4()
    rows.add(
        Consent,
        id=consent_id,
        person_id=offer.case.person_id,
        referral_id=offer.case.id,
        purpose="share_with_provider",
        recipient_organisation_id=offer.provider_id,
        agreed=True,
        how="spoken",
        given_at=offer.offered_at,
        recorded_at=offer.offered_at,
        recorded_by_id=offer.case.owner_id,
    )
    return consent_id


def _add_onward_referral(rows: _Rows, offer: _Offer, contents: _Contents, consent_id: UUID) -> None:
    key_id, key = uuid4(), crypto.new_data_key()
    keyring_id, wrapped = current_keyring().wrap_key(key, encrypted_rows.bound_to("wrapped_key", key_id))
    rows.add(
        WrappedKey,
        id=key_id,
        purpose="handover",
        subject_id=offer.case.person_id,
        organisation_id=offer.provider_id,
        keyring_id=keyring_id,
        wrapped=wrapped,
        created_at=offer.offered_at,
    )
    ended_at = offer.case.closed_at if offer.state == "closed" else None
    rows.add(
        OnwardReferral,
        id=offer.id,
        reference=offer.reference,
        referral_id=offer.case.id,
        person_id=offer.case.person_id,
        provider_id=offer.provider_id,
        service_id=offer.service_id,
        consent_id=consent_id,
        key_id=key_id,
        handover_sealed=encrypted_rows.seal_row(key, HANDOVER, offer.id, contents.handover),
        safe_contact_sealed=encrypted_rows.seal_row(key, SAFE_CONTACT, offer.id, contents.safe_contact),
        state=offer.state,
        offered_at=offer.offered_at,
        offered_by_id=offer.case.owner_id,
        answer_due_on=offer.due_on,
        acknowledged_at=offer.offered_at if offer.state != "offered" else None,
        answered_at=offer.answered_at if offer.is_answered else None,
        first_contact_at=offer.contact_at if offer.is_contacted else None,
        ended_at=ended_at,
        decline_reason="no_capacity" if offer.state == "declined" else None,
        outcome="needs_met" if offer.state == "closed" else None,
        provider_access_ended_at=offer.answered_at if offer.state == "declined" else ended_at,
        version=1,
    )
