"""Bookings of a video link and reviews of anti-social behaviour: of one referral, and the rooms of a week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.database.transaction import as_service
from victim_gateway.models import CaseReview, Referral, User, VideoLinkBooking
from victim_gateway.times import from_london_wall
from victim_gateway.vocabulary import (
    BookingEnding,
    CaseReviewOutcome,
    CaseReviewState,
    MeasureState,
    ReferralState,
    Role,
)

MOST_BOOKINGS = 500


@dataclass(frozen=True, slots=True)
class BookedVideoLink:
    """One booking of a referral, opened. `ending` says why it no longer stands, `ending_text` in words."""

    booking_id: UUID
    room: str
    starts_at: datetime
    ends_at: datetime
    court: str
    text: str
    measures: Mapping[str, MeasureState]
    accompanied_by_id: UUID | None
    accompanied_by: str | None
    ending: BookingEnding | None
    ending_text: str


@dataclass(frozen=True, slots=True)
class RoomTime:
    """One booking as the list of rooms shows it: a reference, or none where the reader may not see the referral."""

    room: str
    starts_at: datetime
    ends_at: datetime
    referral_id: UUID | None
    reference: str | None
    accompanied_by: str | None
    open_measures: int = 0


@dataclass(frozen=True, slots=True)
class RecordedCaseReview:
    """One review of a referral, opened."""

    review_id: UUID
    authority: str
    is_for_person: bool
    asked_on: date
    state: CaseReviewState
    due_on: date | None
    threshold_on: date | None
    answered_on: date | None
    outcome: CaseReviewOutcome | None
    text: str
    answer: str


@dataclass(frozen=True, slots=True)
class OwnVideoLink:
    """A booking that an account's calendar shows: a reference and when, and nothing else."""

    booking_id: UUID
    reference: str
    starts_at: datetime


def booked_video_links(session: Session, referral_id: UUID, key: bytes) -> tuple[BookedVideoLink, ...]:
    """The bookings of a referral: those that stand first, each by its time."""
    rows = session.execute(
        select(VideoLinkBooking, User.name)
        .outerjoin(User, User.id == VideoLinkBooking.accompanied_by_id)
        .where(VideoLinkBooking.referral_id == referral_id)
        .order_by(
            VideoLinkBooking.ended_at.is_not(None), VideoLinkBooking.starts_at, VideoLinkBooking.recorded_at
        )
    )
    return tuple(_booked(row, name, key) for row, name in rows)


def room_times(session: Session, first: date, last: date) -> tuple[RoomTime, ...]:
    """What is booked on London days, both included: by time. Of a referral out of sight only that the room is taken."""
    start = from_london_wall(datetime.combine(first, datetime.min.time()))
    after = from_london_wall(datetime.combine(last + timedelta(days=1), datetime.min.time()))
    standing = (
        VideoLinkBooking.ended_at.is_(None),
        VideoLinkBooking.starts_at < after,
        VideoLinkBooking.ends_at > start,
    )
    order = VideoLinkBooking.starts_at, VideoLinkBooking.room, VideoLinkBooking.id
    seen = {
        row.id: row
        for row in session.execute(
            select(
                VideoLinkBooking.id,
                VideoLinkBooking.referral_id,
                VideoLinkBooking.measures,
                Referral.reference,
                User.name,
            )
            .join(Referral, Referral.id == VideoLinkBooking.referral_id)
            .outerjoin(User, User.id == VideoLinkBooking.accompanied_by_id)
            .where(*standing)
            .order_by(*order)
            .limit(MOST_BOOKINGS)
        )
    }
    with as_service(session):
        every = session.execute(
            select(
                VideoLinkBooking.id,
                VideoLinkBooking.room,
                VideoLinkBooking.starts_at,
                VideoLinkBooking.ends_at,
            )
            .where(*standing)
            .order_by(*order)
            .limit(MOST_BOOKINGS)
        ).all()
    return tuple(
        RoomTime(
            row.room,
            row.starts_at,
            row.ends_at,
            seen[row.id].referral_id if row.id in seen else None,
            seen[row.id].reference if row.id in seen else None,
            seen[row.id].name if row.id in seen else None,
            _count_open(seen[row.id].measures) if row.id in seen else 0,
        )
        for row in every
    )


