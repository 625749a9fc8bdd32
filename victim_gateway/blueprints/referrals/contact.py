"""How may I reach them, what was tried? Numbers and addresses are shown on request, and that is audited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
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
from victim_gateway.services.referrals.contact_attempts import (
    UNCERTAIN_OUTCOMES,
    AttemptDetails,
    log_contact_attempt,
)
from victim_gateway.services.referrals.safe_contact import record_safe_contact
from victim_gateway.vocabulary import AttemptOutcome, DraftKind
from victim_gateway.web import flashes
from victim_gateway.web.drafts import drafted
from victim_gateway.web.forms import goes_on, save_or_refuse
from victim_gateway.web.permissions import requires

# After one of these the person may be told that we tried, where a message is safe.
UNANSWERED_CALLS = (AttemptOutcome.NO_ANSWER, AttemptOutcome.VOICEMAIL_LEFT)
# Sent by the script that puts one value in its place on the page.
ALONE_HEADER = "X-Value-Alone"
# Saved answers that the form never shows.
NOT_SHOWN_AGAIN = ("number", "email", "address", "code_word", "stated_by")


@bp.get("/contact")
@requires(Permission.VIEW_REFERRAL)
def contact(referral_id: UUID) -> ResponseReturnValue:
    """The safe-contact panel in full, then what was tried."""
    return render_referral_page("referrals/contact.html", referral_id, section="contact", more=_contact)


@bp.post("/contact/show")
@requires(Permission.VIEW_REFERRAL)
def show(referral_id: UUID) -> ResponseReturnValue:
    """One number, address or code word, which the audit keeps: by itself for a script, else on the same page."""
    what = _chosen_value()
    template = "referrals/contact.html"
    if request.headers.get(ALONE_HEADER):
        template = "referrals/shown_value.html"
    return render_referral_page(
        template, referral_id, section="contact", more=partial(_contact_with_value, what=what)
    )


@bp.get("/safe-contact/find")
@requires(Permission.VIEW_REFERRAL)
def find_safe_contact(referral_id: UUID) -> ResponseReturnValue:
    """What can be done while no way of contact is safe; it ends when a new answer is recorded."""
    return render_referral_page(
        "referrals/find_safe_contact.html", referral_id, section="contact", more=_contact
    )


@bp.route("/contact/attempts/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
@drafted(DraftKind.ATTEMPT)
def log_attempt(referral_id: UUID) -> ResponseReturnValue:
    """Log a try at reaching the person; a number is shown in place, and the form keeps what was typed."""
    now = times.now()
    form = AttemptForm(now)
    after = url_for("referrals.contact", referral_id=referral_id)
    if request.method == "GET" and not form.is_resumed:
        form.suggest_now()
    elif "show" in request.form:
        return _attempt_page(referral_id, form, what=_chosen_value())
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            attempt = form.attempt()
            log_contact_attempt(form.command(now), referral_id, attempt)
            following = _next_after(referral_id, attempt)
            if goes_on():
                flashes.flash_success("The contact attempt was saved")
                return redirect(following[1])
            flashes.flash_success("The contact attempt was saved", link=following)
            return redirect(after)
    return _attempt_page(referral_id, form)


def _attempt_page(referral_id: UUID, form: AttemptForm, *, what: str | None = None) -> ResponseReturnValue:
    """The form with the safe channels only; `what` is a value to show on it, and nothing is checked then."""

    def offered(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        shown = _contact_with_value(session, head, at, what=what) if what else _contact(session, head, at)
        form.offer(head.safe_channels)
        is_asked_for = request.args.get("tried") == "yes" or form.is_submitted() or form.is_resumed
        return {
            **shown,
            "is_form_shown": head.may_be_attempted and (bool(head.safe_channels) or is_asked_for),
            "shows_in_form": True,
        }

    return render_referral_page(
        "referrals/log_attempt.html",
        referral_id,
        section="contact",
        form=form,
        version=plan_version,
        more=offered,
        status=200 if what else None,
    )


def _chosen_value() -> str:
    what = request.form.get("show") or request.form.get("what", "")
    if what not in HIDDEN:
        abort(404)
    return what


@bp.route("/safe-contact", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
@drafted(DraftKind.SAFE_CONTACT)
def safe_contact(referral_id: UUID) -> ResponseReturnValue:
    """Record what the person says about contacting them safely."""
    form, after = SafeContactForm(), url_for("referrals.contact", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            record_safe_contact(form.command(), referral_id, form.plan())
            overview = ("See what happens next", url_for("referrals.overview", referral_id=referral_id))
            flashes.flash_success("Safe contact was recorded", link=overview)
            return redirect(after)

    def filled(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        shown = _contact(session, head, at)
        if request.method == "GET" and not form.is_resumed:
            form.fill(head.safe, shown["plan"])
        if form.is_stale:
            saved = SafeContactForm(formdata=None)
            saved.fill(head.safe, shown["plan"])
            form.show_saved(saved, not_shown=NOT_SHOWN_AGAIN)
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
        "is_fresh": found.is_fresh,
        "is_open_now": found.is_open_now,
        "opens_at": found.opens_at,
        "stated_by": found.stated_by,
        "attempts": found.attempts,
        "attempt_count": found.attempt_count,
        "least_attempts": found.least_attempts,
        "consents": found.consents,
        "check_labels": CHECK_LABELS,
        "phone_type": read_phone_type(head.person.get("phone_type")),
        "shown": {},
    }


def _contact_with_value(
    session: Session, head: ReferralHeader, at: datetime, *, what: str
) -> Mapping[str, Any]:
    value = reveal_contact_value(session, head, what)
    return {**_contact(session, head, at), "what": what, "shown": {what: value}}


def _next_after(referral_id: UUID, attempt: AttemptDetails) -> tuple[str, str]:
    if attempt.although_unsafe or attempt.outcome in UNCERTAIN_OUTCOMES:
        return "Find a safe way to contact them", url_for(
            "referrals.find_safe_contact", referral_id=referral_id
        )
    if attempt.outcome is AttemptOutcome.REACHED:
        return "Make a triage assessment", url_for("referrals.assess", referral_id=referral_id)
    if attempt.outcome in UNANSWERED_CALLS:
        return "See whether a message can be sent to them", url_for(
            "referrals.messages", referral_id=referral_id
        )
    return "Back to your work", url_for("work_queue.home")
