"""What an area sets for kinds of service: which sexual assault counts as recent, where children are seen, free time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, Schema, fields, post_load, validate


@dataclass(frozen=True, slots=True)
class KindsProfile:
    """The numbers and places of an area's kinds of service.

    `acute_days`: up to how many days after it a sexual assault is recent, in calendar days.
    `acute_place_of_children`: where children are seen then; None: at the service itself. `business_free_minutes`: how
    much specialist help a business gets without paying.
    """

    acute_days: int = 7
    acute_place_of_children: str | None = None
    business_free_minutes: int = 60


class KindsProfileSchema(Schema):
    """The block `kinds` of an area's profile; all of it may be left out."""

    class Meta:
        unknown = RAISE

    acute_days = fields.Integer(load_default=7, strict=True, validate=validate.Range(1, 60))
    acute_place_of_children = fields.String(load_default=None, validate=validate.Length(1, 200))
    business_free_minutes = fields.Integer(load_default=60, strict=True, validate=validate.Range(0, 1440))

    @post_load
    def build_kinds_profile(self, data: dict[str, Any], **_: Any) -> KindsProfile:
        return KindsProfile(**data)
