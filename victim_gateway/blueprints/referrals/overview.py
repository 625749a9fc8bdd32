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
from victim_gateway.blueprints.referrals.area import bp, page
from victim_gateway.blueprints.referrals.scale import needs_of
from victim_gateway.blueprints.referrals.story import lines
from victim_gateway.queries.casework import comparing
from victim_gateway.queries.casework import overview as parts
from victim_gateway.queries.casework import rights as rights_query
from victim_gateway.queries.casework import timeline as timeline_query
from victim_gateway.queries.casework.header import Header
from victim_gateway.services import tasks
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, saving
from victim_gateway.web.permissions import requires
from victim_gateway.web.queries import Paging, offset, page_number
from victim_gateway.web.sessions import signed_in_actor

KIND_WORDS = {
    "story": "What people did",
    "code": "What the Victims' Code counts",
    "local": "Our own standards",
}
LATEST = 3


@bp.get("")
@requires(Permission.VIEW_REFERRAL)
def overview(referral_id: UUID) -> ResponseReturnValue:
    """The referral at a glance."""
    return page("referrals/overview.html", referral_id, section="overview", more=_glance)


@bp.get("/onward-referrals")
@requires(Permission.VIEW_REFERRAL)
def onward_referrals(referral_id: UUID) -> ResponseReturnValue:
    """Who is helping, and who owes an answer."""
    return page("referrals/onward.html", referral_id, section="onward_referrals", more=_onward)


@bp.get("/timeline")
@requires(Permission.VIEW_REFERRAL)
def timeline(referral_id: UUID) -> ResponseReturnValue:
    """What happened, newest first; `?kind=` shows one kind of it."""
    return page("referrals/timeline.html", referral_id, section="timeline", more=_timeline)


@bp.post("/tasks/<uuid:task_id>/done")
@requires(Permission.EDIT_CASEWORK)
def task_done(referral_id: UUID, task_id: UUID) -> ResponseReturnValue:
    """Tick off a task that a person has dealt with."""
    form, back = BaseForm(), url_for("referrals.overview", referral_id=referral_id)
    with saving(form, then=back):
        tasks.tick_off(
            task_id, actor=signed_in_actor(), at=times.now(), submission_id=form.submission_id.data
        )
        flashes.success("The task is done")
    if form.refusal:
        raise form.refusal
    return redirect(back)


def _glance(session: Session, head: Header, at: datetime) -> Mapping[str, Any]:
    referral_id = head.referral.id
    entries, total = timeline_query.timeline(session, referral_id, head.key, limit=LATEST)
    found = parts.assessments(session, referral_id, head.key)
    return {
        "latest": lines(entries),
        "total_entries": total,
        "others": parts.others(session, head.referral),
        "onward": parts.onward(session, referral_id),
        "needs": needs_of(found[0]) if found else None,
        "assessment": found[0] if found else None,
        "rights": rights_query.summary(session, referral_id, at=at),
        "ticked_off": tasks.TICKED_OFF,
        "differences": comparing.differences(session, head),
        "same_people": comparing.same_people(session, head, today=times.london_date(at)),
        "loaded": comparing.loaded(session, head),
    }


def _onward(session: Session, head: Header, at: datetime) -> Mapping[str, Any]:
    return {"onward": parts.onward(session, head.referral.id)}


def _timeline(session: Session, head: Header, at: datetime) -> Mapping[str, Any]:
    kind = request.args.get("kind")
    kinds = (kind,) if kind in KIND_WORDS else tuple(KIND_WORDS)
    entries, total = timeline_query.timeline(
        session, head.referral.id, head.key, kinds=kinds, offset=offset()
    )
    return {
        "entries": lines(entries),
        "kind": kind if kind in KIND_WORDS else None,
        "kinds": KIND_WORDS,
        "paging": Paging(page_number(), total),
    }
