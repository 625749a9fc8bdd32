"""One number and one mailbox in whatever spelling; letters are never read as the keys of a telephone."""

from __future__ import annotations

import pytest

from victim_gateway.email_addresses import email_readings, mailbox_of
from victim_gateway.phone_numbers import normal_phone, phone_readings
from victim_gateway.rules.attempt_safety import SafeContactFacts
from victim_gateway.rules.victim_message_recipients import find_recipient
from victim_gateway.rules.victim_message_texts import TEXTS_BY_CODE, TemplateAtNotify, compare_template
from victim_gateway.vocabulary import Channel, SafeAnswer


@pytest.mark.parametrize("written", ["077OO 9OO123", "07700 900I23", "O7700 900123", "07700 9oo l23"])
def test_letters_that_look_like_figures_are_read_both_ways_and_are_no_number_to_send_to(written: str) -> None:
    assert normal_phone(written) is None
    assert "+447700900123" in phone_readings(written)


@pytest.mark.parametrize(
    "written", ["07700 FLOWER", "0800 VICTIM", "07700 900123 (old)", "ring 07700 900123"]
)
def test_other_letters_are_no_number_at_all(written: str) -> None:
    assert normal_phone(written) is None
    assert not any(each.startswith("+44") for each in phone_readings(written))


@pytest.mark.parametrize(
    "written",
    [
        "tel:07700900123",
        "07700 900123 ext 4",
        "07700 900123 x4",
        "07700-900-123;ext=2",
        "+44 (0) 7700 900123",
    ],
)
def test_what_stands_before_or_behind_a_number_is_none_of_it(written: str) -> None:
    assert normal_phone(written) == "+447700900123"


@pytest.mark.parametrize(
    "written",
    [
        "ROBIN@EXAMPLE.ORG",
        "robin+x@example.org",
        "robin@example.org.",
        " robin@example.org ",
        "mailto:robin@example.org",
        "Robin <robin@example.org>",
        "\uff52obin@example.org",
    ],
)
def test_one_mailbox_in_each_spelling(written: str) -> None:
    assert mailbox_of(written) == "robin@example.org"
    assert "robin@example.org" in email_readings(written)


def test_two_mailboxes_stay_two() -> None:
    assert mailbox_of("robin@example.org") != mailbox_of("robyn@example.org")
    assert mailbox_of("r.obin@gmail.com") == mailbox_of("robin@googlemail.com")


def test_a_contact_block_on_a_letter_shuts_its_kind() -> None:
    approved = TEXTS_BY_CODE["rights_letter.post"]
    plain = TemplateAtNotify("id", "letter", 1, approved.body, approved.subject)
    assert compare_template(approved, plain) is None
    signed = TemplateAtNotify("id", "letter", 1, approved.body, approved.subject, "Police Headquarters")
    assert compare_template(approved, signed) is not None


@pytest.mark.parametrize("written", ["stra\u00dfe@example.org", "\uff52obin@example.org"])
def test_an_address_beyond_ascii_is_compared_and_never_sent_to(written: str) -> None:
    plan = {"email": written, "channels": {"email": "yes"}}
    contact = SafeContactFacts(safe=SafeAnswer.YES, document=plan, checked_at=None, person={})
    assert find_recipient(Channel.EMAIL, contact) is None
