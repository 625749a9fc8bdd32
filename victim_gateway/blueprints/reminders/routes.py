"""Routes of the reminders: a provider's list, the link of an e-mail, and marking one as seen.

The Gateway's people have one list of what is due, their work: its reminders are made from the same rows.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.reminders.open_reminders import (
    DUE,
    ReminderCounts,
    ReminderRow,
    find_reminder_subject,
    open_reminders,
)
from victim_gateway.rules.reminder_rules import rule_wording
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.vocabulary import ReminderKind
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.list_pages import Paging, page_number, page_offset
from victim_gateway.web.permissions import requires
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
_KINDS = {"overdue": "bad", "today": "soon", "soon": "none"}


@bp.get("/reminders")
@bp.get("/reminders/<any(mine, team):shown>")
@requires(Permission.VIEW_REMINDERS)
def home(shown: str = "mine") -> ResponseReturnValue:
    """List a provider's open reminders; `?due=` narrows the list. The Gateway's people go to their work."""
    if not signed_in_actor().is_provider:
        return redirect(url_for("work_queue.home"))
    actor, today = signed_in_actor(), times.london_date(times.now())
    due = request.args.get("due") if request.args.get("due") in DUE else None
    with transaction(actor) as session:
        found = open_reminders(session, actor, shown=shown, due=due, today=today, offset=page_offset())
    if page_number() > 1 and not found.rows:
        abort(404)
    return render_template(
        "reminders/home.html",
        shown=shown,
        due=due,
        due_label=DUE_LABELS.get(due or ""),
        rows=found.rows,
        about=reminder_subject_text,
        counts=_counts(shown, found.counts),
        paging=Paging(page_number(), found.total),
        today=today,
        here=_url(shown, due),
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
    if not signed_in_actor().is_provider:
        flash_success("Marked as read")
        return redirect(url_for("work_queue.home"))
    flash_success("Marked as seen")
    shown = "team" if request.form.get("shown") == "team" else "mine"
    due = request.form.get("due")
    return redirect(_url(shown, due if due in DUE else None))


def reminder_subject_text(row: ReminderRow) -> str:
    """One line that says to a provider what a reminder is about."""
    if row.kind is ReminderKind.OFFER_UNANSWERED:
        return "Answer the offer"
    if row.kind is ReminderKind.NOTE_WRITTEN:
        return "There is a note for you"
    if row.kind is ReminderKind.TASK_WAITING:
        return rule_wording(row.about).removesuffix(" on")
    return row.standard or row.about.replace("_", " ").capitalize()


def _url(shown: str, due: str | None = None) -> str:
    return url_for("reminders.home", shown=None if shown == "mine" else shown, due=due)


def _counts(shown: str, counts: ReminderCounts) -> list[dict[str, Any]]:
    return [
        {
            "number": getattr(counts, due),
            "text": DUE_LABELS[due],
            "href": _url(shown, due),
            "kind": _KINDS[due],
        }
        for due in DUE
    ]
