"""The search form."""

from __future__ import annotations

from wtforms import StringField
from wtforms.validators import DataRequired, Length

from victim_gateway.web.forms import BaseForm

SHORTEST = 2


class SearchForm(BaseForm):
    """The search box. Sent as a POST, so that no name stands in a URL or a log."""

    text = StringField(
        "Search for a person or a referral",
        [
            DataRequired("Enter a name, reference, crime number, phone number, date of birth or postcode"),
            Length(min=SHORTEST, message="Enter 2 or more characters"),
            Length(max=100, message="Shorten this to 100 characters"),
        ],
        description="A name, reference, crime number, phone number, email address, date of birth or postcode."
        " The beginning of a name or the last 4 digits of a phone number will do",
    )
