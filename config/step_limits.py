"""How many working days each next action, and a provider's answer, may wait, by risk: data of an area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema


@dataclass(frozen=True, slots=True)
class StepLimit:
    """Working days from the start of a step to the day on which it is due, by risk."""

    high: int
    medium: int
    standard: int


StepLimits: TypeAlias = tuple[tuple[str, StepLimit], ...]
"""The limit of each next action, by its value, and of a provider's answer to an offer."""

DEFAULT_STEP_LIMITS: Mapping[str, StepLimit] = {
    "assign": StepLimit(1, 2, 2),
    "resolve_hold": StepLimit(1, 2, 2),
    "find_safe_way": StepLimit(1, 2, 2),
    "make_contact": StepLimit(1, 2, 3),
    "assess": StepLimit(1, 3, 5),
    "refer_or_close": StepLimit(1, 3, 5),
    "answer_provider": StepLimit(1, 1, 2),
    "provider_answer": StepLimit(1, 2, 2),
    "plan_after_decline": StepLimit(1, 2, 3),
    "wait_for_provider": StepLimit(5, 10, 20),
    "review_support": StepLimit(1, 3, 5),
    "do_task": StepLimit(1, 2, 3),
}
"""What holds where an area's profile says nothing of an action: every action that may wait is named."""


class _StepLimitSchema(Schema):
    class Meta:
        unknown = RAISE

    high = fields.Integer(required=True, strict=True, validate=validate.Range(1, 60))
    medium = fields.Integer(required=True, strict=True, validate=validate.Range(1, 60))
    standard = fields.Integer(required=True, strict=True, validate=validate.Range(1, 60))

    @validates_schema
    def more_risk_never_waits_longer(self, data: dict[str, Any], **_: Any) -> None:
        if not data["high"] <= data["medium"] <= data["standard"]:
            raise ValidationError("must not wait longer where the risk is higher", "high")

    @post_load
    def build_step_limit(self, data: dict[str, Any], **_: Any) -> StepLimit:
        return StepLimit(**data)


class StepLimitsSchema(Schema):
    """`next_action_working_days` of an area profile; what it leaves out is as in DEFAULT_STEP_LIMITS."""

    class Meta:
        unknown = RAISE
        include = {
            name: fields.Nested(_StepLimitSchema, load_default=limit)
            for name, limit in DEFAULT_STEP_LIMITS.items()
        }

    @post_load
    def build_step_limits(self, data: dict[str, StepLimit], **_: Any) -> StepLimits:
        return tuple(sorted(data.items()))
