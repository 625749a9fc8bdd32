"""Groups of offers as a caseworker reads them: who was asked, in which order, what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database.audit_log import record_audit
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    OfferGroup,
    OfferGroupMember,
    OnwardReferral,
    Organisation,
    ProviderService,
    User,
)
from victim_gateway.offer_vocabulary import OfferGroupEnd, OfferGroupMode, OfferHindrance
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
from victim_gateway.vocabulary import OnwardState


@dataclass(frozen=True, slots=True)
class OfferGroupLine:
    """One service of a group; without an onward referral it was not asked."""

    position: int
    provider: str
    service: str
    onward_referral_id: UUID | None
    state: OnwardState | None
    offered_at: datetime | None
    ended_at: datetime | None
    hindrance: OfferHindrance | None


@dataclass(frozen=True, slots=True)
class OfferGroupView:
    """A group with its services in their order. `is_due`: the next one is about to be asked."""

    group_id: UUID
    referral_id: UUID
    mode: OfferGroupMode
    closes_others: bool
    created_at: datetime
    created_by: str
    is_due: bool
    ended_at: datetime | None
    end_reason: OfferGroupEnd | None
    lines: tuple[OfferGroupLine, ...]

    @property
    def is_asking(self) -> bool:
        """Whether one of them has to answer: until then no other of an order is asked."""
        return any(line.state in UNANSWERED_ONWARD_STATES for line in self.lines)

    @property
    def next_line(self) -> OfferGroupLine | None:
        """The first service that was not asked, while the group goes on."""
        if self.ended_at is not None:
            return None
        return next((line for line in self.lines if line.state is None), None)


def offer_group_view(session: Session, group_id: UUID) -> OfferGroupView:
    """One group, opened; that it was seen is audited. Raises NotFound for one that is not the reader's."""
    row = session.execute(
        select(OfferGroup, User.name)
        .join(User, User.id == OfferGroup.created_by_id)
        .where(OfferGroup.id == group_id)
    ).first()
    if row is None:
        raise NotFound
    group, created_by = row
    record_audit(session, "offer_group.viewed", subject_type="offer_group", subject_id=group_id)
    return OfferGroupView(
        group_id=group.id,
        referral_id=group.referral_id,
        mode=group.mode,
        closes_others=group.closes_others,
        created_at=group.created_at,
        created_by=created_by,
        is_due=group.advance_at is not None,
        ended_at=group.ended_at,
        end_reason=group.end_reason,
        lines=_lines(session, group_id),
    )


def _lines(session: Session, group_id: UUID) -> tuple[OfferGroupLine, ...]:
    rows = session.execute(
        select(OfferGroupMember, OnwardReferral, Organisation.name, ProviderService.name)
        .join(ProviderService, ProviderService.id == OfferGroupMember.service_id)
        .join(Organisation, Organisation.id == ProviderService.provider_id)
        .outerjoin(OnwardReferral, OnwardReferral.id == OfferGroupMember.onward_referral_id)
        .where(OfferGroupMember.offer_group_id == group_id)
        .order_by(OfferGroupMember.position)
    )
    return tuple(
        OfferGroupLine(
            position=member.position,
            provider=provider,
            service=service,
            onward_referral_id=member.onward_referral_id,
            state=onward.state if onward else None,
            offered_at=onward.offered_at if onward else None,
            ended_at=onward.ended_at if onward else None,
            hindrance=member.hindrance,
        )
        for member, onward, provider, service in rows
    )


def groups_of_referral(session: Session, referral_id: UUID) -> tuple[OfferGroup, ...]:
    """The groups of a referral, newest first."""
    mine = select(OfferGroup).where(OfferGroup.referral_id == referral_id)
    return tuple(session.scalars(mine.order_by(OfferGroup.created_at.desc(), OfferGroup.id)))


def group_of_onward_referral(session: Session, onward_referral_id: UUID) -> UUID | None:
    """The group in which an onward referral was offered, if any."""
    return session.scalar(
        select(OfferGroupMember.offer_group_id).where(
            OfferGroupMember.onward_referral_id == onward_referral_id
        )
    )
