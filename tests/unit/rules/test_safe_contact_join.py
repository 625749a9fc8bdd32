"""Two records of one person: the plan of both is never looser than that of either."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from victim_gateway.rules.person_links import describe_link, find_link_conflict
from victim_gateway.rules.safe_contact import usable_answers
from victim_gateway.rules.safe_contact_join import join_strictly
from victim_gateway.rules.suspect_contacts import forbid_details
from victim_gateway.vocabulary import LinkRole, SafeAnswer

YES, NO, UNKNOWN = SafeAnswer.YES, SafeAnswer.NO, SafeAnswer.UNKNOWN
STRICTEST_FIRST = (NO, UNKNOWN, YES)
PERSON = {"phone": "07700 900100"}
# Every short answer, with every answer to a call, with and without a number and days of its own.
EVERY_ANSWER = [
    (safe, {"channels": {"phone": phone, "sms": phone}, **number, **days})
    for safe, phone, number, days in product(
        SafeAnswer,
        ("yes", "no", "unknown"),
        ({}, {"number": "07700 900101"}),
        ({}, {"days": ["monday"]}, {"days": ["sunday"]}),
    )
]


def plan(safe: SafeAnswer, phone: str, **more: Any) -> tuple[SafeAnswer, dict[str, Any]]:
    return safe, {"channels": {"phone": phone}, **more}


def test_no_channel_is_safer_than_in_either_record() -> None:
    strictness = STRICTEST_FIRST.index
    for one, other in product(EVERY_ANSWER, repeat=2):
        safe, document = join_strictly(one, other, PERSON, PERSON)
        joined = usable_answers(safe, document)
        for each in (one, other):
            usable = usable_answers(*each)
            assert strictness(safe) <= strictness(each[0])
            assert all(strictness(joined[channel]) <= strictness(usable[channel]) for channel in usable)


def test_a_yes_of_both_to_the_same_number_stays_a_yes() -> None:
    safe, document = join_strictly(plan(YES, "yes"), plan(YES, "yes"), PERSON, PERSON)
    assert (safe, document["channels"]["phone"], document["number"]) == (YES, "yes", PERSON["phone"])


@pytest.mark.parametrize(
    ("other", "other_person"),
    [
        (plan(YES, "yes"), {"phone": "07700 900555"}),
        (plan(UNKNOWN, "unknown"), PERSON),
        ((UNKNOWN, {}), PERSON),
    ],
)
def test_another_number_and_silence_leave_nothing_known_to_be_safe(
    other: tuple[SafeAnswer, dict[str, Any]], other_person: dict[str, Any]
) -> None:
    safe, document = join_strictly(plan(YES, "yes"), other, PERSON, other_person)
    assert (safe, document["channels"]["phone"]) == (UNKNOWN, "unknown")


def test_what_is_a_suspects_leaves_the_plan_and_takes_its_channels_along() -> None:
    safe, document = forbid_details(*plan(YES, "yes", number="07700 900101", email="a@b.example"), {"number"})
    assert safe is UNKNOWN
    assert document["number"] is None
    assert document["email"] == "a@b.example"
    assert {document["channels"][channel] for channel in ("phone", "sms", "voicemail")} == {"no"}


def test_nobody_who_must_never_be_contacted_speaks_for_the_other() -> None:
    for speaking in (LinkRole.PARENT, LinkRole.SPOKESPERSON, LinkRole.BUSINESS_CONTACT):
        for suspect in (LinkRole.SUSPECT, LinkRole.SUSPECT_HOUSEHOLD):
            assert find_link_conflict(speaking, [suspect])
            assert find_link_conflict(suspect, [speaking]) is None
    assert find_link_conflict(LinkRole.HOUSEHOLD, [LinkRole.SUSPECT]) is None


def test_every_role_is_told_from_both_sides() -> None:
    for role in LinkRole:
        assert describe_link(role)
        assert describe_link(role, from_other=True)
    assert describe_link(LinkRole.PARENT, from_other=True) == describe_link(LinkRole.CHILD)
