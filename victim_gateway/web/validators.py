"""Validators of typed contact details: the feed's readers with messages for a form."""

from __future__ import annotations

from typing import Any

from wtforms import ValidationError

from victim_gateway.feeds import cells
from victim_gateway.feeds.problems import CellError

PHONE = "Enter a phone number, like 01785 234 567 or 07700 900 982"
POSTCODE = "Enter a full UK postcode, like ST16 2LL"


def _reads(reader: cells.CellReader, message: str) -> Any:
    def check(_: Any, field: Any) -> None:
        typed = (field.data or "").strip()
        if typed:
            try:
                reader(typed)
            except CellError as error:
                raise ValidationError(message) from error

    return check


phone_number = _reads(cells.read_phone, PHONE)
full_postcode = _reads(cells.read_postcode, POSTCODE)
