"""A delivery receipt of GOV.UK Notify as it is posted to us: what became of one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marshmallow import EXCLUDE, Schema, fields, post_load, validate


@dataclass(frozen=True, slots=True)
class NotifyReceipt:
    """What is read of a receipt. To whom it went is in it too, and is not read."""

    notify_id: UUID
    reference: str | None
    status: str


class NotifyReceiptSchema(Schema):
    """What a receipt must have; what it has besides is left out."""

    class Meta:
        unknown = EXCLUDE

    id = fields.UUID(required=True)
    reference = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=200))
    status = fields.String(required=True, validate=validate.Length(1, 60))

    @post_load
    def build_receipt(self, data: dict[str, Any], **_: Any) -> NotifyReceipt:
        return NotifyReceipt(data["id"], data["reference"], data["status"])
