"""What every page of a referral has: who it is about, its sections, what changed under a stale form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.blueprints.referrals.timeline_presenter import timeline_lines
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.header import ReferralHeader, referral_header
from victim_gateway.queries.referrals.timeline import timeline_page
from victim_gateway.rules.recorded_fields import recorded_day
from victim_gateway.web.forms import BaseForm, render_form
from victim_gateway.web.next_steps import explain_next_step
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("referrals", __name__, template_folder="templates", url_prefix="/referrals/<uuid:referral_id>")

SECTIONS = {
    "overview": "Overview",
    "contact": "Contact",
    "assessment": "Assessment",
    "onward_referrals": "Onward referrals",
    "support": "Support",
    "rights": "Rights",
    "notes": "Notes",
    "files": "Files",
    "timeline": "Timeline",
}
More = Callable[[Session, ReferralHeader, datetime], Mapping[str, Any]]
Version = Callable[[ReferralHeader], int]


def render_referral_page(
    template: str,
    referral_id: UUID,
    *,
    section: str,
    form: BaseForm | None = None,
    version: Version | None = None,
    more: More | None = None,
    status: int | None = None,
) -> ResponseReturnValue:
    """A page of the referral, read in one transaction and audited. `more` adds what only this page shows.

    `version` is that of the record the form acts on; a form that turned out stale is shown with what changed.
    `status` None: 200, or what became of the form.
    """
    at = times.now()
    with transaction(signed_in_actor()) as session:
        head = referral_header(
            session, referral_id, at=at, page=template.rpartition("/")[2].removesuffix(".html")
        )
        context = dict(more(session, head, at)) if more else {}
        if form is not None and form.is_stale:
            entries, _ = timeline_page(session, referral_id, head.key, limit=3)
            context["changed"] = timeline_lines(entries)
    context |= {
        "head": head,
        "referral": head.referral,
        "section": section,
        "why": explain_next_step,
        "has_view": has_view,
    }
    context["sections"] = _sections(referral_id, section)
    context["today"] = times.london_date(at)
    if form is None:
        return render_template(template, **context), status or 200
    if status is not None:
        return render_template(template, form=form, **context), status
    return render_form(template, form, version=version(head) if version else None, **context)


def referral_version(head: ReferralHeader) -> int:
    """For forms that change the referral itself."""
    return head.referral.version


def plan_version(head: ReferralHeader) -> int:
    """For forms that act on the safe-contact plan."""
    return head.plan_version


def graded_on(head: ReferralHeader) -> date | None:
    """The day on which the officer graded the risk, where it is known."""
    graded_at = head.details.get("risk_assessed_at")
    return recorded_day(graded_at) if graded_at else None


def has_view(endpoint: str) -> bool:
    """Whether a page of another area is there to link to."""
    return endpoint in current_app.view_functions


def _sections(referral_id: UUID, section: str) -> list[tuple[str, str, bool]]:
    return [
        (label, url_for(f"referrals.{name}", referral_id=referral_id), name == section)
        for name, label in SECTIONS.items()
    ]
