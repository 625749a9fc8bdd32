"""What belongs to each kind of service: what is not known is never read as harmless, and every mistake has a field."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.rules.kind_answers import (
    KindFacts,
    acute_state,
    compose_kind,
    describe_kind,
    find_answer_mistakes,
    is_own_yes,
    keep_kind,
    questions_to_ask,
    settle_answers,
)
from victim_gateway.rules.kind_steps import StepFacts, find_step_mistakes, remaining_minutes
from victim_gateway.rules.restorative_justice import refusal_of_decider, refusal_of_sender, yes_stands
from victim_gateway.rules.service_kinds import KIND_RULES, step_rule
from victim_gateway.rules.suspect_contacts import SuspectName, names_suspect
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.vocabulary import ConsentHow, Harm, Risk

TODAY = date(2026, 7, 14)
FACTS = KindFacts(TODAY, age=30, acute_place_of_children="the hub")
SARC = ServiceKind.SEXUAL_ASSAULT_REFERRAL_CENTRE


def test_every_kind_has_rules_and_every_step_belongs_to_one() -> None:
    assert set(KIND_RULES) == set(ServiceKind)
    assert {rule.step for rules in KIND_RULES.values() for rule in rules.steps} == set(KindStep)
    assert all(len({each.step for each in rules.steps}) == len(rules.steps) for rules in KIND_RULES.values())


@pytest.mark.parametrize("kind", [kind for kind in ServiceKind if KIND_RULES[kind].needs_answers])
def test_a_kind_with_questions_is_asked_alone_and_refuses_an_empty_answer(kind: ServiceKind) -> None:
    assert KIND_RULES[kind].is_asked_alone
    assert find_answer_mistakes(kind, {}, FACTS)


@pytest.mark.parametrize("days", range(-1, 30))
def test_an_assault_is_recent_up_to_the_last_day_of_the_area(days: int) -> None:
    assert acute_state(TODAY - timedelta(days), TODAY, 7) == ("yes" if days <= 7 else "no")


@given(
    age=st.one_of(st.none(), st.integers(0, 100)),
    band=st.sampled_from(["child", "adult", "not_known"]),
    known=st.sampled_from(["yes", "not_known"]),
    days=st.integers(0, 4000),
)
def test_only_a_known_day_beyond_the_limit_is_not_recent(
    age: int | None, band: str, known: str, days: int
) -> None:
    facts = replace(FACTS, age=age)
    answers = {
        "day_known": known,
        "assault_on": (TODAY - timedelta(days)).isoformat(),
        "age_band": band,
    }
    assert find_answer_mistakes(SARC, answers, facts) == {}
    settled = settle_answers(SARC, answers, facts)
    assert (settled["acute"] == "no") is (known == "yes" and days > 7)
    route = band if age is None else ("child" if age < 18 else "adult")
    assert settled["route"] == route
    assert ("place" in settled) is (route != "adult" and settled["acute"] != "no")


def test_an_age_that_is_not_on_record_is_asked_and_must_fit_the_service() -> None:
    unknown = replace(FACTS, age=None, min_age=18)
    answers = {"day_known": "not_known"}
    assert find_answer_mistakes(SARC, answers, FACTS) == {}
    assert set(find_answer_mistakes(SARC, answers, unknown)) == {"age_band"}
    assert "children" in find_answer_mistakes(SARC, {**answers, "age_band": "child"}, unknown)["age_band"]
    assert find_answer_mistakes(SARC, {**answers, "age_band": "not_known"}, unknown) == {}
    asked = [question.key for question, _ in questions_to_ask(SARC, unknown)]
    assert asked == ["day_known", "age_band"]
    assert [question.key for question, _ in questions_to_ask(SARC, FACTS)] == ["day_known"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stage": "yesterday"}, "stage"),
        ({"approach": ""}, "approach"),
        ({"purpose": "x"}, "purpose"),
    ],
)
def test_a_wrong_answer_is_named(changes: dict[str, str], field: str) -> None:
    answers = {"stage": "during", "approach": "officer", "purpose": "information"}
    kind = ServiceKind.RESTORATIVE_JUSTICE
    assert find_answer_mistakes(kind, answers, FACTS) == {}
    assert set(find_answer_mistakes(kind, {**answers, **changes}, FACTS)) == {field}


def test_what_is_not_asked_is_not_kept_and_a_handover_keeps_only_its_own_kind() -> None:
    said: dict[str, Any] = {"asked_for_service": "no", "asked_on": "2026-07-01", "stage": "during"}
    kept = settle_answers(ServiceKind.ISVA, said, FACTS)
    assert kept == {"asked_for_service": "no"}
    assert set(find_answer_mistakes(ServiceKind.ISVA, {"asked_for_service": "yes"}, FACTS)) == {"asked_on"}
    late = {"asked_for_service": "yes", "asked_on": (TODAY + timedelta(1)).isoformat()}
    assert set(find_answer_mistakes(ServiceKind.ISVA, late, FACTS)) == {"asked_on"}
    handover = {"risk": "high", "kind": compose_kind(ServiceKind.ISVA, kept)}
    assert keep_kind(handover, ServiceKind.ISVA) == handover
    assert keep_kind(handover, ServiceKind.GENERAL) == {"risk": "high"}
    assert keep_kind(handover, ServiceKind.FAMILY_SUPPORT)["kind"] == {
        "kind": "family_support",
        "answers": {},
    }
    assert describe_kind(handover["kind"])[2] == (
        ("Did they ask for this service", "No, it was suggested to them"),
    )
    assert describe_kind(None) == ("", "", ())


@pytest.mark.parametrize("how", list(ConsentHow))
def test_a_yes_told_by_another_or_carried_over_is_no_own_yes(how: ConsentHow) -> None:
    is_of_others = how in (ConsentHow.THROUGH_POLICE, ConsentHow.THROUGH_AGENCY)
    assert is_own_yes(how) is not is_of_others
    assert not is_own_yes(how, is_carried_over=True)


@pytest.mark.parametrize(
    ("minutes", "used", "text", "field"),
    [
        (None, 0, "", "minutes"),
        (0, 0, "", "minutes"),
        (721, 0, "long", "minutes"),
        (60, 0, "", None),
        (20, 40, "", None),
        (21, 40, "", "text"),
        (21, 40, " ", "text"),
        (21, 40, "They were hit twice", None),
    ],
)
def test_more_than_the_free_time_needs_a_reason(
    minutes: int | None, used: int, text: str, field: str | None
) -> None:
    rule = step_rule(ServiceKind.BUSINESS_CRIME_ADVICE, KindStep.ICT_HELP)
    assert rule is not None
    facts = StepFacts(TODAY, TODAY, used_minutes=used, free_minutes=60)
    assert list(find_step_mistakes(rule, TODAY, minutes, text, facts)) == ([field] if field else [])
    assert remaining_minutes(used + (minutes or 0), 60) >= 0


@pytest.mark.parametrize(
    ("step", "days", "field"),
    [
        (KindStep.ENGAGED, 1, "happened_on"),
        (KindStep.ENGAGED, 0, None),
        (KindStep.ENGAGED, -1, "happened_on"),
        (KindStep.ASKED_FOR_SERVICE, -30, None),
        (KindStep.ASKED_FOR_SERVICE, -4000, "happened_on"),
    ],
)
def test_a_step_has_a_day_that_can_be(step: KindStep, days: int, field: str | None) -> None:
    rule = step_rule(ServiceKind.ISVA, step)
    assert rule is not None
    found = find_step_mistakes(rule, TODAY + timedelta(days), None, "", StepFacts(TODAY, TODAY))
    assert list(found) == ([field] if field else [])


def test_a_person_engages_once_and_not_before_they_asked() -> None:
    rule = step_rule(ServiceKind.IDVA, KindStep.ENGAGED)
    assert rule is not None and step_rule(ServiceKind.IDVA, KindStep.LETTER) is None
    asked = StepFacts(TODAY, TODAY - timedelta(9), {KindStep.ASKED_FOR_SERVICE: TODAY - timedelta(2)})
    assert "happened_on" in find_step_mistakes(rule, TODAY - timedelta(3), None, "", asked)
    assert find_step_mistakes(rule, TODAY, None, "", asked) == {}
    done = replace(asked, recorded={KindStep.ENGAGED: TODAY})
    assert "step" in find_step_mistakes(rule, TODAY, None, "", done)
    assert "minutes" in find_step_mistakes(rule, TODAY, 5, "", asked)


@pytest.mark.parametrize("then", list(Risk))
@pytest.mark.parametrize("now", list(Risk))
def test_a_yes_falls_when_the_risk_rises_and_not_when_it_sinks(then: Risk, now: Risk) -> None:
    rising = (Risk.UNKNOWN, Risk.STANDARD, Risk.MEDIUM, Risk.HIGH)
    harms = [Harm.DOMESTIC_ABUSE]
    stands = yes_stands(harms, harms, risk=now, is_assessed_since=False, risk_then=then)
    assert stands is (rising.index(now) <= rising.index(then))
    assert yes_stands(harms, harms, risk=now, is_assessed_since=False)
    assert not yes_stands(harms, [], risk=now, is_assessed_since=False, risk_then=then)


def test_two_people_ask_and_decide_and_send() -> None:
    one, other = uuid4(), uuid4()
    for refusal in (refusal_of_decider, refusal_of_sender):
        assert refusal(one, one) and not refusal(one, other)
        assert not refusal(None, other) and not refusal(None, None)


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("She would like a letter from Gary.", True),
        ("GARY OKORO wrote", True),
        ("gary okoro wrote", True),
        ("Mr Okoro was there", True),
        ("okoro", False),
        ("He is called Gaz", True),
        ("She will mark the day", False),
        ("Garyson is her dog", False),
        ("Wilma Ashdown asked", False),
        ("", False),
    ],
)
def test_a_suspect_is_named_by_whole_names_and_by_one_with_its_capital(text: str, is_named: bool) -> None:
    suspects = [SuspectName("Gary", "Okoro", "Gaz"), SuspectName("Will", "Ashdown")]
    assert names_suspect(text, suspects, SuspectName("Wilma", "Ashdown")) is is_named
