"""The questions of each kind of service as fields of the offer's form, and what a provider types of its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from wtforms import Field, IntegerField, RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from victim_gateway.rules.eligibility import EligibilityFacts
from victim_gateway.rules.handover import HandoverSource
from victim_gateway.rules.harms import SEXUAL_HARMS
from victim_gateway.rules.service_kinds import KIND_RULES, YES, KindQuestion, KindRules
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.web.drafts import DraftedForm
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice

PREFIX = "kind_"


def kind_questions() -> Iterable[KindQuestion]:
    """Every question that can be put, of whichever kind; questions of one key are the same."""
    asked = (question for rules in KIND_RULES.values() for question in rules.questions)
    return {question.key: question for question in asked if not question.is_derived}.values()


class KindAnswersForm(DraftedForm):
    """The answers to the questions of every kind: a page shows those of one, and the service reads no others."""

    def kind_answers(self) -> dict[str, str]:
        """What was answered, by question; days as ISO text."""
        said = {question.key: self[f"{PREFIX}{question.key}"].data for question in kind_questions()}
        return {
            key: value.isoformat() if isinstance(value, date) else value
            for key, value in said.items()
            if value
        }

    def fill_kind(self, source: HandoverSource, facts: EligibilityFacts) -> None:
        """Show what is on record already: the day of a sexual assault, and that somebody wants to know more."""
        if source.occurred_on is not None and set(source.harms) & SEXUAL_HARMS:
            self["kind_day_known"].data, self["kind_assault_on"].data = YES, source.occurred_on
        if facts.wants_restorative_justice == YES:
            self["kind_purpose"].data = "information"


def _field(question: KindQuestion) -> Any:
    if question.is_day:
        return GovDateField(question.label, what="The day", not_future=True, description=question.hint)
    if question.choices:
        return RadioField(
            question.label,
            choices=[SelectChoice(code, text) for code, text in question.choices.items()],
            validators=[Optional()],
            description=question.hint,
        )
    return StringField(
        question.label,
        [Length(max=300, message="Shorten this to 300 characters")],
        description=question.hint,
    )


for _question in kind_questions():
    setattr(KindAnswersForm, f"{PREFIX}{_question.key}", _field(_question))


class KindStepForm(BaseForm):
    """One step of a provider's work that belongs to the kind of its service."""

    is_versioned = False

    step = RadioField("What happened?", validators=[InputRequired("Choose what happened")])
    happened_on = GovDateField(
        "On which day?", what="The day", required="Enter the day on which it happened", not_future=True
    )
    minutes = IntegerField("How many minutes did it take?", [Optional()])
    text = TextAreaField("Anything to add", [Length(max=5000, message="Shorten this to 5,000 characters")])

    def offer(self, rules: KindRules) -> None:
        """Show the steps of the kind, by their groups."""
        self.step.choices = [SelectChoice(each.step.value, each.label) for each in rules.steps]

    def headings(self, rules: KindRules) -> Mapping[str, str]:
        """The heading of each group, by its first step."""
        found: dict[str, str] = {}
        for each in rules.steps:
            if each.group not in found.values():
                found[each.step.value] = each.group
        return found


def read_step(field: Field) -> KindStep | None:
    """The step that was chosen; None for what no form of ours sends."""
    return KindStep(field.data) if field.data in set(KindStep) else None
