"""Putting right what was recorded about the person and the crime: the form, and what the change brings with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.correction_form import NOT_SHOWN_AGAIN, CorrectForm
from victim_gateway.blueprints.referrals.page import bp, referral_version, render_referral_page
from victim_gateway.blueprints.referrals.value_fields import HARM_GROUPS, HARM_HINTS, recorded_text
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.header import ReferralHeader, referral_header
from victim_gateway.queries.referrals.planned_correction import CorrectionPreview, preview_correction
from victim_gateway.rules.correction_consequences import FieldChange, PlannedCorrection
from victim_gateway.rules.harms import order_harms
from victim_gateway.rules.recorded_fields import CONTACT_FIELDS, field_label
from victim_gateway.rules.victim_kinds import VICTIM_KINDS, is_correctable_kind
from victim_gateway.services.referrals import corrections
from victim_gateway.vocabulary import DraftKind, Harm
from victim_gateway.web import flashes
from victim_gateway.web.drafts import drafted
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

# The form's own hidden fields are written by its tag.
_NOT_ECHOED = (
    "csrf_token",
    "step",
    "submission_id",
    "version",
    "asked",
    "draft_id",
    "draft_revision",
    "put_aside",
)


@dataclass(frozen=True, slots=True)
class CorrectedLine:
    """One changed field in plain text; a number or an address is not put into the page."""

    label: str
    before: str
    after: str


@bp.route("/correct", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
@drafted(DraftKind.CORRECTION)
def correct(referral_id: UUID) -> ResponseReturnValue:
    """Correct details; what is corrected here no feed overwrites. What follows from it is shown before it is saved."""
    form, after = (
        CorrectForm(current_settings().area.districts),
        url_for("referrals.overview", referral_id=referral_id),
    )
    form.offer_strand(request.form.get("hate_strand"))
    step = request.form.get("step")
    if step == "change":
        return render_referral_page(
            "referrals/correct.html",
            referral_id,
            section="overview",
            more=lambda _, head, at: {"form": form, **_offer_choices(form, head)},
        )
    if form.validate_on_submit():
        reason = form.reason.data or None
        with save_or_refuse(form, then=after):
            if step != "save":
                preview = _preview(referral_id, form.changes())
                corrections.check_loosening(preview.planned, signed_in_actor(), reason)
                if preview.planned.consequences or (preview.provider_count and preview.planned.changes):
                    return _check_page(referral_id, form, preview)
            changed = corrections.correct_details(form.command(), referral_id, form.changes(), reason=reason)
            flashes.flash_success(
                "The details were corrected" if changed else "Nothing was different, so nothing changed"
            )
            return redirect(after)

    def filled(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        if request.method == "GET" and not form.is_resumed:
            form.fill(head)
        if form.is_stale:
            saved = CorrectForm(current_settings().area.districts, formdata=None)
            saved.fill(head)
            form.show_saved(saved, not_shown=NOT_SHOWN_AGAIN)
        return _offer_choices(form, head)

    return render_referral_page(
        "referrals/correct.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=filled,
    )


def _offer_choices(form: CorrectForm, head: ReferralHeader) -> Mapping[str, Any]:
    """Whether the kind of victim can be put right, what stands beside the harms, and which count without a tick."""
    kind = head.referral.victim_type
    if is_correctable_kind(kind):
        form.offer_kinds(kind)
    recorded = set(head.referral.harms) - set(head.referral.chosen_harms) - {Harm.OTHER}
    return {
        "victim_kind": VICTIM_KINDS[kind],
        "may_correct_kind": is_correctable_kind(kind),
        "harm_groups": HARM_GROUPS,
        "harm_hints": HARM_HINTS,
        "recorded_harms": order_harms(recorded),
    }


def _preview(referral_id: UUID, changes: Mapping[str, Any]) -> CorrectionPreview:
    at = times.now()
    with transaction(signed_in_actor()) as session:
        head = referral_header(session, referral_id, at=at, page="correct")
        completed = corrections.complete_harm_changes(head.referral, changes)
        corrections.check_victim_kind(head.referral, completed)
        return preview_correction(session, head, completed, at=at)


def _check_page(referral_id: UUID, form: CorrectForm, preview: CorrectionPreview) -> ResponseReturnValue:
    typed = request.form.items(multi=True)
    context = {
        "form": form,
        "typed": [(name, value) for name, value in typed if name not in _NOT_ECHOED],
        "lines": _lines(preview.planned),
        "consequences": preview.planned.consequences,
        "provider_count": preview.provider_count,
    }
    return render_referral_page(
        "referrals/correct_check.html", referral_id, section="overview", more=lambda *_: context
    )


def _lines(planned: PlannedCorrection) -> list[CorrectedLine]:
    return [
        _hidden_line(change)
        if change.field in CONTACT_FIELDS
        else CorrectedLine(
            field_label(change.field),
            recorded_text(change.field, change.before) or "Nothing recorded",
            recorded_text(change.field, change.after) or "Nothing",
        )
        for change in planned.changes
    ]


def _hidden_line(change: FieldChange) -> CorrectedLine:
    label = field_label(change.field)
    if change.before is None:
        return CorrectedLine(label, "Nothing recorded", "Added")
    return CorrectedLine(
        label, "Recorded now, not shown here", "Removed" if change.after is None else "Changed"
    )
