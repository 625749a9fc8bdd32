"""Groups of fields of the triage form: the DASH score, what the person wants, children and communication."""

from __future__ import annotations

from collections.abc import Mapping

from wtforms import Field, IntegerField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError

from victim_gateway.database.kept_wordings import offered_entries_of
from victim_gateway.queries.referrals.overview import AssessmentVersion
from victim_gateway.rules.dash_indicators import DASH_TOPICS
from victim_gateway.rules.kept_lists import WANTS
from victim_gateway.rules.triage_questions import (
    ANSWERS,
    CHILDREN_ANSWERS,
    COMMUNICATION_LABELS,
    DASH_DONE_BY,
    NOT_ASKED,
    QUESTION_KEYS,
    SAFEGUARDING_ANSWERS,
    HouseholdAnswers,
    label_of_question,
    read_ages,
)
from victim_gateway.services.referrals.triage import DashAnswer
from victim_gateway.web.fields import GovDateField, OptionalRadioField
from victim_gateway.web.labels import SelectChoice

DONE_BY_LABELS = {"gateway": "We did", "police": "The police", "other_agency": "Another agency"}
CHILDREN_LABELS = {"yes": "Yes", "no": "No", NOT_ASKED: "Not asked yet"}
SAFEGUARDING_LABELS = {
    "made": "Made",
    "needed": "Needed: make a task for it",
    "not_needed": "Not needed",
    NOT_ASKED: "Not known yet",
}
ANSWER_LABELS = {"help": "Wants help with it", "no": "Not needed", NOT_ASKED: "Not asked yet"}
_REASON = Length(max=5000, message="Shorten this to 5,000 characters")


def list_choices(labels: Mapping[str, str]) -> list[SelectChoice]:
    """The choices of a field, in the order of the labels."""
    return [SelectChoice(key, label) for key, label in labels.items()]


class DashFields:
    """The DASH score: ticked or entered, with its day and who did it; and how often it happened."""

    dash_ticked = SelectMultipleField(
        "Which indicators were answered with yes?",
        choices=[SelectChoice(str(place), f"{place}. {topic}") for place, topic in enumerate(DASH_TOPICS, 1)],
        description="We count them and keep the number alone, never which ones",
    )
    dash_score = IntegerField(
        "DASH score",
        [Optional()],
        description=f"The number of yes answers, from 0 to {len(DASH_TOPICS)}, if you did not tick them above",
    )
    dash_on = GovDateField("When was the DASH done?", what="The day of the DASH", not_future=True)
    dash_by = RadioField(
        "Who did it?",
        choices=list_choices({code: DONE_BY_LABELS[code] for code in DASH_DONE_BY}),
        validate_choice=False,
    )
    incidents = IntegerField("How many incidents were there, this one among them?", [Optional()])

    def validate_dash_score(self, field: Field) -> None:
        """Ticked and entered must agree."""
        ticked = len(self.dash_ticked.data or ())
        if field.data is not None and ticked and field.data != ticked:
            raise ValidationError(f"Enter {ticked}, as many as you ticked, or take out the ticks")
        if field.data is not None and not 0 <= field.data <= len(DASH_TOPICS):
            raise ValidationError(f"Enter a DASH score from 0 to {len(DASH_TOPICS)}")

    def validate_dash_by(self, field: Field) -> None:
        """A score has an origin."""
        if self.score is not None and field.data not in DASH_DONE_BY:
            raise ValidationError("Choose who did the DASH")

    @property
    def score(self) -> int | None:
        """The score that was entered or ticked; None where there is none."""
        ticked = len(self.dash_ticked.data or ())
        entered: int | None = self.dash_score.data
        return ticked or None if entered is None else entered

    def mark_dash_gaps(self) -> bool:
        """Whether a score has no day, or a day no score; marks the field. An empty field has no validators."""
        if self.score is not None and not self.dash_on.data and not self.dash_on.errors:
            self.dash_on.errors = [*self.dash_on.errors, "Enter the day of the DASH"]
            return True
        if self.score is None and self.dash_on.data and not self.dash_score.errors:
            message = "Enter the score, or take out the day of the DASH"
            self.dash_score.errors = [*self.dash_score.errors, message]
            return True
        return False

    def dash_answer(self) -> DashAnswer | None:
        """What the service is told of the DASH."""
        score = self.score
        if score is None or not self.dash_on.data:
            return None
        return DashAnswer(score=score, on=self.dash_on.data, by=self.dash_by.data or "")

    def begin_dash(self, last: AssessmentVersion) -> None:
        """As it was in the last assessment."""
        self.dash_score.data, self.dash_on.data = last.dash_score, last.dash_on
        self.dash_by.data, self.incidents.data = last.dash_by, last.incidents


