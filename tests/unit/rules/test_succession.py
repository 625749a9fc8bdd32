"""What goes to a provider's successor, and what a person must decide first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from victim_gateway.provider_vocabulary import StayReason
from victim_gateway.rules.succession import SuccessionFacts, reason_to_stay, says_name
from victim_gateway.vocabulary import ConsentHow

MOVES = SuccessionFacts()
STAYS: list[tuple[dict[str, Any], StayReason]] = [
    ({"is_restricted": True}, StayReason.RESTRICTED),
    ({"refused_successor": True}, StayReason.SAID_NO),
    ({"is_sharing_agreed": False}, StayReason.NOT_AGREED),
    ({"is_yes_limited": True}, StayReason.LIMITED_YES),
    ({"consent_how": None}, StayReason.WITHOUT_CONSENT),
    ({"consent_how": ConsentHow.WRITTEN}, StayReason.WRITTEN_FOR_PROVIDER),
    ({"needs_own_yes": True}, StayReason.OWN_YES_NEEDED),
    ({"names_provider": True}, StayReason.NAMED_IN_HANDOVER),
    ({"has_target": False}, StayReason.NO_SERVICE),
    ({"is_there_already": True}, StayReason.THERE_ALREADY),
    ({"fits": False}, StayReason.DOES_NOT_FIT),
    ({"needs_answers": True}, StayReason.ANSWERS_NEEDED),
    ({"is_paused": True}, StayReason.SERVICE_PAUSED),
    ({"waits_for_own_answer": True}, StayReason.CAME_OF_AGE),
    ({"can_be_handed_over": False}, StayReason.NOT_SAFE_TO_HAND_OVER),
]


@pytest.mark.parametrize("how", [each for each in ConsentHow if each is not ConsentHow.WRITTEN])
def test_a_yes_that_names_nobody_on_paper_is_carried_over(how: ConsentHow) -> None:
    assert reason_to_stay(replace(MOVES, consent_how=how)) is None


@pytest.mark.parametrize(("differently", "reason"), STAYS, ids=[reason for _, reason in STAYS])
def test_each_of_these_keeps_it_for_a_person(differently: dict[str, Any], reason: StayReason) -> None:
    assert reason_to_stay(replace(MOVES, **differently)) is reason


def test_of_several_reasons_the_gravest_is_shown_and_every_reason_has_a_case() -> None:
    # That it could not be moved is found by trying, not by the rule.
    assert [*(reason for _, reason in STAYS), StayReason.COULD_NOT_BE_MOVED] == list(StayReason)
    everything = {name: value for changes, _ in reversed(STAYS) for name, value in changes.items()}
    for number, (changes, _) in enumerate(STAYS):
        assert reason_to_stay(replace(MOVES, **everything)) in [reason for _, reason in STAYS[number:]]
        for name in changes:
            everything[name] = getattr(MOVES, name)


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("She wants New Era, as her friend had them.", True),
        ("Only NEW-ERA's people", True),
        ("new\n  era", True),
        ("A new error in the law", False),
        ("Support for her", False),
        ("", False),
    ],
)
def test_a_provider_is_named_however_its_name_is_written(text: str, is_named: bool) -> None:
    assert says_name([text], "New Era") is is_named


def test_a_name_in_brackets_is_a_name_of_its_own() -> None:
    name = "Business Crime Advisor (Staffordshire Chambers)"

    assert says_name(["Ask the Staffordshire Chambers."], name)
    assert says_name(["The business crime advisor knows them."], name)
    assert not says_name(["Ask at Stafford."], name)
