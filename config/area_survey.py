"""What an area asks people about its own service: a part of an area profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

QUESTION_KINDS = {"scale": ("1", "2", "3", "4", "5"), "yes_no": ("yes", "no")}
_ID = validate.Regexp(r"^[a-z][a-z0-9_]*$", error="use small letters, digits and _")


@dataclass(frozen=True, slots=True)
class SurveyQuestion:
    """One question. Its answers are numbers from 1 (worst) to 5 (best), or yes and no.

    `by_link` is false for a question that betrays what the service is for: it is asked on the telephone only.
    `asks_for_person` lists the answers after which a caseworker must speak with the person, at once if `is_urgent`.
    """

    key: str
    text: str
    kind: str
    by_link: bool
    is_overall: bool
    asks_for_person: tuple[str, ...]
    is_urgent: bool

    @property
    def answers(self) -> tuple[str, ...]:
        """The answers that there are."""
        return QUESTION_KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class SurveyProfile:
    """The questions, how many days a link can be used, and from which number on a person counts as satisfied.

    `link_address` stands at the beginning of a link where the service's own address says what it is for; it must
    lead to the same pages.
    """

    questions: tuple[SurveyQuestion, ...]
    link_days: int
    satisfied_from: int
    link_address: str | None = None

    @property
    def overall(self) -> SurveyQuestion | None:
        """The question that says whether the person is satisfied; None where the area asks nothing."""
        return next((question for question in self.questions if question.is_overall), None)


class _StrictSurvey(Schema):
    class Meta:
        unknown = RAISE


class _QuestionSchema(_StrictSurvey):
    key = fields.String(required=True, validate=_ID)
    text = fields.String(required=True, validate=validate.Length(5, 160))
    kind = fields.String(required=True, validate=validate.OneOf(tuple(QUESTION_KINDS)))
    by_link = fields.Boolean(load_default=True)
    is_overall = fields.Boolean(load_default=False)
    asks_for_person = fields.List(fields.String(), load_default=list)
    is_urgent = fields.Boolean(load_default=False)

    @validates_schema
    def answers_are_of_its_kind(self, data: dict[str, Any], **_: Any) -> None:
        if set(data.get("asks_for_person", ())) - set(QUESTION_KINDS.get(data.get("kind", ""), ())):
            raise ValidationError("names an answer that the question does not have", "asks_for_person")

    @post_load
    def build_question(self, data: dict[str, Any], **_: Any) -> SurveyQuestion:
        return SurveyQuestion(**{**data, "asks_for_person": tuple(data["asks_for_person"])})


class SurveySchema(_StrictSurvey):
    """The `survey` of an area's support."""

    questions = fields.List(
        fields.Nested(_QuestionSchema), load_default=list, validate=validate.Length(max=12)
    )
    link_days = fields.Integer(load_default=14, strict=True, validate=validate.Range(1, 60))
    satisfied_from = fields.Integer(load_default=4, strict=True, validate=validate.Range(2, 5))
    link_address = fields.String(
        load_default=None, validate=validate.Regexp(r"^https://[a-z0-9.-]+(:[0-9]+)?$")
    )

    @validates_schema
    def one_question_is_overall(self, data: dict[str, Any], **_: Any) -> None:
        questions = data.get("questions", [])
        if len({question.key for question in questions}) != len(questions):
            raise ValidationError("names the same question twice", "questions")
        overall = [question for question in questions if question.is_overall]
        if questions and (len(overall) != 1 or overall[0].kind != "scale" or not overall[0].by_link):
            raise ValidationError("needs one overall question with a scale, asked by link too", "questions")

    @post_load
    def build_survey(self, data: dict[str, Any], **_: Any) -> SurveyProfile:
        return SurveyProfile(**{**data, "questions": tuple(data["questions"])})
