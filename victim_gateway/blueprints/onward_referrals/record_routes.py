"""What a provider records after it accepted: attempts, appointments, notes, what became of each need, the closing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.common import onward_referral_of, url_after_end
from victim_gateway.blueprints.onward_referrals.presenters import safe_panel
from victim_gateway.blueprints.onward_referrals.record_forms import (
    AppointmentForm,
    AttendanceForm,
    CancelAppointmentForm,
    ClosingForm,
    NeedsForm,
    ProgressNoteForm,
    ProviderAttemptForm,
)
from victim_gateway.blueprints.onward_referrals.record_presenter import appointment_line
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.queries.onward_referrals.detail import OnwardReferralView
from victim_gateway.queries.onward_referrals.provider_workers import ProviderWorker, workers_with_access
from victim_gateway.queries.onward_referrals.service_records import (
    AppointmentEntry,
    ServiceRecord,
    find_appointment,
    service_record,
)
from victim_gateway.rules.service_records import WORKING_STATES, handover_needs, refused_attendance
from victim_gateway.rules.stalled_cases import (
    LONGEST_LOOK_DAYS,
    LONGEST_LOOK_DAYS_AT_HIGH_RISK,
    is_active_after,
)
from victim_gateway.service_record_vocabulary import AppointmentState
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals.stalled_cases import answer_stalled_onward_referral
from victim_gateway.services.onward_referrals.support import closing_outcomes
from victim_gateway.vocabulary import AttemptOutcome, OnwardState, ServiceOutcome
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.permissions import opens_by_link, requires
from victim_gateway.web.sessions import signed_in_actor
from victim_gateway.web.stall_forms import StallAnswerForm

_ONE = "/onward-referrals/<uuid:onward_referral_id>"
_APPOINTMENT = f"{_ONE}/appointments/<uuid:appointment_id>"


@bp.route(f"{_ONE}/attempts/new", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def attempt(onward_referral_id: UUID) -> ResponseReturnValue:
    """Record that the person was tried to be reached."""
    form, after = ProviderAttemptForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.record_provider_attempt(form.command(), onward_referral_id, form.attempt())
            flash_success("Your attempt is recorded. The caseworker sees it on the timeline.")
            return redirect(after)
    found = _accepted(onward_referral_id)
    is_first = found.state is OnwardState.ACCEPTED
    form.offer(
        [each for each in AttemptOutcome if not (is_first and each is AttemptOutcome.REACHED)]
        if found.state in WORKING_STATES
        else list(AttemptOutcome)
    )
    return render_form(
        "onward_referrals/attempt.html", form, found=found, is_first=is_first, panel=_panel(found)
    )


@bp.route(f"{_ONE}/appointments/new", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def appointment(onward_referral_id: UUID) -> ResponseReturnValue:
    """Make an appointment with the person."""
    found = _accepted(onward_referral_id)
    record, workers = _record(found)
    form, after = AppointmentForm(workers=workers), _url(onward_referral_id)
    if request.method == "GET":
        own = str(record.worker.worker_id if record.worker else signed_in_actor().user_id)
        form.worker.data = own
    form.version.data = 0
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.make_appointment(form.command(), onward_referral_id, form.answers())
            flash_success("The appointment is made. It stands first on the page.")
            return redirect(after)
    return render_form(
        "onward_referrals/appointment.html", form, found=found, entry=None, panel=_panel(found)
    )


@bp.route(_APPOINTMENT, methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def change_appointment(onward_referral_id: UUID, appointment_id: UUID) -> ResponseReturnValue:
    """Change an appointment that is planned."""
    found, entry, workers = _one(onward_referral_id, appointment_id)
    form, after = AppointmentForm(workers=workers), _url(onward_referral_id)
    if request.method == "GET":
        _require(entry.state is AppointmentState.PLANNED)
        form.show(entry)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.change_appointment(
                form.command(), onward_referral_id, appointment_id, form.answers()
            )
            flash_success("The appointment is changed")
            return redirect(after)
    return render_form(
        "onward_referrals/appointment.html",
        form,
        version=entry.version,
        found=found,
        entry=entry,
        panel=_panel(found),
    )


@bp.route(f"{_APPOINTMENT}/cancel", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def cancel_appointment(onward_referral_id: UUID, appointment_id: UUID) -> ResponseReturnValue:
    """Cancel an appointment that is planned, and say who did."""
    found, entry, _ = _one(onward_referral_id, appointment_id)
    form, after = CancelAppointmentForm(), _url(onward_referral_id)
    if request.method == "GET":
        _require(entry.state is AppointmentState.PLANNED)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            state = AppointmentState(form.cancelled_by.data)
            onward_referrals.cancel_appointment(
                form.command(), onward_referral_id, appointment_id, state=state
            )
            flash_success("The appointment is cancelled")
            return redirect(after)
    return _small_form("onward_referrals/cancel_appointment.html", form, found, entry)


@bp.route(f"{_APPOINTMENT}/attendance", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def attendance(onward_referral_id: UUID, appointment_id: UUID) -> ResponseReturnValue:
    """Record whether the person came, once the time of the appointment has come."""
    found, entry, _ = _one(onward_referral_id, appointment_id)
    form, after = AttendanceForm(), _url(onward_referral_id)
    if request.method == "GET":
        refused = refused_attendance(entry.state, entry.times.starts_at, times.now())
        _require(refused is None, refused)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.record_attendance(
                form.command(), onward_referral_id, appointment_id, attended=form.came.data == "yes"
            )
            flash_success("It is recorded whether they came. The caseworker sees it on the timeline.")
            return redirect(after)
    return _small_form("onward_referrals/attendance.html", form, found, entry)


@bp.route(f"{_ONE}/progress/new", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def progress_note(onward_referral_id: UUID) -> ResponseReturnValue:
    """Write a note of one's own about the work, which the Gateway reads only if it is shared."""
    form, after = ProgressNoteForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            is_shared = bool(form.is_shared.data)
            onward_referrals.write_progress_note(
                form.command(), onward_referral_id, text=form.note.data or "", is_shared=is_shared
            )
            flash_success(
                "Your note is saved, and the Gateway reads it" if is_shared else "Your note is saved"
            )
            return redirect(after)
    found = _accepted(onward_referral_id)
    return render_form("onward_referrals/progress_note.html", form, found=found)


