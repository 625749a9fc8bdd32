"""What do they need, how much at risk are they?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import BooleanField, Field, RadioField, SelectMultipleField, TextAreaField
from wtforms.validators import DataRequired, Length

from config.area_profile import NeedsScale
from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.assessment_fields import (
    DashFields,
    HouseholdFields,
    WantsFields,
    list_choices,
    question_fields,
)
from victim_gateway.blueprints.referrals.assessment_presenter import (
    describe_questions,
    has_higher_grade,
    may_review,
    present_open_review,
    present_version,
    propose_steps,
)
from victim_gateway.blueprints.referrals.needs_presenter import CATEGORY_LABELS, RJ_LABELS
from victim_gateway.blueprints.referrals.page import bp, graded_on, render_referral_page
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import AssessmentVersion, assessment_versions
from victim_gateway.rules.risk_rules import GROUNDS
from victim_gateway.rules.triage_questions import HouseholdAnswers, latest_language
from victim_gateway.services.referrals import triage
from victim_gateway.times import moment_on
from victim_gateway.vocabulary import DraftKind, Risk
from victim_gateway.web import flashes
from victim_gateway.web.drafts import DraftedForm, drafted
from victim_gateway.web.fields import GovDateField, OptionalRadioField
from victim_gateway.web.forms import goes_on, save_or_refuse
from victim_gateway.web.labels import GROUND_LABELS, SelectChoice, choices_of
from victim_gateway.web.permissions import requires

# The order of the page; a name that ends with "_" stands for all that begin with it.
_ORDER = (
    "assessed_on",
    "need_",
    "no_other_needs",
    "wanted",
    "wants_text",
    "children",
    "number_of_children",
    "ages",
    "children_with",
    "safeguarding",
    "communication",
    "interpreter_language",
    "said_",
    "dash_ticked",
    "dash_score",
    "dash_on",
    "dash_by",
    "incidents",
    "risk",
    "risk_grounds",
    "risk_reason",
    "below_officer_reason",
)


def _place(field: Field) -> int:
    name = field.short_name
    found = (
        place
        for place, each in enumerate(_ORDER)
        if name == each or (each.endswith("_") and name.startswith(each))
    )
    return next(found, len(_ORDER))


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


class AssessmentForm(DashFields, WantsFields, HouseholdFields, DraftedForm):
    """The parts that every area has, and one question for each need of the area's scale: `need_<key>`."""

    no_other_needs = BooleanField("I asked about all of these, and they have no other need")
    risk = RadioField(
        "How much at risk is the person?",
        choices=choices_of(Risk, Risk.UNKNOWN),
        validators=[DataRequired("Choose how much at risk the person is")],
    )
    risk_grounds = SelectMultipleField(
        "On what grounds?",
        choices=list_choices({ground: GROUND_LABELS[ground] for ground in GROUNDS}),
        description="Your judgement may raise the risk, never lower it",
    )
    risk_reason = TextAreaField(
        "Why does your judgement raise the risk?",
        [Length(max=5000, message="Shorten this to 5,000 characters")],
        description="What you saw or heard that the score and the other grounds leave out",
    )
    below_officer_reason = TextAreaField(
        "Why is the risk lower than the officer's grade?",
        [Length(max=5000, message="Shorten this to 5,000 characters")],
        description="A senior caseworker reads this. Until they agree, the officer's grade counts",
    )
    enhanced_categories = SelectMultipleField(
        "Do they have enhanced rights?",
        choices=list_choices(CATEGORY_LABELS),
        description="Shorter limits then apply from the day of this assessment",
    )
    wants_restorative_justice = OptionalRadioField(
        "Do they want to know more about restorative justice?",
        choices=list_choices(RJ_LABELS),
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
        own: list[tuple[str, Field]] = [
            *vars(type(self))["_unbound_fields"],
            *_need_fields(scale).items(),
            *question_fields().items(),
        ]
        self._unbound_fields = own
        super().__init__(**kwargs)
        self.offer_wants()

    def __iter__(self) -> Iterator[Field]:
        """In the order of the page, so that errors are listed in it: the day, the needs, then the rest."""
        return iter(sorted(super().__iter__(), key=_place))

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """The fields, and what two of them say together."""
        self._answer_other_needs()
        is_valid = super().validate(extra_validators=extra_validators)
        return not self.mark_dash_gaps() and is_valid

    def _answer_other_needs(self) -> None:
        """Where the caseworker says that they asked, a need without an answer is none. Nothing is so by default."""
        if not self.no_other_needs.data:
            return
        scale = current_area().needs
        none = str(min(value for value, _ in scale.steps))
        for key, _ in scale.areas:
            if not self[f"need_{key}"].data:
                self[f"need_{key}"].data = none
        # Said by the answers from now on, also on a page that shows both versions.
        self.no_other_needs.data = False

    def assessment(self, now: datetime) -> triage.TriageAnswers:
        """What the service is asked to record."""
        needs = {key: int(self[f"need_{key}"].data) for key, _ in current_area().needs.areas}
        return triage.TriageAnswers(
            assessed_at=moment_on(self.assessed_on.data, None, now) or now,
            needs=needs,
            risk=Risk(self.risk.data),
            risk_grounds=tuple(self.risk_grounds.data or ()),
            enhanced_categories=tuple(self.enhanced_categories.data or ()),
            wants_restorative_justice=self.wants_restorative_justice.data or "not_asked",
            remarks=self.remarks.data or None,
            dash=self.dash_answer(),
            incidents=self.incidents.data,
            risk_reason=self.risk_reason.data or None,
            below_officer_reason=self.below_officer_reason.data or None,
            wanted=tuple(self.wanted.data or ()),
            wants_text=self.wants_text.data or None,
            household=self.household(),
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
    form, now = AssessmentForm(current_area().needs), times.now()
    after = url_for("referrals.assessment", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            triage.record_triage_assessment(form.command(now), referral_id, form.assessment(now))
            onward = url_for("referrals.onward_referrals", referral_id=referral_id)
            if goes_on():
                flashes.flash_success("The assessment was saved")
                return redirect(url_for("onward_referrals.refer_on", referral_id=referral_id))
            flashes.flash_success("The assessment was saved", link=("Refer on to a provider", onward))
            return redirect(after)

    def begun(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = assessment_versions(session, referral_id, head.key)
        if request.method == "GET" and not form.is_resumed:
            _begin(form, head, found[0] if found else None, now)
            form.version.data = found[0].version if found else 0
        if form.is_stale:
            form.version.data = found[0].version if found else 0
            if found:
                lowers = found[0].risk is Risk.HIGH and form.risk.data != Risk.HIGH
                form.show_saved(_saved(head, found[0], now), loosens=lowers)
        return {
            "needs": [key for key, _ in current_area().needs.areas],
            "last": found[0] if found else None,
            "graded_on": graded_on(head),
            **describe_questions(session, head, at),
        }

    return render_referral_page(
        "referrals/assess.html", referral_id, section="assessment", form=form, more=begun
    )


def _begin(form: AssessmentForm, head: ReferralHeader, last: AssessmentVersion | None, now: datetime) -> None:
    form.assessed_on.data = times.london_date(now)
    said = last.household if last else HouseholdAnswers()
    form.begin_household(
        said,
        latest_language(said, head.person.get("language"), is_corrected="language" in head.corrected),
        interpreted=head.referral.interpreter_needed,
    )
    if last is None:
        return
    form.begin_dash(last)
    form.begin_wants(last)
    form.risk_reason.data, form.below_officer_reason.data = last.risk_reason, last.below_officer_reason
    for key, _ in current_area().needs.areas:
        if key in last.needs:
            form[f"need_{key}"].data = str(last.needs[key])
    form.risk.data = last.risk.value
    form.risk_grounds.data = [ground for ground in last.risk_grounds if ground in GROUNDS]
    form.enhanced_categories.data = list(last.enhanced_categories)
    form.wants_restorative_justice.data = last.wants_restorative_justice


def _saved(head: ReferralHeader, last: AssessmentVersion, now: datetime) -> AssessmentForm:
    """The answers of the last assessment, to be set beside others."""
    saved = AssessmentForm(current_area().needs, formdata=None)
    _begin(saved, head, last, now)
    saved.assessed_on.data, saved.remarks.data = times.london_date(last.assessed_at), last.note
    return saved


def _assessments(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    found = assessment_versions(session, head.referral.id, head.key)
    shown = [present_version(item, found[place + 1 : place + 2]) for place, item in enumerate(found)]
    return {
        "assessments": shown,
        "rj_labels": RJ_LABELS,
        "category_labels": CATEGORY_LABELS,
        "graded_on": graded_on(head),
        "next_steps": propose_steps(head, found[0]) if found else (),
        "may_review": may_review(head, found),
        "open_review": present_open_review(session, head, found),
        "has_higher_grade": has_higher_grade(head, found),
    }
