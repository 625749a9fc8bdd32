"""The workers of a provider: who may be given an onward referral, who has one, and who had it before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.errors import NotFound
from victim_gateway.models import OnwardReferral, User, WorkerAssignment
from victim_gateway.queries.accounts.memberships import works_for_service
from victim_gateway.service_record_vocabulary import WorkerChangeReason

# What the reason of a change of worker is bound to.
ONWARD_WORKER = "onward_worker"


@dataclass(frozen=True, slots=True)
class ProviderWorker:
    """An account of the provider's; `is_active` False: it was disabled, or lost its access, and works no more."""

    user_id: UUID
    name: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """A worker with the number of live onward referrals that they have."""

    worker: ProviderWorker
    total: int


@dataclass(frozen=True, slots=True)
class WorkerSpell:
    """One worker of an onward referral: from when to when, who gave it to them, and why.

    `remarks` are None for the Gateway, which never reads them.
    """

    worker: str
    worker_id: UUID
    from_name: str | None
    reason: WorkerChangeReason
    remarks: str | None
    given_at: datetime
    given_by: str
    ended_at: datetime | None


_GIVER = named_alias(User, "giver")


def can_work_for(
    organisation_id: ColumnElement[UUID] | Any, service_id: ColumnElement[UUID] | Any = None
) -> ColumnElement[bool]:
    """Whether an account (`User`) can work for a provider with a service, or with any where None."""
    is_account = User.contact_service_id.is_(None)
    return is_account & User.disabled_at.is_(None) & works_for_service(organisation_id, service_id)


def workers_with_access(
    session: Session, organisation_id: UUID | None, service_id: UUID | None = None
) -> tuple[ProviderWorker, ...]:
    """Who of a provider may be given an onward referral of a service, by name; the one place that says so.

    Every account that works for the organisation with that service and is not disabled. `service_id` None: with any
    service.
    """
    rows = session.execute(
        select(User.id, User.name)
        .where(can_work_for(organisation_id, service_id))
        .order_by(func.lower(User.name), User.id)
    )
    return tuple(ProviderWorker(row.id, row.name) for row in rows)


def worker_loads(session: Session) -> tuple[WorkerLoad, ...]:
    """Who of the reader's provider has how many live onward referrals, by name; those of disabled accounts too."""
    working = can_work_for(WorkerAssignment.provider_id).label("working")
    rows = session.execute(
        select(User.id, User.name, working, func.count().label("total"))
        .select_from(WorkerAssignment)
        .join(User, User.id == WorkerAssignment.worker_id)
        .where(WorkerAssignment.ended_at.is_(None))
        .group_by(User.id, User.name, User.disabled_at, WorkerAssignment.provider_id)
        .order_by(func.lower(User.name), User.id)
    )
    return tuple(
        WorkerLoad(ProviderWorker(row.id, row.name, is_active=row.working), row.total) for row in rows
    )


def find_worker_load(session: Session, worker_id: UUID) -> WorkerLoad:
    """One worker of the reader's provider with what they have. Raises NotFound where there is no such account."""
    found = next((load for load in worker_loads(session) if load.worker.user_id == worker_id), None)
    if found is not None:
        return found
    row = session.execute(select(User.id, User.name, User.disabled_at).where(User.id == worker_id)).first()
    if row is None:
        raise NotFound
    return WorkerLoad(ProviderWorker(row.id, row.name, is_active=row.disabled_at is None), 0)


def live_workers(session: Session, onward_referral_ids: Collection[UUID]) -> dict[UUID, ProviderWorker]:
    """Who has each of these onward referrals now; one without a worker is not in it."""
    if not onward_referral_ids:
        return {}
    working = can_work_for(OnwardReferral.provider_id, OnwardReferral.service_id).label("working")
    rows = session.execute(
        select(WorkerAssignment.onward_referral_id, User.id, User.name, working)
        .join(User, User.id == WorkerAssignment.worker_id)
        .join(OnwardReferral, OnwardReferral.id == WorkerAssignment.onward_referral_id)
        .where(
            WorkerAssignment.ended_at.is_(None), WorkerAssignment.onward_referral_id.in_(onward_referral_ids)
        )
    )
    return {row.onward_referral_id: ProviderWorker(row.id, row.name, is_active=row.working) for row in rows}


def referrals_of_worker(session: Session, worker_id: UUID, *, limit: int) -> tuple[tuple[UUID, str], ...]:
    """Id and reference of a worker's live onward referrals, those that were offered first at the top."""
    rows = session.execute(
        select(OnwardReferral.id, OnwardReferral.reference)
        .join(WorkerAssignment, WorkerAssignment.onward_referral_id == OnwardReferral.id)
        .where(WorkerAssignment.worker_id == worker_id, WorkerAssignment.ended_at.is_(None))
        .order_by(OnwardReferral.offered_at, OnwardReferral.id)
        .limit(limit)
    )
    return tuple((row.id, row.reference) for row in rows)


def worker_history(session: Session, onward_referral_id: UUID, key: bytes | None) -> tuple[WorkerSpell, ...]:
    """Every worker of an onward referral, the newest first; `key` None: without the words about why.

    For the Gateway, which has no right to those words, without them.
    """
    facts = (
        WorkerAssignment.id,
        WorkerAssignment.worker_id,
        WorkerAssignment.reason,
        WorkerAssignment.given_at,
        WorkerAssignment.ended_at,
        User.name.label("worker"),
        _GIVER.name.label("giver"),
        *((WorkerAssignment.sealed,) if key is not None else ()),
    )
    rows = session.execute(
        select(*facts)
        .join(User, User.id == WorkerAssignment.worker_id)
        .join(_GIVER, _GIVER.id == WorkerAssignment.given_by_id)
        .where(WorkerAssignment.onward_referral_id == onward_referral_id)
        .order_by(WorkerAssignment.given_at.desc(), WorkerAssignment.ended_at.desc().nulls_first())
    ).all()
    return tuple(
        WorkerSpell(
            worker=row.worker,
            worker_id=row.worker_id,
            from_name=_name_before(row.given_at, rows[number + 1 : number + 2]),
            reason=row.reason,
            remarks=_remarks(row.id, row.sealed, key) if key is not None else None,
            given_at=row.given_at,
            given_by=row.giver,
            ended_at=row.ended_at,
        )
        for number, row in enumerate(rows)
    )


def _name_before(given_at: datetime, earlier: Sequence[Any]) -> str | None:
    """From whom it came; None where nobody had it just before."""
    return next((row.worker for row in earlier if row.ended_at == given_at), None)


def _remarks(row_id: UUID, sealed: bytes | None, key: bytes) -> str | None:
    if sealed is None:
        return None
    remarks: str = encrypted_rows.unseal_row(key, ONWARD_WORKER, row_id, sealed)["words"]
    return remarks
