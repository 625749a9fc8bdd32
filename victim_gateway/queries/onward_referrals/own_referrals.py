"""All referrals of the reader's provider, open and ended, newest first: what its access has ended for has no name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Uuid, and_, func, literal, literal_column, select, tuple_
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.bounded_counts import bounded_count
from victim_gateway.models import OnwardReferral, ProviderService
from victim_gateway.models.onward_summary import ONWARD_SUMMARY
from victim_gateway.name_folding import name_tokens_of
from victim_gateway.queries.onward_referrals.handover import HANDOVER
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.vocabulary import DeclineReason, OnwardState, ServiceOutcome

# Names are sealed, each under the key of its handover: a search opens them one by one, so many at most.
MOST_NAMES = 500
OPEN, ENDED = "open", "ended"
_OWN = ONWARD_SUMMARY.c
_ORDER: tuple[Any, ...] = (_OWN.offered_at, _OWN.id)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WRITTEN = re.compile(r"([0-9]{1,17})\.([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class OwnReferralFilter:
    """`stands` is OPEN, ENDED or the value of a state; dates are London dates of the offer, both included."""

    reference: str | None = None
    stands: str | None = None
    service_id: UUID | None = None
    offered_from: date | None = None
    offered_until: date | None = None


@dataclass(frozen=True, slots=True)
class OwnReferralPosition:
    """Where a referral stands in the list."""

    offered_at: datetime
    onward_referral_id: UUID

    def __str__(self) -> str:
        micros = (self.offered_at - _EPOCH) // timedelta(microseconds=1)
        return f"{micros}.{self.onward_referral_id.hex}"


def read_own_position(text: str) -> OwnReferralPosition | None:
    """The position of an address; None where the text is none."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    try:
        return OwnReferralPosition(_EPOCH + timedelta(microseconds=int(match[1])), UUID(match[2]))
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class OwnReferralRow:
    """One referral without anything personal. `is_open`: the provider can open its page still."""

    id: UUID
    reference: str
    service: str
    state: OnwardState
    is_open: bool
    offered_at: datetime
    ended_at: datetime | None
    decline_reason: DeclineReason | None
    outcome: ServiceOutcome | None


@dataclass(frozen=True, slots=True)
class OwnReferralPage:
    """One page; `total` is bounded, and `before` and `after` are positions where there is more on that side."""

    rows: tuple[OwnReferralRow, ...]
    total: int
    before: OwnReferralPosition | None
    after: OwnReferralPosition | None


@dataclass(frozen=True, slots=True)
class FoundByName:
    """An open referral whose shared name fits. `name` is what the handover says."""

    id: UUID
    reference: str
    service: str
    state: OnwardState
    offered_at: datetime
    name: str


@dataclass(frozen=True, slots=True)
class NameSearch:
    """`is_complete`: every open referral was looked through, not only the newest MOST_NAMES."""

    found: tuple[FoundByName, ...]
    is_complete: bool


def own_referrals(
    session: Session,
    wanted: OwnReferralFilter,
    *,
    limit: int,
    position: OwnReferralPosition | None = None,
    is_before: bool = False,
) -> OwnReferralPage:
    """One page of the reader's own referrals, from a position on; the view shows no others."""
    condition = _condition(wanted)
    place = condition
    if position is not None:
        at = tuple_(
            literal(position.offered_at, DateTime(timezone=True)), literal(position.onward_referral_id, Uuid)
        )
        columns = tuple_(*_ORDER)
        place = and_(condition, columns > at if is_before else columns < at)
    order = _ORDER if is_before else tuple(column.desc() for column in _ORDER)
    listed = (
        select(ONWARD_SUMMARY)
        .where(place)
        .order_by(*order)
        .limit(literal_column(str(limit + 1)))
        .subquery("listed")
    )
    found = session.execute(
        select(
            listed,
            ProviderService.name.label("service"),
            bounded_count(ONWARD_SUMMARY, condition).label("total"),
        )
        .join(ProviderService, ProviderService.id == listed.c.service_id)
        .order_by(listed.c.offered_at.desc(), listed.c.id.desc())
    ).all()
    has_more = len(found) > limit
    shown = (found[-limit:] if is_before else found[:limit]) if has_more else found
    record_audit(session, "onward_referrals.listed", count=len(shown))
    rows = tuple(_row(row) for row in shown)
    return OwnReferralPage(
        rows=rows,
        total=shown[0].total if shown else 0,
        before=_position(rows[0]) if rows and (has_more if is_before else position) else None,
        after=_position(rows[-1]) if rows and (is_before or has_more) else None,
    )


