"""What do they need, how much at risk are they?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Field, RadioField, SelectMultipleField, TextAreaField
from wtforms.validators import DataRequired, Length

from config.area_profile import NeedsScale
from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.needs_presenter import (
    CATEGORY_LABELS,
    RJ_LABELS,
    need_levels,
)
from victim_gateway.blueprints.referrals.page import bp, graded_on, render_referral_page
from victim_gateway.database.current import current_settings
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import AssessmentVersion, assessment_versions
from victim_gateway.services.referrals import triage
from victim_gateway.times import moment_on
from victim_gateway.vocabulary import DraftKind, Risk
from victim_gateway.web import flashes
from victim_gateway.web.drafts import DraftedForm, drafted
from victim_gateway.web.fields import GovDateField, OptionalRadioField
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.labels import GROUND_LABELS, SelectChoice, choices_of
from victim_gateway.web.permissions import requires


def _listed(labels: Mapping[str, str]) -> list[SelectChoice]:
    return [SelectChoice(key, label) for key, label in labels.items()]


def _place(field: Field) -> int:
    if field.short_name == "assessed_on":
        return 0
    return 1 if field.short_name.startswith("need_") else 2


def _need_fields(scale: NeedsScale) -> dict[str, Field]:
    steps = [SelectChoice(str(value), label) for value, label in scale.steps]
    return {
        f"need_{key}": RadioField(
            label,
            choices=steps,
            validators=[DataRequired(f"Choose an answer for {label[0].lower()}{label[1:]}")],
        )
        for key, label in scale.areas
    }


class AssessmentForm(DraftedForm):
    """The parts that every area has, and one question for each need of the area's scale: `need_<key>`."""

    risk = RadioField(
        "How much at risk is the person?",
        choices=choices_of(Risk, Risk.UNKNOWN),
        validators=[DataRequired("Choose how much at risk the person is")],
    )
    risk_grounds = SelectMultipleField(
        "On what grounds?",
        choices=_listed(GROUND_LABELS),
        description="Your judgement may raise the risk, never lower it",
    )
    enhanced_categories = SelectMultipleField(
        "Do they have enhanced rights?",
        choices=_listed(CATEGORY_LABELS),
        description="Shorter limits then apply from the day of this assessment",
    )
    wants_restorative_justice = OptionalRadioField(
        "Do they want to know more about restorative justice?",
        choices=_listed(RJ_LABELS),
        default="not_asked",
    )
    remarks = TextAreaField(
        "What they told us, and what they want",
        [Length(max=8000, message="Shorten this to 8,000 characters")],
    )
    assessed_on = GovDateField(
        "When did you speak?", what="The day you spoke", required="Enter the day you spoke", not_future=True
    )

    def __init__(self, scale: NeedsScale, **kwargs: Any) -> None:
        # WTForms binds these when a form is made, and lets none be added later; extended for this form alone.
        own: list[tuple[str, Field]] = [*vars(type(self))["_unbound_fields"], *_need_fields(scale).items()]
        self._unbound_fields = own
        super().__init__(**kwargs)

    def __iter__(self) -> Iterator[Field]:
        """In the order of the page, so that errors are listed in it: the day, the needs, then the rest."""
        return iter(sorted(super().__iter__(), key=_place))

    def assessment(self, now: datetime) -> triage.TriageAnswers:
        """What the service is asked to record."""
        needs = {key: int(self[f"need_{key}"].data) for key, _ in current_settings().area.needs.areas}
        return triage.TriageAnswers(
            assessed_at=moment_on(self.assessed_on.data, None, now) or now,
            needs=needs,
            risk=Risk(self.risk.data),
            risk_grounds=tuple(self.risk_grounds.data or ()),
            enhanced_categories=tuple(self.enhanced_categories.data or ()),
            wants_restorative_justice=self.wants_restorative_justice.data or "not_asked",
            remarks=self.remarks.data or None,
        )


@bp.get("/assessment")
@requires(Permission.VIEW_REFERRAL)
def assessment(referral_id: UUID) -> ResponseReturnValue:
    """The last assessment and what changed since the one before; earlier ones in full below."""
    return render_referral_page(
        "referrals/assessment.html", referral_id, section="assessment", more=_assessments
    )


@bp.route("/assessment/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
@drafted(DraftKind.ASSESSMENT)
def assess(referral_id: UUID) -> ResponseReturnValue:
    """Make a triage assessment; it begins with the answers of the last one."""
    form, now = AssessmentForm(current_settings().area.needs), times.now()
    after = url_for("referrals.assessment", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            triage.record_triage_assessment(form.command(now), referral_id, form.assessment(now))
            onward = url_for("referrals.onward_referrals", referral_id=referral_id)
            flashes.flash_success("The assessment was saved", link=("Refer on to a provider", onward))
            return redirect(after)

    def begun(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = assessment_versions(session, referral_id, head.key)
        if request.method == "GET" and not form.is_resumed:
            _begin(form, found[0] if found else None, now)
            form.version.data = found[0].version if found else 0
        if form.is_stale:
            form.version.data = found[0].version if found else 0
            if found:
                lowers = found[0].risk is Risk.HIGH and form.risk.data != Risk.HIGH
                form.show_saved(_saved(found[0], now), loosens=lowers)
        return {
            "needs": [key for key, _ in current_settings().area.needs.areas],
            "last": found[0] if found else None,
            "graded_on": graded_on(head),
        }

    return render_referral_page(
        "referrals/assess.html", referral_id, section="assessment", form=form, more=begun
    )


def _begin(form: AssessmentForm, last: AssessmentVersion | None, now: datetime) -> None:
    form.assessed_on.data = times.london_date(now)
    if last is None:
        return
    for key, _ in current_settings().area.needs.areas:
        if key in last.needs:
            form[f"need_{key}"].data = str(last.needs[key])
    form.risk.data = last.risk.value
    form.risk_grounds.data = list(last.risk_grounds)
    form.enhanced_categories.data = list(last.enhanced_categories)
    form.wants_restorative_justice.data = last.wants_restorative_justice


def _saved(last: AssessmentVersion, now: datetime) -> AssessmentForm:
    """The answers of the last assessment, to be set beside others."""
    saved = AssessmentForm(current_settings().area.needs, formdata=None)
    _begin(saved, last, now)
    saved.assessed_on.data, saved.remarks.data = times.london_date(last.assessed_at), last.note
    return saved


def _assessments(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    found = assessment_versions(session, head.referral.id, head.key)
    shown = [
        (item, need_levels(item, found[place + 1] if place + 1 < len(found) else None))
        for place, item in enumerate(found)
    ]
    return {
        "assessments": shown,
        "scale": current_settings().area.needs,
        "ground_labels": GROUND_LABELS,
        "category_labels": CATEGORY_LABELS,
        "rj_labels": RJ_LABELS,
        "graded_on": graded_on(head),
    }
