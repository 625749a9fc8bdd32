"""Booking a room with a video link for a person who gives evidence, and the list of the rooms by week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Field, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.blueprints.referrals.support import support_address
from victim_gateway.blueprints.referrals.support_forms import room_label
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.queries.referrals.court_and_review import (
    BookedVideoLink,
    booked_video_links,
    possible_companions,
    room_times,
)
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.court_and_review import BookingTimes
from victim_gateway.services.referrals import video_links
from victim_gateway.services.referrals.video_links import BookingAnswers
from victim_gateway.vocabulary import MeasureState
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField, GovTimeField, OptionalRadioField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice, choices_of
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

rooms_bp = Blueprint("video_rooms", __name__, template_folder="templates")


class BookingForm(BaseForm):
    """Which room, when, for which court, what was asked of it, and who goes with the person."""

    is_versioned = False

    room = RadioField("Which room?", validators=[DataRequired("Choose a room")])
    on = GovDateField("Which day?", what="The day", required="Enter the day", not_past=True)
    from_time = GovTimeField("From when?", what="The time", required="Enter when it begins")
    until_time = GovTimeField("Until when?", what="The time", required="Enter when it ends")
    court = StringField(
        "For which court?",
        [
            DataRequired("Enter which court it is for"),
            Length(max=120, message="Shorten this to 120 characters"),
        ],
    )
    measures = SelectMultipleField("Which special measures were asked for?")
    accompanied_by = SelectField("Who goes with the person?", validate_choice=False)
    remarks = TextAreaField("Notes", [Length(max=4000, message="Shorten this to 4,000 characters")])

    def __init__(self, companions: Iterable[tuple[UUID, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        profile = current_settings().area.support.video_link
        self.room.choices = [SelectChoice(key, label) for key, label in profile.rooms]
        self.measures.choices = [SelectChoice(key, label) for key, label in profile.measures]
        self.companions = {str(user_id): name for user_id, name in companions}
        self.accompanied_by.choices = [
            SelectChoice("", "Nobody yet"),
            *(SelectChoice(user_id, name) for user_id, name in self.companions.items()),
        ]

    def answers(self) -> BookingAnswers:
        """What the service is asked to book."""
        chosen = self.accompanied_by.data
        return BookingAnswers(
            room=self.room.data,
            times=BookingTimes(
                _moment(self.on.data, self.from_time.data), _moment(self.on.data, self.until_time.data)
            ),
            court=self.court.data or "",
            measures=dict.fromkeys(self.measures.data or (), MeasureState.ASKED),
            accompanied_by_id=UUID(chosen) if chosen in self.companions else None,
            text=self.remarks.data or "",
        )

    def fill(self, booked: BookedVideoLink) -> None:
        """The booking as it stands."""
        begins, ends = (moment.astimezone(times.LONDON) for moment in (booked.starts_at, booked.ends_at))
        self.room.data, self.on.data = booked.room, begins.date()
        self.from_time.data, self.until_time.data = begins.time(), ends.time()
        self.court.data, self.remarks.data = booked.court, booked.text
        self.measures.data = list(booked.measures)
        self.accompanied_by.data = str(booked.accompanied_by_id or "")


class MoveBookingForm(BookingForm):
    """Another time or room, and why."""

    reason_text = TextAreaField(
        "Why is it moved?",
        [DataRequired("Enter why"), Length(max=4000, message="Shorten this to 4,000 characters")],
    )


class CancelBookingForm(BaseForm):
    """Why the room is given back."""

    is_versioned = False

    reason_text = TextAreaField(
        "Why is it cancelled?",
        [DataRequired("Enter why"), Length(max=4000, message="Shorten this to 4,000 characters")],
    )


class MeasuresForm(BaseForm):
    """What became of each special measure: `measure_<key>`; one without an answer was not asked for.

    Its version is the fingerprint of the measures.
    """

    def __init__(self, known: Mapping[str, MeasureState], **kwargs: Any) -> None:
        listed = dict(current_settings().area.support.video_link.measures)
        self.measures = listed | {
            key: key.replace("_", " ").capitalize() for key in known if key not in listed
        }
        fields: dict[str, Field] = {
            f"measure_{key}": OptionalRadioField(label, choices=choices_of(MeasureState))
            for key, label in self.measures.items()
        }
        self._unbound_fields = [*vars(type(self))["_unbound_fields"], *fields.items()]
        super().__init__(**kwargs)

    def fill(self, known: Mapping[str, MeasureState]) -> None:
        """The measures as they stand."""
        for key, state in known.items():
            self[f"measure_{key}"].data = state.value

    def answers(self) -> dict[str, MeasureState]:
        """The measures that were asked for, and what became of each."""
        return {
            key: MeasureState(self[f"measure_{key}"].data)
            for key in self.measures
            if self[f"measure_{key}"].data
        }


@rooms_bp.get("/video-links")
@requires(Permission.VIEW_WORK)
def week() -> ResponseReturnValue:
    """The rooms of a week, or of one day: what is booked, by reference."""
    today = times.london_date(times.now())
    day = _asked_day() or today
    is_day = request.args.get("shown") == "day"
    first = day if is_day else day - timedelta(days=day.weekday())
    last = first if is_day else first + timedelta(days=6)
    with transaction(signed_in_actor()) as session:
        booked = room_times(session, first, last)
        record_audit(session, "video_links.listed", shown=len(booked))
    step = timedelta(days=1 if is_day else 7)
    return render_template(
        "referrals/video_rooms.html",
        booked=booked,
        first=first,
        last=last,
        is_day=is_day,
        before=first - step,
        after=first + step,
        rooms=dict(current_settings().area.support.video_link.rooms),
        room_label=room_label,
        today=today,
    )


@bp.route("/support/video-links/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def book_room(referral_id: UUID) -> ResponseReturnValue:
    """Book a room for the person."""
    form, after = _form(BookingForm), support_address(referral_id, "video-links")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            video_links.book_video_link(form.command(), referral_id, form.answers())
            flashes.flash_success("The room was booked")
            return redirect(after)
    return render_referral_page("referrals/video_link.html", referral_id, section="support", form=form)


@bp.route("/support/video-links/<uuid:booking_id>/move", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def move_booking(referral_id: UUID, booking_id: UUID) -> ResponseReturnValue:
    """Another time or room in the place of a booking."""
    form, after = _form(MoveBookingForm), support_address(referral_id, "video-links")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            video_links.move_video_link(
                form.command(), referral_id, booking_id, form.answers(), reason=form["reason_text"].data or ""
            )
            flashes.flash_success("The booking was moved")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        booked = _standing(session, head, booking_id)
        if request.method == "GET":
            form.fill(booked)
        return {"booked": booked}

    return render_referral_page(
        "referrals/video_link.html", referral_id, section="support", form=form, more=opened
    )


@bp.route("/support/video-links/<uuid:booking_id>/cancel", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def cancel_booking(referral_id: UUID, booking_id: UUID) -> ResponseReturnValue:
    """Give the room back."""
    form, after = CancelBookingForm(), support_address(referral_id, "video-links")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            video_links.cancel_video_link(
                form.command(), referral_id, booking_id, reason=form.reason_text.data or ""
            )
            flashes.flash_success("The booking was cancelled")
            return redirect(after)
    return render_referral_page(
        "referrals/video_link_cancel.html",
        referral_id,
        section="support",
        form=form,
        more=lambda session, head, at: {
            "booked": _standing(session, head, booking_id),
            "room_label": room_label,
        },
    )


@bp.route("/support/video-links/<uuid:booking_id>/measures", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def booking_measures(referral_id: UUID, booking_id: UUID) -> ResponseReturnValue:
    """What became of the special measures."""
    with transaction(signed_in_actor()) as session:
        known = video_links.measures_of_booking(session, referral_id, booking_id)
    form, after = MeasuresForm(known), support_address(referral_id, "video-links")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            video_links.record_special_measures(form.command(), referral_id, booking_id, form.answers())
            flashes.flash_success("The special measures were saved")
            return redirect(after)
    if request.method == "GET":
        form.fill(known)
    if form.is_stale:
        saved = MeasuresForm(known, formdata=None)
        saved.fill(known)
        form.show_saved(saved)
    return render_referral_page(
        "referrals/video_link_measures.html",
        referral_id,
        section="support",
        form=form,
        version=lambda _: video_links.fingerprint_measures(known),
    )


def _form(kind: type[BookingForm]) -> BookingForm:
    with transaction(signed_in_actor()) as session:
        return kind(possible_companions(session))


def _standing(session: Session, head: ReferralHeader, booking_id: UUID) -> BookedVideoLink:
    every = booked_video_links(session, head.referral.id, head.key)
    found = next((each for each in every if each.booking_id == booking_id), None)
    if found is None:
        raise NotFound
    return found


def _moment(day: date, wall: Any) -> datetime:
    return times.from_london_wall(datetime.combine(day, wall))


def _asked_day() -> date | None:
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return None
