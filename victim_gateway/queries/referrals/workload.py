"""How much each caseworker has to do, and the open referrals of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import NotFound
from victim_gateway.models import CaseworkerAvailability, Referral, ReferralAccess, User
from victim_gateway.queries.referrals.work_order import (
    DUE_KEY,
    HIGH_KEY,
    QueueSlice,
    page_order,
    rows_in_work_order,
)
from victim_gateway.rules.proposal_rules import FreeCaseworker
from victim_gateway.vocabulary import NextAction, ReferralState, Risk, Role, WaitingOn

MOST_SHOWN = 100
_CAN_HAVE_REFERRALS = (Role.CASEWORKER, Role.SENIOR)
# As the partial indexes have it: with a parameter they would not be recognised.
_IS_OPEN: ColumnElement[bool] = literal_column(f"referral.next_act <> '{NextAction.NOTHING}'", Boolean)


@dataclass(frozen=True, slots=True)
class Workload:
    """What one account has: open referrals, those at high risk, and those where our own next step is overdue.

    `is_assignable` is False for an account that is disabled or has another role by now: it still has them.
    """

    user_id: UUID
    name: str
    is_assignable: bool
    open: int
    high: int
    overdue: int
    away_from: date | None = None
    away_until: date | None = None
    is_away: bool = False
    most_weight: int | None = None
    version: int = 0

    @property
    def weight(self) -> int:
        """How much they have: each open referral once, each at high risk twice."""
        return self.open + self.high

    @property
    def for_rules(self) -> FreeCaseworker:
        """As the rules that propose see them."""
        away = self.is_away or not self.is_assignable
        return FreeCaseworker(self.user_id, self.name, self.weight, self.most_weight, away)


@dataclass(frozen=True, slots=True)
class CaseloadRow:
    """One open referral of a caseworker, without whom it is about."""

    referral_id: UUID
    version: int
    reference: str
    offence: str
    district: str | None
    risk: Risk
    domestic_abuse: bool
    restricted: bool
    state: ReferralState
    next_action: NextAction
    next_due_on: date | None


@dataclass(frozen=True, slots=True)
class Caseload:
    """The first MOST_SHOWN open referrals of an account in the order of work.

    `has_hidden`: there are restricted ones that the reader may not see. How many and which is not theirs to know.
    """

    user_id: UUID
    name: str
    is_assignable: bool
    rows: tuple[CaseloadRow, ...]
    has_more: bool
    has_hidden: bool


def list_workloads(session: Session, today: date) -> tuple[Workload, ...]:
    """Every account that can be given a referral or still has some, by name; read from the index of what is open."""
    counted = (
        select(
            Referral.assigned_to_id.label("user_id"),
            func.count().label("open"),
            func.count().filter(HIGH_KEY == 0).label("high"),
            func.count()
            .filter(and_(DUE_KEY < today, Referral.waiting_on != WaitingOn.PROVIDER))
            .label("overdue"),
        )
        .where(_IS_OPEN, Referral.assigned_to_id.is_not(None))
        .group_by(Referral.assigned_to_id)
        .subquery()
    )
    rows = session.execute(
        select(User.id, User.name, User.role, User.disabled_at, counted, CaseworkerAvailability)
        .outerjoin(counted, counted.c.user_id == User.id)
        .outerjoin(CaseworkerAvailability, CaseworkerAvailability.user_id == User.id)
        .where(or_(_is_assignable(), counted.c.open > 0))
        .order_by(User.name, User.id)
    )
    return tuple(_workload(row, row.CaseworkerAvailability, today) for row in rows)


def _workload(row: Any, known: CaseworkerAvailability | None, today: date) -> Workload:
    until = known.away_until if known and known.away_until and known.away_until >= today else None
    return Workload(
        row.id,
        row.name,
        row.disabled_at is None and row.role in _CAN_HAVE_REFERRALS,
        row.open or 0,
        row.high or 0,
        row.overdue or 0,
        known.away_from if known and until else None,
        until,
        until is not None and known is not None and known.away_from is not None and known.away_from <= today,
        known.most_weight if known else None,
        known.version if known else 0,
    )


def assignable_user_ids(session: Session) -> set[UUID]:
    """The accounts that a referral can be given to."""
    return set(session.scalars(select(User.id).where(_is_assignable())))


def read_caseload(session: Session, actor: Actor, user_id: UUID, *, today: date) -> Caseload:
    """The open referrals of one account, audited. Raises NotFound for an account that never could have any."""
    user = session.execute(
        select(User.name, User.role, User.disabled_at).where(User.id == user_id)
    ).one_or_none()
    is_theirs = and_(Referral.assigned_to_id == user_id, _IS_OPEN)
    page = rows_in_work_order(is_theirs, QueueSlice(MOST_SHOWN + 1), today, by_harm=False, name="caseload")
    found = session.execute(
        select(
            Referral.id,
            Referral.version,
            Referral.reference,
            Referral.offence,
            Referral.district,
            Referral.risk,
            Referral.domestic_abuse,
            Referral.restricted,
            Referral.state,
            Referral.next_action,
            Referral.next_due_on,
        )
        .join(page, page.c.id == Referral.id)
        .order_by(*page_order(page))
    ).all()
    if user is None or (user.role not in _CAN_HAVE_REFERRALS and not found):
        raise NotFound
    rows = tuple(CaseloadRow(*row) for row in found[:MOST_SHOWN])
    record_audit(session, "caseload.viewed", of=user_id, shown=[row.reference for row in rows])
    return Caseload(
        user_id,
        user.name,
        user.disabled_at is None and user.role in _CAN_HAVE_REFERRALS,
        rows,
        len(found) > MOST_SHOWN,
        _has_hidden(session, actor, user_id),
    )


def _is_assignable() -> ColumnElement[bool]:
    return and_(User.role.in_(_CAN_HAVE_REFERRALS), User.disabled_at.is_(None))


def _has_hidden(session: Session, actor: Actor, user_id: UUID) -> bool:
    """Whether the account has restricted referrals that the reader may not see: they must not stay behind unseen."""
    named = named_alias(ReferralAccess, "named")
    may_see = (
        select(named.user_id)
        .where(named.referral_id == Referral.id, named.user_id == actor.user_id)
        .correlate(Referral)
        .exists()
    )
    hidden = (
        select(Referral.id).where(Referral.assigned_to_id == user_id, _IS_OPEN, Referral.restricted, ~may_see)
    ).exists()
    with as_service(session):
        return bool(session.scalar(select(hidden)))
