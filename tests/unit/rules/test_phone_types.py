"""Kinds of phones by the police's codes."""

from __future__ import annotations

import pytest

from victim_gateway.rules.phone_types import PhoneType, read_phone_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MOBH", PhoneType("Mobile, home", False, True)),
        ("mobw", PhoneType("Mobile, work", True, True)),
        ("LANW", PhoneType("Landline, work", True, False)),
        ("LAN", PhoneType("Landline", False, False)),
        ("MOB", PhoneType("Mobile", False, True)),
        ("Work phone", PhoneType("Work phone", True, None)),
        ("LANX", PhoneType("LANX", False, None)),
        ("her mobile", PhoneType("her mobile", False, True)),
        ("", None),
        (None, None),
    ],
)
def test_a_code_says_what_to_take_care_of(text: str | None, expected: PhoneType | None) -> None:
    assert read_phone_type(text) == expected
