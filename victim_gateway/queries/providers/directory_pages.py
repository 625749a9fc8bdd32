"""What the pages of the directory show: the list with its filters, a provider, its history, its own services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from victim_gateway.database.bounded_counts import bounded_count
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    DirectoryChange,
    OnwardReferral,
    Organisation,
    Provider,
    ProviderService,
    Referral,
    Task,
)
from victim_gateway.provider_vocabulary import DirectoryStep, StayReason
from victim_gateway.queries.providers.service_capacity import capacity_of
from victim_gateway.rules.service_capacity import CapacityStatement
from victim_gateway.vocabulary import Harm, Risk, TaskKind

PAGE_SIZE = 50
MOST_SERVICES_OF_ONE = 200
MOST_CHANGES = 50


@dataclass(frozen=True, slots=True)
class DirectoryFilter:
    """What a reader looks for; None: anything. A service for every need, harm or district is found by each."""

    need: str | None = None
    harm: str | None = None
    district: str | None = None
    shows_retired: bool = False


@dataclass(frozen=True, slots=True)
class DirectoryLine:
    """One service as a list shows it."""

    service_id: UUID
    name: str
    provider_id: UUID
    provider_name: str
    harms: Sequence[Harm]
    districts: Sequence[str]
    capacity: CapacityStatement
    version: int
    is_retired: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class DirectoryPage:
    """One page of the list; `before` and `after` are services next to it, None where nothing is there."""

    lines: Sequence[DirectoryLine]
    total: int
    before: UUID | None
    after: UUID | None


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider with its services; the first of very many."""

    id: UUID
    key: str
    name: str
    description: str
    active_from: date
    active_until: date | None
    retired_on: date | None
    successor_id: UUID | None
    successor_name: str | None
    version: int
    services: Sequence[DirectoryLine]


@dataclass(frozen=True, slots=True)
class DirectoryChangeLine:
    """One change, as a history shows it."""

    id: UUID
    step: DirectoryStep
    changed_at: datetime
    by_name: str
    is_by_provider: bool
    before: dict[str, Any]
    after: dict[str, Any]


def directory_page(
    session: Session,
    chosen: DirectoryFilter,
    *,
    today: date,
    position: UUID | None = None,
    is_before: bool = False,
) -> DirectoryPage:
    """Services in order of provider and name, next to the service that `position` names."""
    condition = _condition(chosen)
    order = (Organisation.name, ProviderService.name, ProviderService.id)
    rows = _lines().where(condition)
    if position is not None:
        place = _lines().where(ProviderService.id == position).with_only_columns(*order).subquery()
        columns, at = tuple_(*order), tuple_(*(select(each).scalar_subquery() for each in place.c))
        rows = rows.where(columns < at if is_before else columns > at)
    ordered = rows.order_by(*(column.desc() if is_before else column for column in order))
    # One more than is shown says whether the list goes on.
    found = session.execute(ordered.limit(PAGE_SIZE + 1)).all()
    lines = [_line(*row, today=today) for row in found[:PAGE_SIZE]]
    goes_on = len(found) > PAGE_SIZE
    if is_before:
        lines.reverse()
    has_before = goes_on if is_before else position is not None
    has_after = True if is_before else goes_on
    joined = ProviderService.__table__.join(Provider.__table__, Provider.id == ProviderService.provider_id)
    total = session.scalar(select(bounded_count(joined, condition))) or 0
    return DirectoryPage(
        lines,
        total,
        lines[0].service_id if lines and has_before else None,
        lines[-1].service_id if lines and has_after else None,
    )


