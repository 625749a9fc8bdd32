"""What was searched for, as the fields of the form that records a referral."""

from __future__ import annotations

from victim_gateway.queries.people.search_text import SearchText, split_typed_name

# A crime number has as many digits, but does not begin so.
FEWEST_WHOLE_NUMBER = 10
_BEGINS_NUMBER = ("0", "+", "(0")


def record_form_values(typed: SearchText) -> dict[str, str]:
    """Values by the names of the form's fields; they are sent in a POST, never in an address.

    The end of a phone number is no number to record, and a name with digits in it no name of a person.
    """
    is_name = not any(map(str.isdigit, typed.name))
    given, family = split_typed_name(typed.name) if is_name else ("", "")
    phone = typed.phone or ""
    is_whole = phone.startswith(_BEGINS_NUMBER) and sum(map(str.isdigit, phone)) >= FEWEST_WHOLE_NUMBER
    values = {
        "given_name": given,
        "family_name": family,
        "phone": phone if is_whole else None,
        "email": typed.email,
        "postcode": typed.postcode,
    }
    if typed.born:
        values |= {
            "date_of_birth-day": str(typed.born.day),
            "date_of_birth-month": str(typed.born.month),
            "date_of_birth-year": str(typed.born.year),
        }
    return {name: value for name, value in values.items() if value}
