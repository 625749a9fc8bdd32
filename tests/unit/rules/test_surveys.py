"""When a person may be asked how it went, and by which way a link may go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.area_profile import load_area
from victim_gateway.reporting.small_shares import SmallShare, protect_share
from victim_gateway.rules.attempt_safety import SafeContactFacts
from victim_gateway.rules.surveys import (
    SurveyFacts,
    asks_for_person,
    betrays_service,
    explain_no_link,
    explain_no_survey,
    explain_unsafe_link,
    is_satisfied,
    message_with_link,
    refused_answers_of_survey,
    safe_link_channels,
    stages_reached,
)
from victim_gateway.vocabulary import Channel, Harm, ReferralState, Risk, SafeAnswer, SurveyStage

NOW = datetime(2026, 7, 15, 10, tzinfo=UTC)
QUESTIONS = load_area("staffordshire").support.survey.questions
ADULT = SurveyFacts(
    state=ReferralState.TRIAGED,
    risk=Risk.STANDARD,
    harms=(Harm.BURGLARY_AND_THEFT,),
    age=40,
    was_reached=True,
)
SAFE = SafeContactFacts(
    SafeAnswer.YES,
    {"channels": {"sms": "yes", "phone": "yes", "post": "yes"}},
    {"phone": "07700 900123", "email": "robin@example.org", "address_line_1": "1 Mill Lane"},
    checked_at=NOW - timedelta(days=1),
)


def test_an_adult_after_a_burglary_may_be_asked_and_sent_a_link() -> None:
    assert explain_no_survey(ADULT) is None
    assert explain_no_link(ADULT, SAFE) is None
    # One that went out before is not ended by closing alone.
    assert explain_unsafe_link(replace(ADULT, state=ReferralState.CLOSED), SAFE) is None
    assert safe_link_channels(SAFE, NOW, recheck_days=28) == (Channel.SMS,)


@pytest.mark.parametrize(
    "known",
    [
        {"state": ReferralState.HELD},
        {"state": ReferralState.ENTERED_IN_ERROR},
        {"has_stop": True},
        {"refused_contact": True},
        {"never_contact": True},
        {"has_refused": True},
        {"age": 12},
        {"was_reached": False},
    ],
)
def test_nobody_asks_by_any_way_where_one_thing_speaks_against_it(known: dict[str, Any]) -> None:
    assert explain_no_survey(replace(ADULT, **known)) is not None


@pytest.mark.parametrize(
    "known",
    [
        {"state": ReferralState.CLOSED},
        {"domestic_abuse": True},
        {"is_intimidated": True},
        {"harms": (Harm.SEXUAL_ABUSE,)},
        {"harms": (Harm.OTHER, Harm.MODERN_SLAVERY)},
        {"risk": Risk.HIGH},
        {"risk": Risk.UNKNOWN},
        {"age": None},
        {"age": 17, "has_safe_adult": True},
        {"has_risky_referral": True},
    ],
)
def test_no_link_goes_where_another_may_read_it_although_they_may_be_asked_in_a_call(
    known: dict[str, Any],
) -> None:
    facts = replace(ADULT, **known)
    assert explain_no_survey(facts) is None
    assert explain_no_link(facts, SAFE) is not None


@pytest.mark.parametrize(
    "plan",
    [
        {"safe": SafeAnswer.NO},
        {"safe": SafeAnswer.UNKNOWN},
        {"document": {"channels": {"sms": "no", "email": "unknown", "phone": "yes"}}},
        {"document": {"channels": {"sms": "yes"}, "from_time": "20:00"}},
        {"document": {"channels": {"sms": "yes"}, "days": ["monday"]}},
        {"checked_at": NOW - timedelta(days=29)},
        {"checked_at": None},
        {"person": {}},
    ],
)
def test_no_way_is_offered_that_the_plan_does_not_allow_at_this_moment(plan: dict[str, Any]) -> None:
    assert safe_link_channels(replace(SAFE, **plan), NOW, recheck_days=28) == ()


@pytest.mark.parametrize("agreed", [{"who_may_answer": "her aunt"}, {"code_word": "bluebell"}])
def test_no_link_goes_where_somebody_else_answers_or_a_word_was_agreed(agreed: dict[str, str]) -> None:
    assert explain_no_link(ADULT, replace(SAFE, document={**SAFE.document, **agreed})) is not None


def test_a_stage_is_asked_about_once_it_has_come() -> None:
    in_contact = replace(ADULT, state=ReferralState.IN_CONTACT)
    assert stages_reached(in_contact) == (SurveyStage.AFTER_FIRST_CONTACT,)
    assert stages_reached(replace(ADULT, is_court_over=True)) == tuple(SurveyStage)
    assert stages_reached(replace(ADULT, was_reached=False, is_court_over=True)) == ()


def test_the_message_and_the_questions_of_a_link_betray_nothing() -> None:
    texts = [message_with_link("https://forms.example/x"), *(each.text for each in QUESTIONS if each.by_link)]
    for word in ("victim", "crime", "police", "abuse", "gateway", "safe", "court", "offen"):
        assert all(word not in text.lower() for text in texts), word
    assert betrays_service("https://victim-gateway.example.org")
    assert betrays_service("https://GATEWAY.example.org:8443/answers/x")
    assert not betrays_service("https://forms.example.org/victim")


def test_answers_are_read_by_the_questions_of_the_area() -> None:
    assert refused_answers_of_survey(QUESTIONS, {"respect": "yes"}).keys() == {"overall"}
    assert refused_answers_of_survey(QUESTIONS, {"overall": "6", "respect": "maybe"}).keys() == {
        "overall",
        "respect",
    }
    assert not refused_answers_of_survey(QUESTIONS, {"overall": "1"})
    assert [is_satisfied(QUESTIONS, {"overall": str(n)}, least=4) for n in (3, 4, 5)] == [False, True, True]
    assert is_satisfied(QUESTIONS, {}, least=4) is None


def test_what_a_caseworker_must_read_is_what_says_so_or_any_words() -> None:
    assert asks_for_person(QUESTIONS, {"overall": "1", "feels_safe": "yes"}, " ") == (False, False)
    assert asks_for_person(QUESTIONS, {"speak_again": "yes"}, "") == (True, False)
    assert asks_for_person(QUESTIONS, {"feels_safe": "no"}, "") == (True, True)
    assert asks_for_person(QUESTIONS, {}, "Please ring") == (True, False)


@pytest.mark.parametrize(
    ("of", "number", "shown"),
    [
        (0, 0, SmallShare(0, 0)),
        (4, 4, SmallShare(None, None)),
        (5, 5, SmallShare(5, 5)),
        (5, 0, SmallShare(5, 0)),
        (9, 5, SmallShare(9, None)),
        (9, 4, SmallShare(9, None)),
        (10, 5, SmallShare(10, 5)),
    ],
)
def test_a_share_of_a_few_is_hidden_with_what_would_tell_it(of: int, number: int, shown: SmallShare) -> None:
    assert protect_share(of, number) == shown
