"""Which channels may be used: one answer for caseworkers, providers and lists."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from victim_gateway.blueprints.onward_referrals.presenters import safe_panel
from victim_gateway.rules.handover import SafeContactSource, compose_safe_contact
from victim_gateway.rules.safe_contact import (
    CONTACT_CHANNELS,
    channels_without_detail,
    contact_answers,
    find_contradiction,
    has_safe_channel,
    known_details,
    reachable_channels,
    safe_channels,
    safe_details,
    usable_answers,
)
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.vocabulary import SafeAnswer

YES, NO, UNKNOWN = SafeAnswer.YES, SafeAnswer.NO, SafeAnswer.UNKNOWN


@pytest.mark.parametrize(
    ("safe", "said", "counts"),
    [
        (YES, YES, YES),
        (YES, NO, NO),
        (YES, UNKNOWN, UNKNOWN),
        (UNKNOWN, YES, UNKNOWN),
        (UNKNOWN, NO, NO),
        (UNKNOWN, UNKNOWN, UNKNOWN),
        (NO, YES, NO),
        (NO, NO, NO),
        (NO, UNKNOWN, NO),
    ],
)
def test_no_channel_is_safer_than_contact_at_all(
    safe: SafeAnswer, said: SafeAnswer, counts: SafeAnswer
) -> None:
    assert usable_answers(safe, {"channels": {"phone": said.value}})["phone"] is counts


@pytest.mark.parametrize("safe", SafeAnswer)
def test_what_was_not_said_is_never_safe(safe: SafeAnswer) -> None:
    assert usable_answers(safe, {}).keys() == set(CONTACT_CHANNELS)
    assert safe_channels(safe, {}) == []


@pytest.mark.parametrize(("safe", "phone", "post"), list(product(SafeAnswer, SafeAnswer, SafeAnswer)))
def test_plan_answer_handover_and_provider_page_agree_on_the_safe_channels(
    safe: SafeAnswer, phone: SafeAnswer, post: SafeAnswer
) -> None:
    channels = {"phone": phone, "post": post}
    document = {"channels": {name: answer.value for name, answer in channels.items()}}
    details = {"number": "07700 900123", "address": "1 High Street"}
    wanted = safe_channels(safe, document)

    handed_over = compose_safe_contact(SafeContactSource(safe, None, "person", {**document, **details}))
    panel = safe_panel(handed_over, date(2026, 3, 10), shown=True)

    assert SafeContactAnswer(safe, channels).safe_channels == wanted
    # What Work reads: the same, where there is a number or an address.
    assert reachable_channels(safe, {**document, **details}, {}) == wanted
    assert reachable_channels(safe, document, {}) == []
    assert [
        name for name, detail in (("phone", "number"), ("post", "address")) if detail in handed_over
    ] == wanted
    assert [channel["name"] for channel in panel.channels if channel["answer"] is YES] == [
        {"phone": "Phone", "post": "Post"}[name] for name in wanted
    ]


@pytest.mark.parametrize(
    ("safe", "phone", "is_refused"),
    [
        (YES, YES, False),
        (YES, NO, False),
        (NO, YES, True),
        (NO, NO, False),
        (UNKNOWN, YES, True),
        (NO, UNKNOWN, False),
    ],
)
def test_a_safe_way_beside_do_not_contact_is_a_contradiction(
    safe: SafeAnswer, phone: SafeAnswer, is_refused: bool
) -> None:
    assert bool(find_contradiction(safe, {"phone": phone, "post": NO})) is is_refused


PERSON = {
    "phone": "07700 900123",
    "email": "on@record.example",
    "address_line_1": "1 High Street",
    "town": "Stafford",
}


@pytest.mark.parametrize(
    ("document", "person", "details"),
    [
        (
            {},
            PERSON,
            {"number": "07700 900123", "email": "on@record.example", "address": "1 High Street, Stafford"},
        ),
        (
            {"number": "07700 900999"},
            PERSON | {"email": None},
            {"number": "07700 900999", "address": "1 High Street, Stafford"},
        ),
        ({"address": "c/o Mill Lane"}, {"town": "Stafford"}, {"address": "c/o Mill Lane"}),
        ({}, {"town": "Stafford"}, {}),
    ],
)
def test_the_plans_own_number_counts_and_without_it_the_one_on_record(
    document: dict[str, str], person: dict[str, str], details: dict[str, str]
) -> None:
    assert known_details(document, person) == details


def test_a_yes_to_a_number_that_nobody_has_is_no_yes() -> None:
    document = {"channels": {"phone": "yes", "email": "yes", "post": "no"}}
    answers = contact_answers(YES, document, {"email": "w@example.org"})
    assert (answers["phone"], answers["email"], answers["post"]) == (UNKNOWN, YES, NO)
    assert channels_without_detail(YES, document, {"email": "w@example.org"}) == ["phone"]
    assert safe_details(YES, document, {"email": "w@example.org"}) == {"email": "w@example.org"}
    assert has_safe_channel(answers)
    assert not has_safe_channel(contact_answers(YES, document, {}))
