"""Incidents with many victims: the list, one of them, what is known of it, and a note to all of its referrals."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.incident_forms import AddReferralForm, IncidentForm, NoteToAllForm
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.incidents import (
    IncidentPage,
    incident_list,
    incident_page,
    note_recipients,
)
from victim_gateway.services.referrals.incidents import (
    add_referral_to_incident,
    describe_incident,
    write_note_to_all,
)
from victim_gateway.services.referrals.notes import NewNote
from victim_gateway.web import flashes
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("incidents", __name__, template_folder="templates", url_prefix="/incidents")


@bp.get("")
@requires(Permission.VIEW_REFERRAL)
def home() -> ResponseReturnValue:
    """The incidents that the reader may see, the newest first."""
    typed = request.args.get("after", "")
    after = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 18 else None
    with transaction(signed_in_actor()) as session:
        rows, has_more = incident_list(session, after=after)
    next_url = url_for("incidents.home", after=rows[-1].number) if has_more else None
    return render_template("referrals/incidents.html", rows=rows, next_url=next_url, is_first=after is None)


@bp.get("/<uuid:incident_id>")
@requires(Permission.VIEW_REFERRAL)
def one(incident_id: UUID) -> ResponseReturnValue:
    """One incident and its referrals, without names."""
    return _show(incident_id, AddReferralForm())


@bp.post("/<uuid:incident_id>/referrals")
@requires(Permission.EDIT_CASEWORK)
def add_referral(incident_id: UUID) -> ResponseReturnValue:
    """Put a referral into the incident by its reference."""
    form, after = AddReferralForm(), url_for("incidents.one", incident_id=incident_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            add_referral_to_incident(form.command(), incident_id, reference=form.reference.data or "")
            flashes.flash_success("The referral belongs to this incident now")
            return redirect(after)
    return _show(incident_id, form)


@bp.route("/<uuid:incident_id>/describe", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def describe(incident_id: UUID) -> ResponseReturnValue:
    """Change what is known of the incident; what stood there before stays in the history."""
    form, after = IncidentForm(), url_for("incidents.one", incident_id=incident_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            describe_incident(form.command(), incident_id, form.known())
            flashes.flash_success("What is known of the incident was saved")
            return redirect(after)
    shown = _read(incident_id)
    if request.method == "GET":
        form.title.data, form.facts.data = shown.text.title, shown.text.facts
        form.happened_on.data = shown.text.happened_on
    return render_form("referrals/describe_incident.html", form, version=shown.version, incident=shown)


@bp.route("/<uuid:incident_id>/note", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def note(incident_id: UUID) -> ResponseReturnValue:
    """Write a note on every referral of the incident."""
    form, after = NoteToAllForm(), url_for("incidents.one", incident_id=incident_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            said = NewNote(subject=form.subject.data or "", body=form.body.data or "")
            result = write_note_to_all(form.command(), incident_id, said, listed=form.listed_referrals())
            left_out = result.kept_from_suspects
            flashes.flash_success(
                f"The note stands on {result.written} referral{'' if result.written == 1 else 's'} now"
                + (f". Not on {left_out}, of a suspect for somebody else here" if left_out else "")
            )
            return redirect(after)
    with transaction(signed_in_actor()) as session:
        shown, recipients = incident_page(session, incident_id), note_recipients(session, incident_id)
    form.list_recipients(recipients)
    return render_form("referrals/incident_note.html", form, incident=shown, recipients=recipients)


def _show(incident_id: UUID, form: AddReferralForm) -> ResponseReturnValue:
    after = request.args.get("after")
    shown = _read(incident_id, after=after)
    next_url = None
    if shown.has_more:
        next_url = url_for("incidents.one", incident_id=incident_id, after=shown.members[-1].reference)
    return render_form(
        "referrals/incident.html", form, incident=shown, next_url=next_url, is_first=after is None
    )


def _read(incident_id: UUID, *, after: str | None = None) -> IncidentPage:
    with transaction(signed_in_actor()) as session:
        return incident_page(session, incident_id, after=after)
