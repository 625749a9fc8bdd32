"""What a provider learns of safe contact: numbers and addresses only where their own channel is safe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.rules.handover import (
    SafeContactSource,
    compose_safe_contact,
    gives_safe_channel,
    is_check_stale,
    read_safe_contact,
)
from victim_gateway.vocabulary import SafeAnswer

ANSWERS = (None, "yes", "no", "unknown")
DETAILS: dict[str, Any] = {"number": "07700 900123", "email": "wilma@example.org", "address": "1 High Street"}
RULES: dict[str, Any] = {
    "days": ["mon", "tue"],
    "from_time": "09:00",
    "until_time": "12:00",
    "code_word": "bluebell",
    "who_may_answer": "Her sister",
    "say_we_are": "The library",
    "withhold_number": True,
    "words": "Never after six",
}


def plan_of(
    safe: SafeAnswer = SafeAnswer.YES, channels: Mapping[str, Any] | None = None, **document: Any
) -> SafeContactSource:
    answers = {name: answer for name, answer in (channels or {}).items() if answer is not None}
    return SafeContactSource(safe, date(2026, 7, 10), "person", {"channels": answers, **document})


@pytest.mark.parametrize(
    ("phone", "sms", "email", "post", "voicemail"),
    list(product(ANSWERS, ANSWERS, ANSWERS, ANSWERS, (None, "yes"))),
)
def test_a_number_or_address_goes_only_where_its_own_channel_is_safe(
    phone: str | None, sms: str | None, email: str | None, post: str | None, voicemail: str | None
) -> None:
    channels = {"phone": phone, "sms": sms, "email": email, "post": post, "voicemail": voicemail}

    document = compose_safe_contact(plan_of(channels=channels, **DETAILS))

    safe = set()
    if phone == "yes" or sms == "yes":
        safe.add("number")
    if email == "yes":
        safe.add("email")
    if post == "yes":
        safe.add("address")
    assert DETAILS.keys() & document.keys() == safe
    assert {name: document[name] for name in safe} == {name: DETAILS[name] for name in safe}


@pytest.mark.parametrize("safe", [SafeAnswer.NO, SafeAnswer.UNKNOWN])
@pytest.mark.parametrize(("phone", "sms", "email", "post"), list(product(ANSWERS, repeat=4)))
def test_unless_contact_is_safe_at_all_no_number_or_address_goes(
    phone: str | None, sms: str | None, email: str | None, post: str | None, safe: SafeAnswer
) -> None:
    channels = {"phone": phone, "sms": sms, "email": email, "post": post}

    document = compose_safe_contact(plan_of(safe, channels, **DETAILS))

    assert document["safe"] == safe.value
    assert not [detail for detail in DETAILS.values() if detail in json.dumps(document)]


@pytest.mark.parametrize("safe", SafeAnswer)
@pytest.mark.parametrize("has_none", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_what_has_to_be_kept_to_goes_whatever_the_answer(rule: str, has_none: bool, safe: SafeAnswer) -> None:
    given_rules = {**RULES, rule: None} if has_none else RULES

    document = compose_safe_contact(plan_of(safe, {"phone": "no"}, **given_rules))

    assert {name: document[name] for name in RULES if name in document} == {
        name: value for name, value in given_rules.items() if value
    }


def test_without_a_plan_nothing_is_known_to_be_safe() -> None:
    assert compose_safe_contact(None) == {"safe": "unknown", "channels": {}, "checked_on": None}


@pytest.mark.parametrize("channels", [{}, None])
def test_a_plan_without_answers_releases_nothing(channels: dict[str, str] | None) -> None:
    plan = SafeContactSource(SafeAnswer.YES, None, None, {"channels": channels, **DETAILS})

    assert compose_safe_contact(plan) == {
        "safe": "yes",
        "channels": {},
        "checked_on": None,
        "stated_by": None,
    }


@given(
    safe=st.sampled_from(SafeAnswer),
    channels=st.dictionaries(
        st.sampled_from(["phone", "sms", "voicemail", "email", "post"]), st.sampled_from(["yes", "no"])
    ),
    document=st.dictionaries(st.text(min_size=1), st.text(min_size=1)),
)
def test_what_else_a_plan_holds_stays_with_us(
    safe: SafeAnswer, channels: dict[str, str], document: dict[str, str]
) -> None:
    more = {**document, "channels": channels, "perpetrator": "SECRET", **DETAILS}

    shared = compose_safe_contact(SafeContactSource(safe, None, "person", more))

    assert shared.keys() <= {"safe", "channels", "checked_on", "stated_by", *RULES, *DETAILS}
    assert "SECRET" not in json.dumps(shared)


@given(
    channels=st.fixed_dictionaries(
        {name: st.sampled_from(SafeAnswer) for name in ("phone", "sms", "voicemail", "email", "post")}
    ),
    safe=st.sampled_from(SafeAnswer),
    stricter=st.sampled_from(["phone", "sms", "voicemail", "email", "post", "safe"]),
    answer=st.sampled_from([SafeAnswer.NO, SafeAnswer.UNKNOWN]),
)
def test_a_stricter_answer_never_releases_more(
    channels: dict[str, SafeAnswer], safe: SafeAnswer, stricter: str, answer: SafeAnswer
) -> None:
    before = compose_safe_contact(plan_of(safe, channels, **DETAILS))
    after = (
        plan_of(answer, channels, **DETAILS)
        if stricter == "safe"
        else plan_of(safe, {**channels, stricter: answer}, **DETAILS)
    )

    assert DETAILS.keys() & compose_safe_contact(after).keys() <= DETAILS.keys() & before.keys()


@pytest.mark.parametrize(
    ("days_ago", "is_stale"), [(0, False), (27, False), (28, True), (29, True), (2000, True), (None, True)]
)
def test_an_answer_is_too_old_after_the_areas_days_or_when_nobody_was_asked(
    days_ago: int | None, is_stale: bool
) -> None:
    today = date(2026, 7, 10)
    checked_on = None if days_ago is None else today - timedelta(days=days_ago)
    assert is_check_stale(checked_on, today, 28) is is_stale


@pytest.mark.parametrize("safe", SafeAnswer)
@given(
    channels=st.dictionaries(
        st.sampled_from(["phone", "sms", "voicemail", "email", "post"]), st.sampled_from(["yes", "no"])
    )
)
def test_an_answer_that_is_too_old_gives_no_number_and_forgets_no_refusal(
    safe: SafeAnswer, channels: dict[str, str]
) -> None:
    plan = plan_of(safe, channels, **DETAILS, **RULES)
    offered_late = compose_safe_contact(replace(plan, is_stale=True))
    grown_old = read_safe_contact(compose_safe_contact(plan), date(2026, 8, 7), 28)
    for document in (offered_late, grown_old):
        assert not DETAILS.keys() & document.keys()
        assert not gives_safe_channel(document)
        assert document["safe"] == ("no" if safe is SafeAnswer.NO else "unknown")
        assert {name for name, answer in document["channels"].items() if answer == "no"} == {
            name for name, answer in channels.items() if answer == "no"
        }
        assert {name: document[name] for name in RULES} == RULES
    assert read_safe_contact(compose_safe_contact(plan), date(2026, 8, 6), 28) == compose_safe_contact(plan)
