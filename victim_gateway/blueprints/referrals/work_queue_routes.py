"""The work queue: what must I do now, and why?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.work_queue_forms import QueueForm
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals import work_queue
from victim_gateway.queries.referrals.proposals import proposals_for
from victim_gateway.queries.referrals.work_order import read_queue_position
from victim_gateway.queries.referrals.work_queue import QueueCounts, QueueFilters
from victim_gateway.rules.reminder_rules import ends_when_seen, rule_wording
from victim_gateway.vocabulary import NextAction, Risk
from victim_gateway.web.filters import format_bounded
from victim_gateway.web.list_pages import first_page_url, is_beside_the_list, paging_of
from victim_gateway.web.next_steps import explain_next_step
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("work_queue", __name__, template_folder="templates")

TABS = {
    "mine": "Yours",
    "team": "The team’s",
    "unassigned": "Unassigned",
    "high": "High risk",
    "waiting": "Waiting for a provider",
    "held": "Held",
}
# Why a tab is empty, and what would fill it.
EMPTY = {
    "mine": ("You have nothing to do", "Take a referral from the unassigned ones, and it appears here."),
    "team": ("Nobody has anything to do", "Referrals appear here when they come in."),
    "unassigned": ("Every referral has a caseworker", "New referrals appear here until somebody takes them."),
    "high": (
        "Nobody is known to be at high risk",
        "A referral appears here at high risk, after domestic abuse, or when the officer graded the risk as high.",
    ),
    "waiting": (
        "No provider owes us anything",
        "A referral appears here when it is offered to a provider, and leaves when their part is done.",
    ),
    "held": (
        "Nothing is held",
        "A referral appears here when consent has to be asked first, or there is no way to reach the person.",
    ),
}


@bp.get("/work")
@bp.get("/work/<any(mine, team, unassigned, high, waiting, held):tab>")
@requires(Permission.VIEW_WORK)
def home(tab: str = "mine") -> ResponseReturnValue:
    """One tab of the queue."""
    actor, today = signed_in_actor(), times.london_date(times.now())
    with transaction(actor) as session:
        form = QueueForm(
            districts=current_settings().area.districts,
            caseworkers=work_queue.assignable_caseworkers(session),
        )
        filters = _filters(form, today + timedelta(days=7))
        before, after = (read_queue_position(request.args.get(name, "")) for name in ("before", "after"))
        is_before = after is None and before is not None
        found = work_queue.work_queue_page(
            session,
            actor,
            tab,
            filters,
            today=today,
            position=after or before,
            is_before=is_before,
        )
        proposed = proposals_for(session, found.rows, today) if tab == "unassigned" else {}
    if is_beside_the_list(after or before, is_before=is_before, before=found.before, shown=len(found.rows)):
        return redirect(first_page_url())
    return render_template(
        "referrals/work_queue.html",
        tab=tab,
        title=TABS[tab],
        tabs=[
            (f"{label} ({format_bounded(found.counts.tabs[name])})", _url(name), name == tab)
            for name, label in TABS.items()
        ],
        yours=_own_counts(found.counts),
        teams=_team_counts(found.counts),
        owed=found.owed_by_others,
        counts=found.counts,
        cancelled=found.cancelled,
        notes=found.beside.notes,
        rule_reminders=[
            (line, rule_wording(line.rule_code), ends_when_seen(line.rule_code))
            for line in found.beside.reminders
        ],
        drafts=found.drafts,
        filters=form,
        is_filtered=bool(form.filter_chips()),
        rows=found.rows,
        proposed=proposed,
        paging=paging_of(found.before, found.after, len(found.rows), found.total),
        empty_texts=EMPTY[tab],
        today=today,
        why=explain_next_step,
    )


def _url(tab: str, **query: Any) -> str:
    return url_for("work_queue.home", tab=None if tab == "mine" else tab, **query)


def _own_counts(counts: QueueCounts) -> list[dict[str, Any]]:
    return [
        _count_link(counts.overdue, "overdue", _url("mine", due="overdue"), "bad"),
        _count_link(counts.due_today, "due today", _url("mine", due="today"), "soon"),
    ]


def _team_counts(counts: QueueCounts) -> list[dict[str, Any]]:
    return [
        _count_link(counts.new, "new, nobody has them", _url("unassigned"), "none"),
        _count_link(counts.waiting, "waiting for a provider", _url("waiting"), "none"),
    ]


def _count_link(number: int, text: str, href: str, kind: str) -> dict[str, Any]:
    return {"number": number, "written": format_bounded(number), "text": text, "href": href, "kind": kind}


def _filters(form: QueueForm, due_by: date) -> QueueFilters:
    return QueueFilters(
        due=form.due.data or None,
        due_by=due_by,
        district=form.district.data or None,
        risk=Risk(form.risk.data) if form.risk.data else None,
        next_action=NextAction(form.next_action.data) if form.next_action.data else None,
        caseworker_id=UUID(form.caseworker.data) if form.caseworker.data else None,
    )
