"""Booking a room with a video link for a person who gives evidence: booked, moved, cancelled, and staff reminded."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import Referral, User, VideoLinkBooking
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.court_and_review import BookingTimes, refused_booking_times, remind_from
from victim_gateway.rules.support import explain_refused_state
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import BookingEnding, MeasureState, ReferralState, Role, TaskKind

ONE_AT_A_TIME = "ex_video_link_booking_one_at_a_time"
_TAKEN = "This room is booked then. Choose another time, or another room."


@dataclass(frozen=True, slots=True)
class BookingAnswers:
    """Which room, from when until when, for which court; what was asked of it, and who goes with the person."""

    room: str
    times: BookingTimes
    court: str
    measures: Mapping[str, MeasureState]
    accompanied_by_id: UUID | None = None
    text: str = ""


def booking_task_key(booking_id: UUID) -> str:
    """The dedupe key of the task that reminds of a booking."""
    return f"video-link:{booking_id}"


def book_video_link(command: Command, referral_id: UUID, asked: BookingAnswers) -> UUID:
    """Book a room. Raises InvalidInput where it is taken, also by two at once, or for answers that can't be."""
    with _one_at_a_time(), _booking_action(command, referral_id) as action:
        booking = _add_booking(action, asked)
        _note(action, booking, "video_link.booked")
    return booking.id


def move_video_link(
    command: Command, referral_id: UUID, booking_id: UUID, asked: BookingAnswers, *, reason: str
) -> UUID:
    """Book another time or room in the place of one; the old booking stays to be read, with the reason.

    What was decided about a special measure stays decided, also where the mover did not see it.
    Raises as `book_video_link` and `cancel_video_link` do.
    """
    with _one_at_a_time(), _booking_action(command, referral_id) as action:
        before = _end_booking(action, booking_id, BookingEnding.MOVED, reason)
        action.session.flush()
        booking = _add_booking(action, asked, moved_from_id=booking_id)
        booking.measures = {**booking.measures, **_carried_measures(before, asked)}
        _note(action, booking, "video_link.moved", text=reason.strip())
    return booking.id


def cancel_video_link(command: Command, referral_id: UUID, booking_id: UUID, *, reason: str) -> None:
    """Give the room back, on a closed referral too.

    Raises NotFound for a booking of another referral, TransitionNotAllowed for one that has ended, and InvalidInput
    without a reason.
    """
    with _booking_action(command, referral_id) as action:
        booking = _end_booking(action, booking_id, BookingEnding.CANCELLED, reason)
        _note(action, booking, "video_link.cancelled", text=reason.strip())


def record_special_measures(
    command: Command, referral_id: UUID, booking_id: UUID, measures: Mapping[str, MeasureState]
) -> None:
    """Record what became of the special measures of a booking.

    The command's version is the fingerprint of the measures that the user saw. Raises as `cancel_video_link` does,
    and StaleVersion where they were changed since.
    """
    with _booking_action(command, referral_id) as action:
        booking = _standing_booking(action, booking_id)
        if command.version is not None and command.version != fingerprint_measures(booking.measures):
            raise StaleVersion("The special measures were changed after you opened the page.")
        _check_measures(measures, known=set(booking.measures))
        booking.measures = {key: state.value for key, state in measures.items()}
        _note(action, booking, "video_link.measures_changed")


def fingerprint_measures(measures: Mapping[str, str]) -> int:
    """A number that another set of special measures does not have: a booking has no version of its own."""
    return zlib.crc32(json.dumps(dict(measures), sort_keys=True).encode())


def measures_of_booking(session: Session, referral_id: UUID, booking_id: UUID) -> dict[str, MeasureState]:
    """The special measures of a booking as they stand. Raises NotFound for one of another referral."""
    booking = session.get(VideoLinkBooking, booking_id)
    if booking is None or booking.referral_id != referral_id:
        raise NotFound
    return {key: MeasureState(state) for key, state in booking.measures.items()}


def remind_of_bookings(command: Command) -> int:
    """Open a task for each booking that is near; each one once. Safe to run late, often or twice at once.

    It asks staff and tells nobody else. Returns how many were opened. As the service.
    """
    days = current_settings().area.support.video_link.warn_working_days
    today = times.london_date(command.at)
    with transaction(command.actor) as session:
        coming = session.execute(
            select(VideoLinkBooking.id, VideoLinkBooking.referral_id, VideoLinkBooking.starts_at)
            .join(Referral, Referral.id == VideoLinkBooking.referral_id)
            .where(
                VideoLinkBooking.ended_at.is_(None),
                VideoLinkBooking.asked_at.is_(None),
                VideoLinkBooking.starts_at > command.at,
                Referral.state != ReferralState.ENTERED_IN_ERROR,
            )
            .order_by(VideoLinkBooking.starts_at, VideoLinkBooking.id)
            .with_for_update(of=VideoLinkBooking, skip_locked=True)
        ).all()
        near = [
            row for row in coming if remind_from(times.london_date(row.starts_at), working_days=days) <= today
        ]
        for row in near:
            task = NewTask(
                kind=TaskKind.VIDEO_LINK_SOON,
                referral_id=row.referral_id,
                dedupe_key=booking_task_key(row.id),
                due_on=times.london_date(row.starts_at),
            )
            tasks.open_task(session, task, at=command.at)
        if near:
            reminded = VideoLinkBooking.id.in_([row.id for row in near])
            session.execute(update(VideoLinkBooking).where(reminded).values(asked_at=command.at))
        next_action.refresh_next_actions(session, sorted({row.referral_id for row in near}), at=command.at)
    return len(near)


