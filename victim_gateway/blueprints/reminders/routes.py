"""Routes of the reminders: the list of a reader, the link of an e-mail, seen, put aside, and when e-mails come.

The list of work stays the order in which the Gateway works: nothing that is done here takes anything out of it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.reminders.forms import MailTimesForm, PlainForm, SnoozeForm
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.reminders.open_reminders import (
    DUE,
    VIEWS,
    ReminderCounts,
    ReminderRow,
    find_reminder_subject,
    list_reminders,
    one_reminder,
)
from victim_gateway.queries.reminders.unsent_reminders import unsent_reminders
from victim_gateway.rules.reminder_rules import rule_wording
from victim_gateway.services.messages.mail_preferences import change_mail_times, own_mail_times
from victim_gateway.services.reminders import reminder_pass, snoozes
from victim_gateway.vocabulary import NextAction, ReminderKind, SnoozeReason
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.labels import label_of
from victim_gateway.web.list_pages import Paging, page_number, page_offset
from victim_gateway.web.permissions import may_use, requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("reminders", __name__, template_folder="templates")

DUE_LABELS = {"overdue": "overdue", "today": "due today", "soon": "due in the next 7 days"}
# Where what a rule asks for is done; elsewhere the page of the referral says it.
_PROVIDER_PAGES = {"stalled": "onward_referrals.still_active"}
_GATEWAY_PAGES = {
    "stalled": "referrals.still_active",
    "high_risk_review": "referrals.assessment",
    "partner_duty": "referrals.rights",
    "withholding_review": "referrals.rights",
    "consent_recheck": "referrals.consent",
    "safe_contact_recheck": "referrals.safe_contact",
    "follow_up_call": "referrals.contact",
    "device_due_back": "referrals.support",
    "survey": "referrals.support",
}
VIEW_LABELS = {"due": "To do", "snoozed": "Put aside", "done": "Done"}
_KINDS = {"overdue": "bad", "today": "soon", "soon": "none"}
_STEPS = {action.value: label_of(action) for action in NextAction}


@bp.get("/reminders")
@bp.get("/reminders/<any(mine, team):shown>")
@requires(Permission.VIEW_REMINDERS)
def home(shown: str = "mine") -> ResponseReturnValue:
    """List a reader's reminders; `?view=` says which, and `?due=` narrows what is to do."""
    actor, at = signed_in_actor(), times.now()
    today = times.london_date(at)
    view = request.args.get("view") if request.args.get("view") in VIEWS else VIEWS[0]
    due = request.args.get("due") if request.args.get("due") in DUE else None
    with transaction(actor) as session:
        found = list_reminders(
            session,
            actor,
            shown=shown,
            view=str(view),
            due=due,
            at=at,
            offset=page_offset(),
        )
    if page_number() > 1 and not found.rows:
        abort(404)
    return render_template(
        "reminders/home.html",
        shown=shown,
        view=view,
        due=due,
        due_label=DUE_LABELS.get(due or ""),
        rows=found.rows,
        about=reminder_subject_text,
        note_of=_note_of,
        counts=_counts(shown, found.counts),
        views=_views(shown, str(view), found.counts),
        lists=[] if actor.is_provider else _lists(shown, found.counts),
        paging=Paging(page_number(), found.total),
        today=today,
        may_see_unsent=may_use(Permission.ASSIGN_OTHERS),
    )


@bp.get("/reminders/<uuid:reminder_id>")
@requires(Permission.VIEW_REMINDERS)
def lead(reminder_id: UUID) -> ResponseReturnValue:
    """Redirect the link of an e-mail to the record that the reminder is about."""
    actor = signed_in_actor()
    with transaction(actor) as session:
        subject = find_reminder_subject(session, reminder_id, actor)
    if actor.is_provider:
        page = _PROVIDER_PAGES.get(subject.rule_code or "", "onward_referrals.detail")
        return redirect(url_for(page, onward_referral_id=subject.onward_referral_id))
    if subject.referral_id is None:
        return redirect(url_for("imports.home"))
    page = _GATEWAY_PAGES.get(subject.rule_code or "", "referrals.overview")
    return redirect(url_for(page, referral_id=subject.referral_id))


@bp.post("/reminders/<uuid:reminder_id>/seen")
@requires(Permission.VIEW_REMINDERS)
def seen(reminder_id: UUID) -> ResponseReturnValue:
    """Mark a reminder as seen; it stays in the list until it is settled."""
    reminder_pass.mark_reminder_seen(reminder_id, actor=signed_in_actor(), at=times.now())
    if "shown" not in request.form and not signed_in_actor().is_provider:
        flash_success("Marked as read")
        return redirect(url_for("work_queue.home"))
    flash_success("Marked as seen")
    shown = "team" if request.form.get("shown") == "team" else "mine"
    due = request.form.get("due")
    return redirect(_url(shown, due=due if due in DUE else None))