def open_referrals_by_name(session: Session, text: str) -> NameSearch:
    """The open referrals whose shared name has every word of `text` at the beginning of one of its words.

    Only what the reader could open one by one is looked through, and it is audited with how many were found: nobody
    can be looked up who is not open to this provider now.
    """
    wanted = name_tokens_of(text)
    is_open = OnwardReferral.state.in_(LIVE_ONWARD_STATES) & OnwardReferral.provider_access_ended_at.is_(None)
    rows = session.execute(
        select(OnwardReferral, ProviderService.name)
        .join(ProviderService, ProviderService.id == OnwardReferral.service_id)
        .where(is_open)
        .order_by(OnwardReferral.offered_at.desc(), OnwardReferral.id)
        .limit(literal_column(str(MOST_NAMES + 1)))
    ).all()
    looked = rows[:MOST_NAMES]
    keys = encrypted_rows.open_keys(session, [row[0].key_id for row in looked]) if looked and wanted else {}
    found = []
    for onward, service in looked if wanted else ():
        shared = encrypted_rows.unseal_row(keys[onward.key_id], HANDOVER, onward.id, onward.handover_sealed)
        name = str(shared.get("name") or "")
        if _fits(wanted, name_tokens_of(name)):
            found.append(
                FoundByName(onward.id, onward.reference, service, onward.state, onward.offered_at, name)
            )
    record_audit(
        session,
        "onward_referrals.searched_by_name",
        shown=[each.reference for each in found],
        looked_through=len(looked),
    )
    return NameSearch(tuple(found), len(rows) <= MOST_NAMES)


def own_services(session: Session) -> list[tuple[UUID, str]]:
    """The services that the reader's referrals may be of, by name."""
    mine = func.array_position(func.reader_services(), ProviderService.id).is_not(None)
    rows = session.execute(
        select(ProviderService.id, ProviderService.name).where(mine).order_by(ProviderService.name)
    )
    return [(row.id, row.name) for row in rows]


def _condition(wanted: OwnReferralFilter) -> ColumnElement[bool]:
    live = and_(_OWN.state.in_(LIVE_ONWARD_STATES), _OWN.provider_access_ended_at.is_(None))
    conditions: list[ColumnElement[bool]] = [literal_column("true")]
    if wanted.reference:
        conditions.append(_OWN.reference.contains(wanted.reference.strip().upper(), autoescape=True))
    if wanted.stands:
        stands = {OPEN: live, ENDED: ~live}
        conditions.append(
            stands[wanted.stands] if wanted.stands in stands else _OWN.state == OnwardState(wanted.stands)
        )
    if wanted.service_id:
        conditions.append(_OWN.service_id == wanted.service_id)
    if wanted.offered_from:
        conditions.append(_OWN.offered_at >= _start_of(wanted.offered_from))
    if wanted.offered_until:
        conditions.append(_OWN.offered_at < _start_of(wanted.offered_until + timedelta(days=1)))
    return and_(*conditions)


def _start_of(day: date) -> datetime:
    return times.from_london_wall(datetime.combine(day, time.min))


def _fits(wanted: list[str], name: list[str]) -> bool:
    return all(any(part.startswith(word) for part in name) for word in wanted)


def _row(row: Any) -> OwnReferralRow:
    return OwnReferralRow(
        id=row.id,
        reference=row.reference,
        service=row.service,
        state=row.state,
        is_open=row.state in LIVE_ONWARD_STATES and row.provider_access_ended_at is None,
        offered_at=row.offered_at,
        ended_at=row.ended_at or row.provider_access_ended_at,
        decline_reason=row.decline_reason,
        outcome=row.outcome,
    )


def _position(row: OwnReferralRow) -> OwnReferralPosition:
    return OwnReferralPosition(row.offered_at, row.id)