def provider_view(session: Session, provider_id: UUID, *, today: date) -> ProviderView:
    """One provider. Raises NotFound."""
    row = session.execute(
        select(Provider, Organisation)
        .join(Organisation, Organisation.id == Provider.id)
        .where(Provider.id == provider_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    provider, organisation = row
    services = session.execute(
        _lines()
        .where(ProviderService.provider_id == provider_id)
        .order_by(ProviderService.retired_on.is_not(None), ProviderService.name, ProviderService.id)
        .limit(MOST_SERVICES_OF_ONE)
    )
    successor = session.get(Organisation, provider.successor_id) if provider.successor_id else None
    return ProviderView(
        id=provider.id,
        key=organisation.key,
        name=organisation.name,
        description=provider.description,
        active_from=provider.active_from,
        active_until=provider.active_until,
        retired_on=provider.retired_on,
        successor_id=provider.successor_id,
        successor_name=successor.name if successor else None,
        version=provider.version,
        services=[_line(*each, today=today) for each in services],
    )


def service_line(session: Session, service_id: UUID, *, today: date) -> DirectoryLine:
    """One service. Raises NotFound for one that is not there or not the reader's."""
    row = session.execute(_lines().where(ProviderService.id == service_id)).one_or_none()
    if row is None:
        raise NotFound
    return _line(*row, today=today)


def list_kept_services(session: Session, provider_id: UUID, *, today: date) -> list[DirectoryLine]:
    """The services of a provider whose capacity the reading account keeps, in order of names.

    Those that it works for; all of them, where it is the provider's administrator. The policy of the database says the
    same of what it may change.
    """
    of_reader = ProviderService.id == any_(func.reader_services()), func.reader_is_provider_administrator()
    rows = session.execute(
        _lines()
        .where(
            ProviderService.provider_id == provider_id, ProviderService.retired_on.is_(None), or_(*of_reader)
        )
        .order_by(ProviderService.name, ProviderService.id)
        .limit(MOST_SERVICES_OF_ONE)
    )
    return [_line(*row, today=today) for row in rows]


def left_by_succession(session: Session, provider_id: UUID) -> list[tuple[str, UUID]]:
    """What did not go to a provider's successor and is still to be decided, as far as the reader may see it.

    Those of people at high risk first.
    """
    rows = session.execute(
        select(OnwardReferral.reference, OnwardReferral.id)
        .join(Task, Task.onward_referral_id == OnwardReferral.id)
        .join(Referral, Referral.id == OnwardReferral.referral_id)
        .where(
            OnwardReferral.provider_id == provider_id,
            Task.kind == TaskKind.SERVICE_ENDED,
            Task.done_at.is_(None),
            Task.details["succession"].astext.in_(list(StayReason)),
        )
        .order_by(Referral.risk != Risk.HIGH, OnwardReferral.reference)
        .limit(MOST_CHANGES)
    )
    return [(row.reference, row.id) for row in rows]


def list_successors(session: Session, provider_id: UUID) -> list[tuple[UUID, str]]:
    """The providers that can take over from one: those that are offered and have a service."""
    has_service = exists().where(
        ProviderService.provider_id == Provider.id, ProviderService.retired_on.is_(None)
    )
    rows = session.execute(
        select(Provider.id, Organisation.name)
        .join(Organisation, Organisation.id == Provider.id)
        .where(Provider.id != provider_id, Provider.retired_on.is_(None), has_service)
        .order_by(Organisation.name, Provider.id)
        .limit(MOST_SERVICES_OF_ONE)
    )
    return [(row.id, row.name) for row in rows]


def directory_changes(
    session: Session,
    *,
    provider_id: UUID | None = None,
    service_id: UUID | None = None,
    older_than: UUID | None = None,
) -> tuple[list[DirectoryChangeLine], UUID | None]:
    """What was changed in a provider itself or in one service, the last first, and where older changes go on."""
    if service_id is not None:
        mine: ColumnElement[bool] = DirectoryChange.service_id == service_id
    else:
        mine = and_(DirectoryChange.provider_id == provider_id, DirectoryChange.service_id.is_(None))
    statement = select(DirectoryChange).where(mine)
    if older_than is not None:
        place = select(DirectoryChange.changed_at).where(DirectoryChange.id == older_than)
        statement = statement.where(
            tuple_(DirectoryChange.changed_at, DirectoryChange.id)
            < tuple_(place.scalar_subquery(), literal(older_than))
        )
    order = (DirectoryChange.changed_at.desc(), DirectoryChange.id.desc())
    rows = session.scalars(statement.order_by(*order).limit(MOST_CHANGES + 1)).all()
    lines = [
        DirectoryChangeLine(
            row.id, row.step, row.changed_at, row.by_name, row.is_by_provider, row.before, row.after
        )
        for row in rows[:MOST_CHANGES]
    ]
    return lines, lines[-1].id if len(rows) > MOST_CHANGES else None


def _lines() -> Any:
    return (
        select(ProviderService, Provider, Organisation.name)
        .join(Provider, Provider.id == ProviderService.provider_id)
        .join(Organisation, Organisation.id == Provider.id)
    )


def _line(service: ProviderService, provider: Provider, provider_name: str, *, today: date) -> DirectoryLine:
    last_days = [day for day in (service.ends_on, provider.active_until) if day]
    return DirectoryLine(
        service_id=service.id,
        name=service.name,
        provider_id=provider.id,
        provider_name=provider_name,
        harms=[Harm(harm) for harm in service.harms],
        districts=service.districts,
        capacity=capacity_of(service),
        version=service.version,
        is_retired=service.retired_on is not None or provider.retired_on is not None,
        is_over=any(day < today for day in last_days),
    )


def _condition(chosen: DirectoryFilter) -> ColumnElement[bool]:
    wanted: list[ColumnElement[bool]] = [
        _serves(column, value)
        for column, value in (
            (ProviderService.needs, chosen.need),
            (ProviderService.harms, chosen.harm),
            (ProviderService.districts, chosen.district),
        )
        if value
    ]
    if not chosen.shows_retired:
        wanted += [ProviderService.retired_on.is_(None), Provider.retired_on.is_(None)]
    return and_(*wanted) if wanted else ProviderService.id.is_not(None)


def _serves(column: InstrumentedAttribute[list[str]], value: str) -> ColumnElement[bool]:
    return or_(func.cardinality(column) == 0, literal(value) == any_(column))
