"""A calendar of what is due: its link on a page of the account's own, and the file itself for a calendar program."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database.transaction import transaction
from victim_gateway.reporting.calendar_file import CalendarEntry, build_calendar_file
from victim_gateway.services.accounts.calendar_links import (
    make_calendar_link,
    own_calendar_link,
    read_calendar,
    revoke_calendar_link,
)
from victim_gateway.web import flashes
from victim_gateway.web.filters import clock_time
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.labels import label_of
from victim_gateway.web.permissions import public, requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("calendar", __name__, template_folder="templates")


class CalendarLinkForm(BaseForm):
    """A button: nothing is asked."""

    is_versioned = False


@bp.route("/work/calendar", methods=["GET", "POST"])
@requires(Permission.VIEW_WORK)
def link() -> ResponseReturnValue:
    """Whether there is a link; POST makes one, which this one answer shows and no page again."""
    form, secret = CalendarLinkForm(), None
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("calendar.link")):
            secret = make_calendar_link(form.command())
    actor = signed_in_actor()
    with transaction(actor) as session:
        state = own_calendar_link(session, actor)
    address = url_for("calendar.feed", secret=secret, _external=True) if secret else None
    answer = render_form("accounts/calendar.html", form, state=state, address=address)
    return (answer[0], 200) if secret and isinstance(answer, tuple) else answer


@bp.post("/work/calendar/revoke")
@requires(Permission.VIEW_WORK)
def revoke() -> ResponseReturnValue:
    """End the link at once."""
    form, after = CalendarLinkForm(), url_for("calendar.link")
    with save_or_refuse(form, then=after):
        revoke_calendar_link(form.command())
        flashes.flash_success("The calendar link has ended")
    return redirect(after)


@bp.get("/calendar/<secret>.ics")
@public
def feed(secret: str) -> ResponseReturnValue:
    """The file for a calendar program, which has no session: references and what is due, no names and no crime."""
    at = times.now()
    due = read_calendar(secret, address=request.remote_addr, at=at)
    entries = [
        CalendarEntry(each.referral_id.hex, each.due_on, f"{each.reference}: {label_of(each.next_action)}")
        for each in due.days
    ]
    entries += [
        CalendarEntry(
            each.booking_id.hex,
            times.london_date(each.starts_at),
            f"{each.reference}: video link at {clock_time(each.starts_at)}",
        )
        for each in due.video_links
    ]
    return Response(build_calendar_file(entries, at=at), content_type="text/calendar; charset=utf-8")