@contextmanager
def _booking_action(command: Command, referral_id: UUID) -> Iterator[ReferralAction]:
    with referral_action(
        command,
        referral_id,
        lock=LockScope.PERSON,
        effect=ActionEffect.EVENTS_ONLY,
        version_is_of_referral=False,
    ) as action:
        yield action


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Say in our words that the room is taken; the database is asked, as the actor may not see every booking."""
    try:
        yield
    except IntegrityError as error:
        if ONE_AT_A_TIME in str(error.orig):
            raise InvalidInput(_TAKEN, fields={"on": _TAKEN}) from error
        raise


def _add_booking(
    action: ReferralAction, asked: BookingAnswers, *, moved_from_id: UUID | None = None
) -> VideoLinkBooking:
    refused = explain_refused_state(action.referral.state, closed_on=None, on=times.london_date(action.at))
    if refused:
        raise TransitionNotAllowed(refused)
    _check_answers(action.session, asked, action)
    booking_id = new_row_id()
    document = {"court": asked.court.strip(), "words": asked.text.strip()}
    booking = VideoLinkBooking(
        id=booking_id,
        referral_id=action.referral.id,
        room=asked.room,
        starts_at=asked.times.starts_at,
        ends_at=asked.times.ends_at,
        measures={key: state.value for key, state in asked.measures.items()},
        accompanied_by_id=asked.accompanied_by_id,
        moved_from_id=moved_from_id,
        recorded_at=action.at,
        by_id=action.actor.user_id,
        sealed=encrypted_rows.seal_row(action.key, "video_link_booking", booking_id, document),
    )
    action.session.add(booking)
    return booking


def _check_answers(session: Session, asked: BookingAnswers, action: ReferralAction) -> None:
    wrong = dict(refused_booking_times(asked.times, action.at))
    if asked.room not in dict(current_settings().area.support.video_link.rooms):
        wrong["room"] = "Choose a room"
    if not asked.court.strip():
        wrong["court"] = "Enter which court it is for"
    if asked.accompanied_by_id is not None and not _is_caseworker(session, asked.accompanied_by_id):
        wrong["accompanied_by"] = "Choose who goes with the person"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)
    _check_measures(asked.measures)


def _carried_measures(before: VideoLinkBooking, asked: BookingAnswers) -> dict[str, str]:
    """What was decided, and what was asked for that the area lists no longer: the form could not offer it."""
    listed = dict(current_settings().area.support.video_link.measures)
    return {
        key: state
        for key, state in before.measures.items()
        if key not in listed
        or (state != MeasureState.ASKED and asked.measures.get(key, MeasureState.ASKED) is MeasureState.ASKED)
    }


def _check_measures(measures: Mapping[str, MeasureState], *, known: set[str] | None = None) -> None:
    listed = set(dict(current_settings().area.support.video_link.measures)) | (known or set())
    if set(measures) - listed:
        message = "Choose from the special measures"
        raise InvalidInput(message, fields={"measures": message})


def _is_caseworker(session: Session, user_id: UUID) -> bool:
    chosen = select(User.id).where(
        User.id == user_id, User.disabled_at.is_(None), User.role.in_((Role.CASEWORKER, Role.SENIOR))
    )
    return session.scalar(chosen) is not None


def _end_booking(
    action: ReferralAction, booking_id: UUID, ending: BookingEnding, reason: str
) -> VideoLinkBooking:
    if not reason.strip():
        message = "Enter why"
        raise InvalidInput(message, fields={"reason_text": message})
    booking = _standing_booking(action, booking_id)
    booking.ended_at, booking.ended_by_id, booking.ending = action.at, action.actor.user_id, ending
    booking.sealed_ending = encrypted_rows.seal_row(
        action.key, "video_link_booking_ending", booking_id, {"words": reason.strip()}
    )
    action.finish_task(booking_task_key(booking_id))
    return booking


def _standing_booking(action: ReferralAction, booking_id: UUID) -> VideoLinkBooking:
    # Behind the lock on the referral: a lock of its own would not find one that has ended (row-level security).
    booking = action.session.get(VideoLinkBooking, booking_id)
    if booking is None or booking.referral_id != action.referral.id:
        raise NotFound
    if booking.ended_at is not None:
        raise TransitionNotAllowed("This booking was moved or cancelled already. Look at how it stands now.")
    return booking


def _note(action: ReferralAction, booking: VideoLinkBooking, event: str, *, text: str | None = None) -> None:
    action.session.flush()
    action.add_timeline_entry(event, EventDetails(text=text, codes={"room": booking.room}))
    action.record_audit(event, booking_id=str(booking.id), room=booking.room)
