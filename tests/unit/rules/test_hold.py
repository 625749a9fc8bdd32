"""Who can be reached at all, and why a referral is held."""

from __future__ import annotations

import pytest

from victim_gateway.rules.hold import held_reason, held_reason_after_update
from victim_gateway.rules.reachability import REACH_FIELDS, can_be_reached
from victim_gateway.vocabulary import HeldReason

REACHABLE = [
    {"phone": "+447700900123"},
    {"email": "robin@example.org"},
    {"address_line_1": "1 Mill Lane", "town": "Stafford"},
    {"address_line_1": "1 Mill Lane", "postcode": "ST16 2LL"},
    {"address_line_1": "The Old Forge", "town": "Stone", "postcode": "ST15 8AA"},
    {"address_line_1": "NFA c/o 12 Mill Lane", "town": "Stafford"},
    {"address_line_1": "No fixed abode, care of the Salvation Army", "postcode": "ST16 2LL"},
    {"address_line_1": "NFA", "phone": "+447700900123"},
    {"address_line_1": "Nfaville Road", "town": "Stafford"},
]
OUT_OF_REACH = [
    {},
    {"phone": "", "email": None},
    {"postcode": "ST16 2LL"},
    {"town": "Stafford", "postcode": "ST16 2LL"},
    {"address_line_1": "1 Mill Lane"},
    {"address_line_2": "1 Mill Lane", "town": "Stafford", "postcode": "ST16 2LL"},
    {"address_line_1": "NFA", "town": "Stafford", "postcode": "ST16 2LL"},
    {"address_line_1": "N.F.A.", "postcode": "ST16 2LL"},
    {"address_line_1": "n/f/a", "postcode": "ST16 2LL"},
    {"address_line_1": "No Fixed Abode", "town": "Stafford"},
    {"address_line_1": "of no fixed abode", "town": "Stafford"},
    {"address_line_1": "NO FIXED ADDRESS, STAFFORD", "postcode": "ST16 2LL"},
    {"address_line_1": "Unknown", "town": "Stafford"},
    {"address_line_1": "n/a", "postcode": "ST16 2LL"},
    {"address_line_1": " - ", "postcode": "ST16 2LL"},
    {"address_line_1": "1 Mill Lane", "town": "NFA"},
    {"address_line_1": "1 Mill Lane", "town": "Unknown", "postcode": ""},
    {"given_name": "Robin", "language": "Welsh"},
]


@pytest.mark.parametrize("document", REACHABLE)
def test_a_phone_an_email_or_a_postal_address_reaches_a_person(document: dict[str, str]) -> None:
    assert can_be_reached(document)


@pytest.mark.parametrize("document", OUT_OF_REACH)
def test_a_postcode_or_no_fixed_abode_alone_reaches_nobody(document: dict[str, str | None]) -> None:
    assert not can_be_reached(document)


@pytest.mark.parametrize("document", REACHABLE)
def test_only_the_named_fields_decide_it(document: dict[str, str]) -> None:
    assert can_be_reached({name: value for name, value in document.items() if name in REACH_FIELDS})
    assert not can_be_reached({name: value for name, value in document.items() if name not in REACH_FIELDS})


@pytest.mark.parametrize(
    ("agreed", "domestic_abuse", "victim_type", "person", "reason"),
    [
        (True, False, "person", REACHABLE[0], None),
        (None, False, "person", REACHABLE[0], None),
        (False, True, "bereaved_relative", {}, HeldReason.CONSENT_REFUSED),
        (False, False, "person", REACHABLE[0], HeldReason.CONSENT_REFUSED),
        (None, True, "person", REACHABLE[0], HeldReason.EXPLICIT_CONSENT_NEEDED),
        (None, False, "bereaved_relative", {}, HeldReason.EXPLICIT_CONSENT_NEEDED),
        (True, True, "bereaved_relative", REACHABLE[0], None),
        (True, False, "person", {"postcode": "ST16 2LL"}, HeldReason.NO_CONTACT_DETAILS),
        (None, False, "business", {}, HeldReason.NO_CONTACT_DETAILS),
    ],
)
def test_consent_is_asked_for_before_a_way_to_reach_the_person(
    agreed: bool | None,
    domestic_abuse: bool,
    victim_type: str,
    person: dict[str, str],
    reason: HeldReason | None,
) -> None:
    found = held_reason(agreed=agreed, domestic_abuse=domestic_abuse, victim_type=victim_type, person=person)

    assert found is reason


REFUSED, EXPLICIT, NO_CONTACT = (
    HeldReason.CONSENT_REFUSED,
    HeldReason.EXPLICIT_CONSENT_NEEDED,
    HeldReason.NO_CONTACT_DETAILS,
)


@pytest.mark.parametrize(
    ("current", "wanted", "changed", "reason"),
    [
        (NO_CONTACT, None, {"phone"}, None),
        (NO_CONTACT, None, {"town"}, None),
        (NO_CONTACT, EXPLICIT, {"phone"}, EXPLICIT),
        (NO_CONTACT, None, {"offence"}, NO_CONTACT),
        (NO_CONTACT, NO_CONTACT, {"postcode"}, NO_CONTACT),
        (EXPLICIT, None, {"consent_to_referral"}, None),
        (EXPLICIT, None, {"phone"}, EXPLICIT),
        (EXPLICIT, NO_CONTACT, {"domestic_abuse"}, NO_CONTACT),
        (NO_CONTACT, REFUSED, {"offence"}, REFUSED),
        (REFUSED, None, {"consent_to_referral", "phone"}, REFUSED),
        (REFUSED, EXPLICIT, {"domestic_abuse"}, REFUSED),
    ],
)
def test_an_update_ends_a_hold_only_by_what_it_waited_for_and_never_a_refusal(
    current: HeldReason, wanted: HeldReason | None, changed: set[str], reason: HeldReason | None
) -> None:
    assert held_reason_after_update(current, wanted, changed) is reason
