"""What an area sets for its triage assessments: the bands of the DASH score, MARAC, reviews, what people want."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

DASH_INDICATORS = 24
"""How many risk indicators the DASH checklist has: no score is higher."""
DEFAULT_WANTS = (
    ("feel_safer", "To feel safer at home or outside"),
    ("talk_it_through", "To talk it through with somebody"),
    ("practical_help", "Practical help: locks, repairs, replacing things"),
    ("money", "Help with money, insurance or compensation"),
    ("know_the_case", "To know what happens in the case"),
    ("court_support", "Support with going to court"),
    ("children_supported", "Help for the children"),
    ("work_or_school", "Help at work, school or college"),
    ("nothing_now", "Nothing for now"),
)


@dataclass(frozen=True, slots=True)
class DashBands:
    """From which score on the risk is at least medium or high, and from how many incidents it is escalating."""

    medium_from: int
    high_from: int
    escalation_from: int
    escalation_months: int


@dataclass(frozen=True, slots=True)
class TriageProfile:
    """The numbers and lists of an area's triage assessments. `wants` are pairs of key and label."""

    dash: DashBands
    marac_repeat_months: int
    review_working_days: int
    wants: tuple[tuple[str, str], ...]


def _whole(least: int, most: int, default: int) -> fields.Integer:
    return fields.Integer(load_default=default, strict=True, validate=validate.Range(least, most))


class _StrictSchema(Schema):
    class Meta:
        unknown = RAISE


class _DashSchema(_StrictSchema):
    medium_from = _whole(1, DASH_INDICATORS, 10)
    high_from = _whole(1, DASH_INDICATORS, 14)
    escalation_from = _whole(2, 50, 3)
    escalation_months = _whole(1, 24, 12)

    @validates_schema
    def high_is_never_below_medium(self, data: dict[str, Any], **_: Any) -> None:
        if data["high_from"] < data["medium_from"]:
            raise ValidationError("must not be below medium_from", "high_from")

    @post_load
    def build_dash_bands(self, data: dict[str, Any], **_: Any) -> DashBands:
        return DashBands(**data)


class _WantSchema(_StrictSchema):
    key = fields.String(
        required=True, validate=validate.Regexp(r"^[a-z][a-z0-9_]*$", error="use small letters, digits and _")
    )
    label = fields.String(required=True, validate=validate.Length(min=1))


class TriageProfileSchema(_StrictSchema):
    """`triage` of an area profile; what it leaves out is as the defaults say."""

    dash = fields.Nested(_DashSchema, load_default=lambda: _DashSchema().load({}))
    marac_repeat_months = _whole(1, 60, 12)
    review_working_days = _whole(0, 20, 1)
    wants = fields.List(
        fields.Nested(_WantSchema),
        validate=validate.Length(min=1),
        load_default=lambda: [{"key": key, "label": label} for key, label in DEFAULT_WANTS],
    )

    @post_load
    def build_triage_profile(self, data: dict[str, Any], **_: Any) -> TriageProfile:
        wants = tuple((want["key"], want["label"]) for want in data["wants"])
        return TriageProfile(**{**data, "wants": wants})