def own_video_links(session: Session, actor: Actor, *, at: datetime) -> tuple[OwnVideoLink, ...]:
    """The bookings to come at which the actor goes with the person, or of referrals that the actor looks after."""
    rows = session.execute(
        select(VideoLinkBooking.id, Referral.reference, VideoLinkBooking.starts_at)
        .join(Referral, Referral.id == VideoLinkBooking.referral_id)
        .where(
            VideoLinkBooking.ended_at.is_(None),
            VideoLinkBooking.starts_at >= at - timedelta(days=1),
            Referral.state != ReferralState.ENTERED_IN_ERROR,
            or_(
                VideoLinkBooking.accompanied_by_id == actor.user_id, Referral.assigned_to_id == actor.user_id
            ),
        )
        .order_by(VideoLinkBooking.starts_at, VideoLinkBooking.id)
        .limit(MOST_BOOKINGS)
    )
    return tuple(OwnVideoLink(*row) for row in rows)


def possible_companions(session: Session) -> list[tuple[UUID, str]]:
    """The caseworkers who could go with a person, by name."""
    rows = session.execute(
        select(User.id, User.name)
        .where(User.role.in_((Role.CASEWORKER, Role.SENIOR)), User.disabled_at.is_(None))
        .order_by(User.name, User.id)
    )
    return [(row.id, row.name) for row in rows]


def case_reviews_of(session: Session, referral_id: UUID, key: bytes) -> tuple[RecordedCaseReview, ...]:
    """The reviews of a referral, the last one first."""
    rows = session.scalars(
        select(CaseReview)
        .where(CaseReview.referral_id == referral_id)
        .order_by(CaseReview.asked_on.desc(), CaseReview.id.desc())
    )
    return tuple(_review(row, key) for row in rows)


def count_asb_referrals(session: Session, referral_id: UUID, *, months: int) -> int:
    """How many referrals about anti-social behaviour the person has in the months up to this one, with this one.

    As far as the reader may see them.
    """
    this = named_alias(Referral, "this")
    return (
        session.scalar(
            select(func.count())
            .select_from(Referral)
            .join(this, this.person_id == Referral.person_id)
            .where(
                this.id == referral_id,
                Referral.recorded_as == "asb",
                Referral.state != ReferralState.ENTERED_IN_ERROR,
                Referral.received_at <= this.received_at,
                Referral.received_at > this.received_at - func.make_interval(0, months),
            )
        )
        or 0
    )


def _count_open(measures: Mapping[str, str]) -> int:
    return sum(state == MeasureState.ASKED for state in measures.values())


def _booked(row: VideoLinkBooking, companion: str | None, key: bytes) -> BookedVideoLink:
    opened = encrypted_rows.unseal_row(key, "video_link_booking", row.id, row.sealed)
    ending = (
        encrypted_rows.unseal_row(key, "video_link_booking_ending", row.id, row.sealed_ending)["words"]
        if row.sealed_ending
        else ""
    )
    return BookedVideoLink(
        booking_id=row.id,
        room=row.room,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        court=opened["court"],
        text=opened["words"],
        measures={name: MeasureState(state) for name, state in row.measures.items()},
        accompanied_by_id=row.accompanied_by_id,
        accompanied_by=companion,
        ending=row.ending,
        ending_text=ending,
    )


def _review(row: CaseReview, key: bytes) -> RecordedCaseReview:
    answer = (
        encrypted_rows.unseal_row(key, "case_review_answer", row.id, row.sealed_answer)["words"]
        if row.sealed_answer
        else ""
    )
    return RecordedCaseReview(
        review_id=row.id,
        authority=row.authority,
        is_for_person=row.is_for_person,
        asked_on=row.asked_on,
        state=row.state,
        due_on=row.due_on,
        threshold_on=row.threshold_on,
        answered_on=row.answered_on,
        outcome=row.outcome,
        text=encrypted_rows.unseal_row(key, "case_review", row.id, row.sealed)["words"],
        answer=answer,
    )
