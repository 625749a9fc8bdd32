"""When an area writes to its people and providers, and how quickly: a part of an area profile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

WEEKDAYS = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class MailProfile:
    """The times in London that hold for a reader who chose none; weekdays from 0, Monday.

    At most `messages_per_minute` e-mails are handed over, so that a backlog doesn't flood. `on_call_rules` are the
    codes of reminder rules whose urgent e-mails leave in quiet hours too, for the reader on call.
    """

    digest_time: time
    digest_days: tuple[int, ...]
    quiet_from: time
    quiet_until: time
    messages_per_minute: int
    on_call_rules: tuple[str, ...]


def _clock_time(hour: int) -> fields.Time:
    return fields.Time("%H:%M", load_default=time(hour))


class MailSchema(Schema):
    class Meta:
        unknown = RAISE

    digest_time = _clock_time(8)
    digest_days = fields.List(
        fields.Integer(strict=True, validate=validate.Range(0, 6)),
        load_default=lambda: list(WEEKDAYS),
        validate=validate.Length(min=1),
    )
    quiet_from = _clock_time(18)
    quiet_until = _clock_time(8)
    messages_per_minute = fields.Integer(load_default=1200, strict=True, validate=validate.Range(1, 100_000))
    on_call_rules = fields.List(
        fields.String(
            validate=validate.Regexp(r"^[a-z][a-z0-9_]*$", error="use small letters, digits and _")
        ),
        load_default=list,
    )

    @validates_schema
    def quiet_hours_have_a_length(self, data: dict[str, Any], **_: Any) -> None:
        if data["quiet_from"] == data["quiet_until"]:
            raise ValidationError("must end at another time than they begin", "quiet_until")

    @post_load
    def build_mail(self, data: dict[str, Any], **_: Any) -> MailProfile:
        lists = {name: tuple(data[name]) for name in ("digest_days", "on_call_rules")}
        return MailProfile(**{**data, **lists})
