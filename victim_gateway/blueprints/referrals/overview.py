"""What is going on, what happens next, who is helping, what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.hold_presenter import hold_lines
from victim_gateway.blueprints.referrals.needs_presenter import need_levels
from victim_gateway.blueprints.referrals.page import bp, graded_on, render_referral_page
from victim_gateway.blueprints.referrals.timeline_presenter import timeline_lines
from victim_gateway.queries.onward_referrals.offer_groups import groups_of_referral
from victim_gateway.queries.onward_referrals.service_records import appointments_of_task
from victim_gateway.queries.referrals import compared_people, feed_differences, given_values
from victim_gateway.queries.referrals.header import OpenTask, ReferralHeader
from victim_gateway.queries.referrals.incidents import shared_incident
from victim_gateway.queries.referrals.overview import assessment_versions, onward_cards, related_referrals
from victim_gateway.queries.referrals.rights import rights_summary
from victim_gateway.queries.referrals.timeline import timeline_page
from victim_gateway.rules.recorded_fields import FEED_FIELDS
from victim_gateway.services.referrals import tasks
from victim_gateway.web import flashes
from victim_gateway.web.filters import date_and_time
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import label_of
from victim_gateway.web.list_pages import Paging, page_number, page_offset
from victim_gateway.web.permissions import may_use, requires
from victim_gateway.web.sessions import signed_in_actor

KIND_LABELS = {
    "story": "What people did",
    "code": "What the Victims' Code counts",
    "local": "Our own standards",
}
LATEST = 3


@bp.get("")
@requires(Permission.VIEW_REFERRAL)
def overview(referral_id: UUID) -> ResponseReturnValue:
    """The referral at a glance."""
    return render_referral_page("referrals/overview.html", referral_id, section="overview", more=_glance)


@bp.get("/onward-referrals")
@requires(Permission.VIEW_REFERRAL)
def onward_referrals(referral_id: UUID) -> ResponseReturnValue:
    """Who is helping, and who owes an answer."""
    return render_referral_page(
        "referrals/onward.html", referral_id, section="onward_referrals", more=_onward
    )


@bp.get("/timeline")
@requires(Permission.VIEW_REFERRAL)
def timeline(referral_id: UUID) -> ResponseReturnValue:
    """What happened, newest first; `?kind=` shows one kind of it."""
    return render_referral_page("referrals/timeline.html", referral_id, section="timeline", more=_timeline)


@bp.post("/tasks/<uuid:task_id>/done")
@requires(Permission.EDIT_CASEWORK)
def task_done(referral_id: UUID, task_id: UUID) -> ResponseReturnValue:
    """Tick off a task that a person has dealt with."""
    form, back = BaseForm(), url_for("referrals.overview", referral_id=referral_id)
    with save_or_refuse(form, then=back):
        tasks.tick_off_task(form.command(), referral_id, task_id=task_id)
        flashes.flash_success("The task is done")
    if form.refusal:
        raise form.refusal
    return redirect(back)


def _glance(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    referral_id = head.referral.id
    entries, total = timeline_page(session, referral_id, head.key, limit=LATEST)
    found = assessment_versions(session, referral_id, head.key)
    return {
        "received_on": times.london_date(head.referral.received_at),
        "latest": timeline_lines(entries),
        "total_entries": total,
        "others": related_referrals(session, head.referral),
        "onward": onward_cards(session, referral_id),
        "needs": need_levels(found[0]) if found else None,
        "assessment": found[0] if found else None,
        "rights": rights_summary(session, referral_id, at=at),
        "ticked_off": tasks.TICK_OFF_KINDS,
        "compared": tasks.COMPARED_KINDS,
        "differences": feed_differences.feed_differences(session, head),
        "usable": FEED_FIELDS,
        "given": given_values.given_values(session, head),
        "graded_on": graded_on(head),
        "same_people": compared_people.possible_same_people(session, head, today=times.london_date(at)),
        "holds": hold_lines(head, is_senior=may_use(Permission.TAKE_OUT_OF_SCOPE)),
        "reader_id": signed_in_actor().user_id,
        "shared": shared_incident(session, head.referral),
        "cancelled": {
            task.task_id: _cancelled_lines(session, task) for task in head.tasks if task.appointment_ids
        },
        "loaded": feed_differences.import_origin(session, head),
    }


def _cancelled_lines(session: Session, task: OpenTask) -> list[str]:
    """When, how and with whom the appointments of a task were to be."""
    return [
        f"{date_and_time(each.times.starts_at)}, {label_of(each.manner).lower()}, with {each.worker}"
        for each in appointments_of_task(session, task.appointment_ids)
    ]


def _onward(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    return {
        "onward": onward_cards(session, head.referral.id),
        "offer_groups": groups_of_referral(session, head.referral.id),
    }


def _timeline(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    kind = request.args.get("kind")
    kinds = (kind,) if kind in KIND_LABELS else tuple(KIND_LABELS)
    entries, total = timeline_page(session, head.referral.id, head.key, kinds=kinds, offset=page_offset())
    return {
        "entries": timeline_lines(entries),
        "kind": kind if kind in KIND_LABELS else None,
        "kinds": KIND_LABELS,
        "paging": Paging(page_number(), total),
    }
