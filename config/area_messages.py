"""What an area sends to people by GOV.UK Notify, and how often: a part of an area profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, Schema, fields, post_load, validate

_CODE = validate.Regexp(r"^[a-z_]+\.(sms|email|post)$", error="must look like tried_to_reach.sms")
_PHONE = validate.Regexp(r"^[0-9+][0-9 ]{5,19}$")


@dataclass(frozen=True, slots=True)
class MessagesProfile:
    """The templates at Notify by the code of their approved wording, and the numbers that an area sets.

    `per_minute` is the rate at which messages leave, so that an outage is not followed by a flood.
    `tried_to_reach_days`: the same person is not written to again about a missed call within them.
    `neutral_number` is answered without saying who we are; None: no message names a number to call.
    """

    templates: tuple[tuple[str, str], ...] = ()
    per_minute: int = 60
    tried_to_reach_days: int = 3
    neutral_number: str | None = None

    def template_id(self, code: str) -> str | None:
        """The template of an approved wording; None where the area has none: nothing of that kind leaves."""
        return dict(self.templates).get(code)


class MessagesSchema(Schema):
    """The `messages` of an area profile."""

    class Meta:
        unknown = RAISE

    templates = fields.Dict(
        keys=fields.String(validate=_CODE),
        values=fields.UUID(),
        load_default=dict,
        validate=validate.Length(max=40),
    )
    per_minute = fields.Integer(load_default=60, strict=True, validate=validate.Range(1, 3000))
    tried_to_reach_days = fields.Integer(load_default=3, strict=True, validate=validate.Range(1, 90))
    neutral_number = fields.String(load_default=None, validate=_PHONE)

    @post_load
    def build_messages(self, data: dict[str, Any], **_: Any) -> MessagesProfile:
        templates = tuple((code, str(template)) for code, template in data["templates"].items())
        return MessagesProfile(**{**data, "templates": templates})
