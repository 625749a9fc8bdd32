"""Who has the referral; holding and releasing it; closing and reopening it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.hold_answers import flash_hold
from victim_gateway.blueprints.referrals.hold_presenter import hold_lines
from victim_gateway.blueprints.referrals.page import bp, referral_version, render_referral_page
from victim_gateway.blueprints.referrals.status_forms import (
    AssignForm,
    CloseHighRiskForm,
    CloseReferralForm,
    HoldForm,
    ReleaseForm,
    ReopenForm,
)
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals import closing_checks, support_record, work_queue
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.closing import RiskView
from victim_gateway.rules.hold import CONSENT_REASONS
from victim_gateway.services.referrals import status
from victim_gateway.times import moment_on
from victim_gateway.vocabulary import CloseOutcome, ConsentHow, DraftKind, HeldReason, Risk, TaskKind
from victim_gateway.web import flashes
from victim_gateway.web.drafts import drafted
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import label_of
from victim_gateway.web.permissions import may_use, requires
from victim_gateway.web.sessions import signed_in_actor


def _overview(referral_id: UUID) -> str:
    return url_for("referrals.overview", referral_id=referral_id)


@bp.post("/take")
@requires(Permission.EDIT_CASEWORK)
def take(referral_id: UUID) -> ResponseReturnValue:
    """The one button on a referral that nobody has."""
    form, after = BaseForm(), _overview(referral_id)
    with save_or_refuse(form, then=after):
        status.take_referral(form.command(), referral_id)
        # No link to a next step: the page it leads to says which is safe for this person.
        flashes.flash_success("You look after this referral now")
    if form.refusal:
        raise form.refusal
    return redirect(after)


@bp.route("/assign", methods=["GET", "POST"])
@requires(Permission.ASSIGN_OTHERS)
def assign(referral_id: UUID) -> ResponseReturnValue:
    """A senior gives the referral to somebody."""
    with transaction(signed_in_actor()) as session:
        form = AssignForm(work_queue.assignable_caseworkers(session))
    after = _overview(referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            status.assign_referral(form.command(), referral_id, to_user_id=UUID(form.to_user.data))
            flashes.flash_success(
                "The referral was given to its caseworker", link=("Back to work", url_for("work_queue.home"))
            )
            return redirect(after)
    return render_referral_page(
        "referrals/assign.html", referral_id, section="overview", form=form, version=referral_version
    )


@bp.route("/hold", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
@drafted(DraftKind.HOLD)
def hold(referral_id: UUID) -> ResponseReturnValue:
    """Nobody acts until what is missing is there."""
    form, after = HoldForm(), _overview(referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            reason = HeldReason(form.reason.data)
            status.hold_referral(form.command(), referral_id, reason=reason, text=form.notes.data or None)
            flashes.flash_success("The referral is on hold")
            return redirect(after)
    return render_referral_page(
        "referrals/hold.html", referral_id, section="overview", form=form, version=referral_version
    )


@bp.route("/release", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def release(referral_id: UUID) -> ResponseReturnValue:
    """Decide about a hold: work goes on, or the referral is closed."""
    form, after, now = ReleaseForm(), _overview(referral_id), times.now()
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            left = status.release_referral(
                form.command(),
                referral_id,
                how=ConsentHow(form.how.data) if form.how.data else None,
                given_at=moment_on(form.given_on.data, None, now),
                text=form.notes.data or None,
            )
            flash_hold(left)
            return redirect(after)
    return render_referral_page(
        "referrals/release.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=_holds,
    )


@bp.route("/close", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
@drafted(DraftKind.CLOSING)
def close(referral_id: UUID) -> ResponseReturnValue:
    """What to check, what is still open, and when nothing is, how it ended."""
    with transaction(signed_in_actor()) as session:
        risk = closing_checks.last_risk(session, referral_id)
    form = CloseHighRiskForm() if risk is Risk.HIGH else CloseReferralForm()
    after = _overview(referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            status.close_referral(
                form.command(),
                referral_id,
                outcome=CloseOutcome(form.outcome.data),
                text=form.outcome_text.data or None,
                risk_view=_risk_view(form),
            )
            flashes.flash_success("The referral is closed", link=("Back to work", url_for("work_queue.home")))
            return redirect(after)
    return render_referral_page(
        "referrals/close.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=_checks,
    )


@bp.route("/reopen", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def reopen(referral_id: UUID) -> ResponseReturnValue:
    """Take up a closed referral again."""
    form, after = ReopenForm(), _overview(referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            status.reopen_referral(form.command(), referral_id, text=form.reason_text.data or "")
            flashes.flash_success("The referral is open again, and you look after it")
            return redirect(after)
    return render_referral_page(
        "referrals/reopen.html", referral_id, section="overview", form=form, version=referral_version
    )


def _holds(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    return {
        "holds": hold_lines(head, is_senior=may_use(Permission.TAKE_OUT_OF_SCOPE)),
        "needs_yes": bool(CONSENT_REASONS & set(head.referral.standing_reasons)),
    }


def _risk_view(form: CloseReferralForm) -> RiskView | None:
    if not isinstance(form, CloseHighRiskForm):
        return None
    # The form asks for no other: a high risk is lowered by an assessment to which a senior agrees.
    return RiskView(Risk.HIGH, form.risk_text.data or "")


def _checks(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    least = current_settings().area.thresholds.contact_attempts_before_closing
    facts = closing_checks.closing_facts(session, head.referral, least_attempts=least)
    return {
        "matters": closing_checks.open_matters(session, head.referral.id),
        "task_labels": {kind.value: label_of(kind) for kind in TaskKind},
        "facts": facts,
        "assessed": closing_checks.last_assessment(session, head.referral.id),
        "asks_risk": facts.risk is Risk.HIGH,
        "outcomes": support_record.closing_outcomes(session, head.referral.id),
        "owed": closing_checks.owed_standards(session, head.referral.id),
    }
