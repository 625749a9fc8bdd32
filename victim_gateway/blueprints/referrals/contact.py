"""How may I reach them, what was tried? Numbers and addresses are shown on request, and that is audited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.contact_forms import CHECK_LABELS, AttemptForm, SafeContactForm
from victim_gateway.blueprints.referrals.page import bp, plan_version, render_referral_page
from victim_gateway.queries.referrals.contact import HIDDEN, contact_details, reveal_contact_value
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.phone_types import read_phone_type
from victim_gateway.services.referrals.contact_attempts import log_contact_attempt
from victim_gateway.services.referrals.safe_contact import record_safe_contact
from victim_gateway.vocabulary import AttemptOutcome
from victim_gateway.web import flashes
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.permissions import requires


@bp.get("/contact")
@requires(Permission.VIEW_REFERRAL)
def contact(referral_id: UUID) -> ResponseReturnValue:
    """The safe-contact panel in full, then what was tried."""
    return render_referral_page("referrals/contact.html", referral_id, section="contact", more=_contact)


@bp.post("/contact/show")
@requires(Permission.VIEW_REFERRAL)
def show(referral_id: UUID) -> ResponseReturnValue:
    """The same page with one number, address or code word on it, which the audit keeps."""
    what = request.form.get("what", "")
    if what not in HIDDEN:
        abort(404)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        return {
            **_contact(session, head, at),
            "shown": {what: reveal_contact_value(session, head, what)},
        }

    return render_referral_page("referrals/contact.html", referral_id, section="contact", more=shown)


@bp.route("/contact/attempts/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def log_attempt(referral_id: UUID) -> ResponseReturnValue:
    """Log a try at reaching the person."""
    now = times.now()
    form = AttemptForm(now)
    if request.method == "GET":
        form.suggest_now()
    after = url_for("referrals.contact", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            attempt = form.attempt()
            log_contact_attempt(form.command(now), referral_id, attempt)
            flashes.flash_success(
                "The contact attempt was saved", link=_next_after(referral_id, attempt.outcome)
            )
            return redirect(after)
    return render_referral_page(
        "referrals/log_attempt.html",
        referral_id,
        section="contact",
        form=form,
        version=plan_version,
        more=_contact,
    )


@bp.route("/safe-contact", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def safe_contact(referral_id: UUID) -> ResponseReturnValue:
    """Record what the person says about contacting them safely."""
    form, after = SafeContactForm(), url_for("referrals.contact", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            record_safe_contact(form.command(), referral_id, form.plan())
            attempt = ("Log a contact attempt", url_for("referrals.log_attempt", referral_id=referral_id))
            flashes.flash_success("Safe contact was recorded", link=attempt)
            return redirect(after)

    def filled(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        shown = _contact(session, head, at)
        if request.method == "GET":
            form.fill(head.safe, shown["plan"])
        return shown

    return render_referral_page(
        "referrals/safe_contact.html",
        referral_id,
        section="contact",
        form=form,
        version=plan_version,
        more=filled,
    )


def _contact(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    found = contact_details(session, head, at=at)
    return {
        "channels": found.channels,
        "plan": found.plan,
        "rules": found.rules,
        "is_known": found.is_known,
        "stated_by": found.stated_by,
        "attempts": found.attempts,
        "attempt_count": found.attempt_count,
        "least_attempts": found.least_attempts,
        "consents": found.consents,
        "check_labels": CHECK_LABELS,
        "phone_type": read_phone_type(head.person.get("phone_type")),
        "shown": {},
    }


def _next_after(referral_id: UUID, outcome: AttemptOutcome) -> tuple[str, str]:
    if outcome is AttemptOutcome.REACHED:
        return "Make a triage assessment", url_for("referrals.assess", referral_id=referral_id)
    return "Back to your work", url_for("work_queue.home")