@bp.route(f"{_ONE}/needs", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def needs(onward_referral_id: UUID) -> ResponseReturnValue:
    """Record what became of each need so far."""
    found = onward_referral_of(onward_referral_id)
    named = handover_needs(found.handover)
    form, after = NeedsForm(named, dict(current_area().needs.steps)), _url(onward_referral_id)
    if request.method == "GET":
        _require(bool(named) and found.state is OnwardState.IN_SERVICE)
        record, _ = _record(found)
        form.fill(record.needs)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.record_need_outcomes(form.command(), onward_referral_id, form.answers())
            flash_success("What became of their needs is recorded")
            return redirect(after)
    return render_form("onward_referrals/needs.html", form, version=found.version, found=found)


@bp.route(f"{_ONE}/close", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
@opens_by_link
def close(onward_referral_id: UUID) -> ResponseReturnValue:
    """Support has ended: with which outcome? What the Gateway will read is shown once more before it is closed."""
    found = onward_referral_of(onward_referral_id)
    outcomes = closing_outcomes(found.state)
    if request.method == "GET" and not outcomes:
        raise TransitionNotAllowed("This referral can't be closed now.")
    has_begun = found.state is OnwardState.IN_SERVICE
    named = handover_needs(found.handover) if has_begun else ()
    form, after = ClosingForm(named, dict(current_area().needs.steps)), url_after_end()
    record = _record(found)[0] if outcomes else None
    if request.method == "GET" and record is not None:
        form.fill(record.needs)
    now = times.now()
    context: dict[str, Any] = {
        "found": found,
        "coming": record.coming_appointments(now) if record else (),
        "due": record.due_attendance(now) if record else (),
        "appointment_line": appointment_line,
    }
    step = request.form.get("step")
    if form.validate_on_submit():
        if step == "check" and context["coming"] and form.knows() is None:
            form.person_knows.errors = ["Say whether they know that these appointments will not take place"]
        elif step == "check":
            return render_template("onward_referrals/check_close.html", form=form, **context)
        elif step != "change":
            with save_or_refuse(form, then=after):
                onward_referrals.close_onward_referral(
                    form.command(),
                    onward_referral_id,
                    outcome=ServiceOutcome(form.outcome.data),
                    text=form.outcome_text.data,
                    needs=form.answers() if has_begun else None,
                    person_knows=form.knows(),
                )
                flash_success(
                    "You have closed this referral. The caseworker knows, and you no longer see it."
                )
                return redirect(after)
    # Any outcome was read above: which of them fits is for the service to say. Shown are those that do.
    form.offer(outcomes or tuple(ServiceOutcome))
    if step == "change" and not form.errors:
        return render_template("onward_referrals/close.html", form=form, **context)
    return render_form("onward_referrals/close.html", form, version=found.version, **context)


def _small_form(
    template: str, form: BaseForm, found: OnwardReferralView, entry: AppointmentEntry
) -> ResponseReturnValue:
    line = appointment_line(entry)
    return render_form(template, form, version=entry.version, found=found, entry=entry, line=line)


@bp.route(f"{_ONE}/still-active", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def still_active(onward_referral_id: UUID) -> ResponseReturnValue:
    """Still active? What holds it up? One that is no longer needed leads to closing."""
    form, after = StallAnswerForm(), _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            given = form.given()
            answer_stalled_onward_referral(form.command(), onward_referral_id, given)
            flash_success("Your answer is saved. The caseworker sees it on the timeline.")
            if not is_active_after(given.answer):
                return redirect(url_for("onward_referrals.close", onward_referral_id=onward_referral_id))
            return redirect(after)
    return render_form(
        "onward_referrals/still_active.html",
        form,
        found=_accepted(onward_referral_id),
        days=LONGEST_LOOK_DAYS,
        days_at_high_risk=LONGEST_LOOK_DAYS_AT_HIGH_RISK,
    )


def _accepted(onward_referral_id: UUID) -> OnwardReferralView:
    """The onward referral, opened; a page on which nothing could be recorded says so instead."""
    found = onward_referral_of(onward_referral_id)
    if request.method == "GET":
        _require(found.state in WORKING_STATES, "Accept this referral first: work on it begins then.")
    return found


def _one(
    onward_referral_id: UUID, appointment_id: UUID
) -> tuple[OnwardReferralView, AppointmentEntry, tuple[ProviderWorker, ...]]:
    found = onward_referral_of(onward_referral_id)
    record, workers = _record(found)
    return found, find_appointment(record, appointment_id), workers


def _record(found: OnwardReferralView) -> tuple[ServiceRecord, tuple[ProviderWorker, ...]]:
    actor = signed_in_actor()
    with transaction(actor) as session:
        return (
            service_record(session, found.id, is_provider=True),
            workers_with_access(session, actor.organisation_id, found.service_id),
        )


def _panel(found: OnwardReferralView) -> object:
    now = times.now()
    return safe_panel(found.safe_contact, times.london_date(now), shown=False, now=now)


def _require(possible: bool, message: str | None = None) -> None:
    if not possible:
        raise TransitionNotAllowed(
            message or "This can't be done any more, or not yet. Open the referral to see how it stands."
        )


def _url(onward_referral_id: UUID) -> str:
    return url_for("onward_referrals.detail", onward_referral_id=onward_referral_id)
