"""Validators of typed contact details: the feed's readers with messages for a form."""

from __future__ import annotations

from typing import Any

from wtforms import ValidationError

from victim_gateway.feeds.column_reader import CellReader
from victim_gateway.feeds.phone_cells import read_phone
from victim_gateway.feeds.postcode_cells import read_postcode
from victim_gateway.feeds.problems import CellError, MendedValue

PHONE = "Enter a phone number, like 01785 234 567 or 07700 900 982"
POSTCODE = "Enter a full UK postcode, like ST16 2LL"


def _reads(reader: CellReader, message: str) -> Any:
    def check(_: Any, field: Any) -> None:
        typed = (field.data or "").strip()
        if typed:
            try:
                reader(typed)
            except MendedValue:
                return
            except CellError as error:
                raise ValidationError(message) from error

    return check


phone_number = _reads(read_phone, PHONE)
full_postcode = _reads(read_postcode, POSTCODE)
