"""How a succession stands: what would move and what would stay, how far it is, and for whom a person must decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import SQLColumnExpression, func, select
from sqlalchemy.orm import Session, aliased

from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound
from victim_gateway.models import OnwardReferral, Organisation, Succession, SuccessionItem, Task, User
from victim_gateway.provider_vocabulary import StayReason, SuccessionState
from victim_gateway.vocabulary import TaskKind

MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class StayingReferral:
    """One that stays, or would; `is_open`: a person has still to decide about it."""

    onward_referral_id: UUID
    reference: str
    reason: StayReason
    is_high_risk: bool
    is_open: bool


@dataclass(frozen=True, slots=True)
class SuccessionView:
    """A succession as its page shows it. The counts are of all, `staying` is what the reader may see, high risk first.

    `looked_at` and `done` of `total` say how far the workers are; `given_up` could not even be closed to the provider
    before. `changed` are those that were to move, and stayed by what was known at their turn.
    """

    id: UUID
    provider_id: UUID
    provider_name: str
    successor_name: str
    state: SuccessionState
    opened_by: str
    ready_at: datetime | None
    agreed_at: datetime | None
    finished_at: datetime | None
    total: int
    looked_at: int
    done: int
    moving: int
    moved: int
    ended_before: int
    changed: int
    given_up: int
    stays: Mapping[StayReason, int]
    high_risk_staying: int
    staying: Sequence[StayingReferral]

    @property
    def is_at_work(self) -> bool:
        """Whether workers are at it now."""
        return self.state in (SuccessionState.CHECKING, SuccessionState.RUNNING)

    @property
    def is_agreed(self) -> bool:
        return self.agreed_at is not None


def succession_view(session: Session, succession_id: UUID, *, is_listed: bool = True) -> SuccessionView:
    """One succession; with `is_listed` also which ones stay. Raises NotFound."""
    successor = aliased(Organisation)
    row = session.execute(
        select(Succession, Organisation.name, successor.name, User.name)
        .join(Organisation, Organisation.id == Succession.provider_id)
        .join(successor, successor.id == Succession.successor_id)
        .join(User, User.id == Succession.opened_by_id)
        .where(Succession.id == succession_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    found, provider_name, successor_name, opened_by = row
    # Before the yes what was foreseen, after it what came to be; of those still waiting what was foreseen.
    stay: SQLColumnExpression[Any] = (
        SuccessionItem.foreseen_stay if found.agreed_at is None else SuccessionItem.stay
    )
    mine = SuccessionItem.succession_id == succession_id
    is_done = SuccessionItem.done_at.is_not(None)
    with as_service(session):
        counted = session.execute(
            select(
                func.count().label("total"),
                func.count(SuccessionItem.foreseen_at).label("looked_at"),
                func.count(SuccessionItem.done_at).label("done"),
                func.count()
                .filter(SuccessionItem.foreseen_at.is_not(None), SuccessionItem.foreseen_stay.is_(None))
                .label("moving"),
                func.count(SuccessionItem.moved_to_id).label("moved"),
                func.count()
                .filter(is_done, SuccessionItem.moved_to_id.is_(None), SuccessionItem.stay.is_(None))
                .label("ended_before"),
                func.count()
                .filter(
                    SuccessionItem.foreseen_at.is_not(None),
                    SuccessionItem.foreseen_stay.is_(None),
                    SuccessionItem.stay.is_not(None),
                )
                .label("changed"),
                func.count().filter(~is_done, SuccessionItem.failures > 0).label("given_up"),
                func.count().filter(stay.is_not(None), SuccessionItem.is_high_risk).label("high"),
            ).where(mine)
        ).one()
        grouped: Any = session.execute(
            select(stay.label("reason"), func.count().label("number"))
            .where(mine, stay.is_not(None))
            .group_by(stay)
        )
        reasons = {row.reason: row.number for row in grouped}
    return SuccessionView(
        id=found.id,
        provider_id=found.provider_id,
        provider_name=provider_name,
        successor_name=successor_name,
        state=found.state,
        opened_by=opened_by,
        ready_at=found.ready_at,
        agreed_at=found.agreed_at,
        finished_at=found.finished_at,
        total=counted.total,
        looked_at=counted.looked_at,
        done=counted.done,
        moving=counted.moving,
        moved=counted.moved,
        ended_before=counted.ended_before,
        changed=counted.changed,
        given_up=counted.given_up,
        stays={reason: reasons[reason] for reason in StayReason if reasons.get(reason)},
        high_risk_staying=counted.high,
        staying=_staying(session, succession_id, stay) if is_listed else (),
    )


def newest_succession_id(session: Session, provider_id: UUID) -> UUID | None:
    """The last succession of a provider that was not laid aside."""
    return session.scalar(
        select(Succession.id)
        .where(Succession.provider_id == provider_id, Succession.state != SuccessionState.CANCELLED)
        .order_by(Succession.opened_at.desc())
        .limit(1)
    )


def _staying(session: Session, succession_id: UUID, stay: SQLColumnExpression[Any]) -> list[StayingReferral]:
    """As the reader: row-level security leaves out what is restricted to others."""
    is_open = (
        select(Task.id)
        .where(
            Task.onward_referral_id == SuccessionItem.onward_referral_id,
            Task.kind == TaskKind.SERVICE_ENDED,
            Task.done_at.is_(None),
        )
        .exists()
    )
    rows: Any = session.execute(
        select(
            SuccessionItem.onward_referral_id,
            OnwardReferral.reference,
            stay.label("reason"),
            SuccessionItem.is_high_risk,
            is_open.label("is_open"),
        )
        .join(OnwardReferral, OnwardReferral.id == SuccessionItem.onward_referral_id)
        .where(SuccessionItem.succession_id == succession_id, stay.is_not(None))
        # Those about whom nobody has decided yet, and of them those at high risk.
        .order_by(is_open.desc(), SuccessionItem.is_high_risk.desc(), OnwardReferral.reference)
        .limit(MOST_LISTED)
    )
    return [
        StayingReferral(
            row.onward_referral_id, row.reference, StayReason(row.reason), row.is_high_risk, row.is_open
        )
        for row in rows
    ]
