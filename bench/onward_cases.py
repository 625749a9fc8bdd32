"""Onward referrals of invented cases, at several providers and in every state, sealed as the service seals them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
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
                    _add_onward_referral(rows, case, number, service, chance.choice(contents), chance, agreed)
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


def _add_onward_referral(  # noqa: PLR0913  one row of six tables
    rows: _Rows,
    case: Row[Any],
    number: int,
    service: tuple[UUID, UUID],
    contents: _Contents,
    chance: Random,
    agreed: dict[tuple[UUID, UUID], UUID],
) -> None:
    service_id, provider_id = service
    state = chance.choices(*zip(*_STATES[case.stage].items(), strict=True))[0]
    offered_at = case.received_at + (case.closed_at - case.received_at) * (0.7 + 0.1 * chance.random())
    answered_at = offered_at + (case.closed_at - offered_at) * 0.4 * chance.random()
    contact_at = answered_at + (case.closed_at - answered_at) * 0.5 * chance.random()
    onward_id, key_id, key = uuid4(), uuid4(), crypto.new_data_key()
    keyring_id, wrapped = current_keyring().wrap_key(key, encrypted_rows.bound_to("wrapped_key", key_id))
    rows.add(
        WrappedKey,
        id=key_id,
        purpose="handover",
        subject_id=case.person_id,
        organisation_id=provider_id,
        keyring_id=keyring_id,
        wrapped=wrapped,
        created_at=offered_at,
    )
    consent_id = agreed.get((case.person_id, provider_id))
    if consent_id is None:
        consent_id = agreed[case.person_id, provider_id] = uuid4()
        rows.add(
            Consent,
            id=consent_id,
            person_id=case.person_id,
            referral_id=case.id,
            purpose="share_with_provider",
            recipient_organisation_id=provider_id,
            agreed=True,
            how="spoken",
            given_at=offered_at,
            recorded_at=offered_at,
            recorded_by_id=case.owner_id,
        )
    is_answered, is_contacted = state in _ANSWERED, state in _CONTACTED
    reference = f"{case.reference}-{number}"
    ended_at = case.closed_at if state == "closed" else None
    rows.add(
        OnwardReferral,
        id=onward_id,
        reference=reference,
        referral_id=case.id,
        person_id=case.person_id,
        provider_id=provider_id,
        service_id=service_id,
        consent_id=consent_id,
        key_id=key_id,
        handover_sealed=encrypted_rows.seal_row(key, HANDOVER, onward_id, contents.handover),
        safe_contact_sealed=encrypted_rows.seal_row(key, SAFE_CONTACT, onward_id, contents.safe_contact),
        state=state,
        offered_at=offered_at,
        offered_by_id=case.owner_id,
        answer_due_on=(offered_at + timedelta(days=2)).date(),
        acknowledged_at=offered_at if state != "offered" else None,
        answered_at=answered_at if is_answered else None,
        first_contact_at=contact_at if is_contacted else None,
        ended_at=ended_at,
        decline_reason="no_capacity" if state == "declined" else None,
        outcome="needs_met" if state == "closed" else None,
        provider_access_ended_at=answered_at if state == "declined" else ended_at,
        version=1,
    )
    moments = {LocalEvent.OFFERED: offered_at}
    moments |= {LocalEvent.ANSWERED: answered_at} if is_answered else {}
    moments |= {LocalEvent.ACCEPTED: answered_at} if is_answered and state != "declined" else {}
    moments |= {LocalEvent.FIRST_CONTACT: contact_at} if is_contacted else {}
    for event, moment in moments.items():
        rows.add(
            CaseEvent,
            id=uuid4(),
            referral_id=case.id,
            onward_referral_id=onward_id,
            provider_id=provider_id,
            kind="local",
            event=event,
            subject=reference,
            occurred_at=moment,
            recorded_at=moment,
            source="gateway",
            grade="system_record",
            details={},
        )
    asked = {"declined": TaskKind.PROVIDER_DECLINED, "information_requested": TaskKind.PROVIDER_ASKED}.get(
        state
    )
    if asked is not None:
        task = new_task_values(asked, case.id, onward_task_key(asked, onward_id), at=answered_at)
        rows.add(Task, **task, onward_referral_id=onward_id)
    if state == "offered":
        rows.add(
            ProviderNotice,
            id=uuid4(),
            kind=NoticeKind.NEW_OFFER,
            onward_referral_id=onward_id,
            provider_id=provider_id,
            reference=reference,
            due_on=(offered_at + timedelta(days=2)).date(),
            fields=[],
            created_at=offered_at,
        )