class WantsFields:
    """What the person wants: from the area's list, and in words."""

    wanted = SelectMultipleField("What do they want?", validate_choice=False)
    wants_text = TextAreaField("What they want, in their words", [_REASON])

    def offer_wants(self) -> None:
        """The area's list as it is now."""
        self.wanted.choices = list_choices({entry.code: entry.label for entry in offered_entries_of(WANTS)})

    def begin_wants(self, last: AssessmentVersion) -> None:
        """As it was in the last assessment."""
        self.wanted.data, self.wants_text.data = list(last.wanted), last.wants_text


def question_fields() -> dict[str, Field]:
    """A field for each question of any kind of victim; the page shows those that fit."""
    labels = {code: ANSWER_LABELS[code] for code in ANSWERS}
    return {
        f"said_{key}": OptionalRadioField(
            label_of_question(key), choices=list_choices(labels), default=NOT_ASKED
        )
        for key in QUESTION_KEYS
    }


class HouseholdFields:
    """Children in the household, how the person communicates, and the questions of each kind of victim."""

    children = OptionalRadioField(
        "Are there children in the household?",
        choices=list_choices({code: CHILDREN_LABELS[code] for code in CHILDREN_ANSWERS}),
        default=NOT_ASKED,
    )
    number_of_children = IntegerField("How many children?", [Optional()])
    ages = StringField(
        "How old are they?",
        [Length(max=100, message="Shorten this to 100 characters")],
        description="With commas, like 3, 7, 12. Younger than one is 0",
    )
    children_with = StringField(
        "With whom do they live?",
        [Length(max=200, message="Shorten this to 200 characters")],
        description="For example, with their mother and grandmother. Write no names",
    )
    safeguarding = OptionalRadioField(
        "A safeguarding referral for them",
        choices=list_choices({code: SAFEGUARDING_LABELS[code] for code in SAFEGUARDING_ANSWERS}),
        default=NOT_ASKED,
    )
    communication = SelectMultipleField(
        "What do they need to communicate?", choices=list_choices(COMMUNICATION_LABELS)
    )
    interpreter_language = StringField(
        "Language of the interpreter",
        [Length(max=60, message="Shorten this to 60 characters")],
    )

    def validate_ages(self, field: Field) -> None:
        """Each is a whole number of a child."""
        try:
            read_ages(field.data or "")
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def household(self) -> HouseholdAnswers:
        """What the service is asked to record."""
        ages = read_ages(self.ages.data or "")
        number = self.number_of_children.data
        return HouseholdAnswers(
            children=self.children.data or NOT_ASKED,
            number_of_children=len(ages) if number is None and ages else number,
            ages=ages,
            children_with=self.children_with.data or None,
            safeguarding=self.safeguarding.data or NOT_ASKED,
            communication=tuple(self.communication.data or ()),
            language=self.interpreter_language.data or None,
            answers={key: self[f"said_{key}"].data or NOT_ASKED for key in QUESTION_KEYS},  # type: ignore[index]
        )

    def begin_household(self, said: HouseholdAnswers, language: str | None, *, interpreted: bool) -> None:
        """As it was in the last assessment; the interpreter and the language as they are recorded now."""
        self.children.data, self.safeguarding.data = said.children, said.safeguarding
        self.number_of_children.data = said.number_of_children
        self.ages.data = ", ".join(str(age) for age in said.ages)
        self.children_with.data = said.children_with
        self.communication.data = [code for code in said.communication if code != "interpreter"]
        if interpreted and (language or "interpreter" in said.communication):
            self.communication.data.append("interpreter")
            self.interpreter_language.data = language
        for key, answer in said.answers.items():
            if key in QUESTION_KEYS:
                self[f"said_{key}"].data = answer  # type: ignore[index]