@bp.route("/reminders/<uuid:reminder_id>/snooze", methods=["GET", "POST"])
@requires(Permission.VIEW_REMINDERS)
def snooze(reminder_id: UUID) -> ResponseReturnValue:
    """Put a reminder aside until a day and a time, with a reason."""
    form, after = SnoozeForm(), url_for("reminders.home")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            snoozes.snooze_reminder(
                form.command(),
                reminder_id,
                until=form.until,
                reason=SnoozeReason(form.reason.data),
                note=form.note.data or "",
            )
            flash_success("Put aside. It comes back by itself")
            return redirect(after)
    actor, at = signed_in_actor(), times.now()
    with transaction(actor) as session:
        row = one_reminder(session, actor, reminder_id, at)
        obstacle = snoozes.find_obstacle(session, reminder_id, actor, at)
    return render_form("reminders/snooze.html", form, row=row, about=reminder_subject_text, obstacle=obstacle)


@bp.post("/reminders/<uuid:reminder_id>/wake")
@requires(Permission.VIEW_REMINDERS)
def wake(reminder_id: UUID) -> ResponseReturnValue:
    """Take a reminder back before its time."""
    form = PlainForm()
    with save_or_refuse(form, then=url_for("reminders.home")):
        snoozes.end_snooze(form.command(), reminder_id)
        flash_success("The reminder is back in your list")
    return redirect(_url("mine", view="snoozed"))


@bp.route("/reminders/emails", methods=["GET", "POST"])
@requires(Permission.VIEW_REMINDERS)
def emails() -> ResponseReturnValue:
    """When the signed-in account wants its e-mails."""
    actor = signed_in_actor()
    with transaction(actor) as session:
        saved = own_mail_times(session, actor)
    form = MailTimesForm.showing(saved.times, saved.version, is_provider=actor.is_provider)
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("reminders.emails")):
            change_mail_times(form.command(), form.chosen)
            flash_success("Your times are saved")
            return redirect(url_for("reminders.emails"))
    return render_form("reminders/emails.html", form, is_provider=actor.is_provider)


@bp.get("/reminders/unsent")
@requires(Permission.ASSIGN_OTHERS)
def unsent() -> ResponseReturnValue:
    """List what passed before it could be sent, and who was to know; who is at high risk first."""
    actor, at = signed_in_actor(), times.now()
    with transaction(actor) as session:
        rows = unsent_reminders(session, actor, at)
    return render_template("reminders/unsent.html", rows=rows, about=_STEPS)


def reminder_subject_text(row: ReminderRow) -> str:
    """One line that says what a reminder is about."""
    if row.kind is ReminderKind.OFFER_UNANSWERED:
        return "Answer the offer"
    if row.kind is ReminderKind.NOTE_WRITTEN:
        return "There is a note for you"
    if row.kind is ReminderKind.TASK_WAITING:
        return rule_wording(row.about).removesuffix(" on")
    return row.standard or _STEPS.get(row.about) or row.about.replace("_", " ").capitalize()


def _note_of(row: ReminderRow) -> str:
    return snoozes.open_note(row.snooze_id, row.sealed_note, row.keyring_id) if row.snooze_id else ""


def _url(shown: str, *, due: str | None = None, view: str | None = None) -> str:
    list_name = None if shown == "mine" else shown
    return url_for("reminders.home", shown=list_name, due=due, view=None if view == VIEWS[0] else view)


def _counts(shown: str, counts: ReminderCounts) -> list[dict[str, Any]]:
    return [
        {
            "number": getattr(counts, due),
            "text": DUE_LABELS[due],
            "href": _url(shown, due=due),
            "kind": _KINDS[due],
        }
        for due in DUE
    ]


def _views(shown: str, view: str, counts: ReminderCounts) -> list[tuple[str, str, bool]]:
    numbers = {"due": f" ({counts.lists[shown]:,})", "snoozed": f" ({counts.snoozed:,})"}
    return [
        (label + numbers.get(name, ""), _url(shown, view=name), name == view)
        for name, label in VIEW_LABELS.items()
    ]


def _lists(shown: str, counts: ReminderCounts) -> list[tuple[str, str, bool]]:
    names = {"mine": "For you", "team": "For everybody"}
    return [(f"{text} ({counts.lists[name]:,})", _url(name), name == shown) for name, text in names.items()]
