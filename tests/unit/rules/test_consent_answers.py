"""Who may answer for whom, what belongs to a written answer, and how far a yes reaches."""

from __future__ import annotations

from typing import Any

import pytest

from victim_gateway.rules.consent_answers import ConsentFacts, find_consent_faults, parts_beyond_scope
from victim_gateway.vocabulary import ConsentGiver, ConsentHow, ConsentPurpose, HandoverPart

G = ConsentGiver


def faults(**differently: Any) -> set[str]:
    said: dict[str, Any] = {
        "purpose": ConsentPurpose.CONTACT,
        "agreed": True,
        "how": ConsentHow.BY_PHONE,
        "given_by": G.PERSON,
        "giver_name": None,
        "has_document": False,
        "age": 40,
        "has_capacity": False,
    }
    return set(find_consent_faults(ConsentFacts(**(said | differently))))


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({}, set()),
        ({"age": None, "given_by": G.PARENT, "giver_name": "Jo, mother"}, set()),
        ({"given_by": G.ATTORNEY}, {"giver_name"}),
        ({"given_by": G.ATTORNEY, "giver_name": " "}, {"giver_name"}),
        ({"given_by": G.ATTORNEY, "giver_name": "Jo"}, set()),
        ({"given_by": G.PARENT, "giver_name": "Jo"}, {"given_by"}),
        ({"age": 13}, {"given_by"}),
        ({"age": 13, "has_capacity": True}, set()),
        ({"age": 13, "agreed": False}, set()),
        ({"age": 13, "given_by": G.PARENT, "giver_name": "Jo"}, set()),
        ({"how": ConsentHow.WRITTEN}, {"kept_where"}),
        ({"how": ConsentHow.WRITTEN, "has_document": True}, set()),
        ({"how": ConsentHow.WRITTEN, "given_by": None, "age": 13}, set()),
    ],
)
def test_an_answer_is_whole_and_of_one_who_may_give_it(said: dict[str, Any], wrong: set[str]) -> None:
    assert faults(**said) == wrong


def test_a_limited_yes_reaches_its_parts_and_what_keeps_people_safe() -> None:
    every = tuple(HandoverPart)
    assert parts_beyond_scope(every, ()) == ()
    limited = parts_beyond_scope(every, (HandoverPart.NAME, HandoverPart.NEEDS))
    assert HandoverPart.WHAT_HAPPENED in limited
    assert not {HandoverPart.NAME, HandoverPart.NEEDS, HandoverPart.RISK} & set(limited)
