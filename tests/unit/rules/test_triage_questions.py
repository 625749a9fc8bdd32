"""Children, communication and the questions of each kind of victim."""

from __future__ import annotations

import pytest

from victim_gateway.rules.next_steps_of_triage import TriageStep, TriageStepFacts, propose_triage_steps
from victim_gateway.rules.triage_questions import (
    HouseholdAnswers,
    find_household_mistakes,
    join_communication,
    list_victim_questions,
    read_ages,
    read_household,
)
from victim_gateway.vocabulary import Risk


@pytest.mark.parametrize(
    ("typed", "ages"),
    [("", ()), ("3, 7, 12", (3, 7, 12)), ("0 and 17", (0, 17)), ("4;5", (4, 5)), (" 9 ", (9,))],
)
def test_ages_are_read_as_people_write_them(typed: str, ages: tuple[int, ...]) -> None:
    assert read_ages(typed) == ages


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("19", "somebody of 19 is no child"),
        ("3, 99999999999", "somebody of 9999 is no child"),
        ("three", "Enter ages as numbers"),
        ("-1", "Enter ages as numbers"),
        ("2.5", "Enter ages as numbers"),
        ("٣", "Enter ages as numbers"),
    ],
)
def test_what_is_no_age_of_a_child_is_refused_with_the_way_out(typed: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_ages(typed)


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({}, set()),
        ({"children": "yes"}, {"number_of_children"}),
        ({"children": "yes", "number_of_children": 2}, set()),
        ({"children": "yes", "number_of_children": 0}, {"number_of_children"}),
        ({"children": "yes", "number_of_children": 21}, {"number_of_children"}),
        ({"children": "yes", "number_of_children": 1, "ages": (3, 4)}, {"ages"}),
        ({"children": "yes", "ages": (18,)}, {"ages"}),
        ({"children": "no", "number_of_children": 2}, {"children"}),
        ({"children": "not_asked", "ages": (3,)}, {"children"}),
        ({"children": "no", "safeguarding": "needed"}, {"children"}),
        ({"communication": ("interpreter",)}, {"interpreter_language"}),
        ({"language": "Polish"}, {"communication"}),
        ({"communication": ("interpreter",), "language": "Polish"}, set()),
    ],
)
def test_answers_that_do_not_fit_together_are_refused(said: dict[str, object], fields: set[str]) -> None:
    assert set(find_household_mistakes(HouseholdAnswers(**said))) == fields  # type: ignore[arg-type]


def test_what_was_sealed_is_read_as_it_was_said_and_silence_stays_silence() -> None:
    said = HouseholdAnswers(
        children="yes",
        number_of_children=2,
        ages=(3, 7),
        safeguarding="needed",
        communication=("carer",),
        answers={"security": "help", "loss": "not_asked"},
    )
    kept = read_household(said.document())
    assert (kept.children, kept.ages, kept.safeguarding) == ("yes", (3, 7), "needed")
    assert kept.answers == {"security": "help"}
    assert HouseholdAnswers().document() == {}
    assert read_household({}) == HouseholdAnswers(ages=(), communication=())


@pytest.mark.parametrize(
    ("victim_type", "is_child", "asked", "not_asked"),
    [
        ("business", False, "hour_of_support", "giving_evidence"),
        ("person", False, "giving_evidence", "security"),
        ("person", True, "school", "security"),
        ("bereaved_relative", False, "funeral_and_inquest", "school"),
        ("parent_or_guardian", False, "for_the_child", "security"),
        ("witness", False, "witness_safety", "loss"),
    ],
)
def test_each_kind_of_victim_is_asked_its_own_questions(
    victim_type: str, is_child: bool, asked: str, not_asked: str
) -> None:
    keys = [question.key for question in list_victim_questions(victim_type, is_child=is_child)]
    assert asked in keys
    assert not_asked not in keys


def test_a_provider_reads_what_was_recorded_and_what_the_assessment_found() -> None:
    said = HouseholdAnswers(communication=("interpreter", "sign_language", "carer"), language="Polish")
    assert join_communication("Large letters", said) == (
        "Large letters; British Sign Language; A carer or supporter with them"
    )
    assert join_communication(None, HouseholdAnswers()) is None


def test_the_answers_propose_what_to_do_next_and_nothing_where_nothing_is_wanted() -> None:
    nothing = TriageStepFacts(
        risk=Risk.STANDARD,
        is_marac_open=False,
        greatest_need=1,
        top_step=3,
        wanted=("nothing_now",),
        wants_restorative_justice="no",
        household=HouseholdAnswers(),
        is_child=False,
    )
    everything = TriageStepFacts(
        risk=Risk.HIGH,
        is_marac_open=True,
        greatest_need=3,
        top_step=3,
        wanted=("feel_safer",),
        wants_restorative_justice="yes",
        household=HouseholdAnswers(safeguarding="needed", communication=("sign_language",)),
        is_child=True,
    )
    assert propose_triage_steps(nothing) == ()
    assert propose_triage_steps(everything) == tuple(TriageStep)


def test_a_witness_is_asked_about_court_and_a_friend_about_themselves_and_neither_about_a_funeral() -> None:
    witness = [question.key for question in list_victim_questions("witness", is_child=False)]
    assert witness == ["what_they_saw", "going_to_court", "giving_evidence", "witness_safety"]
    for kind in ("family_member", "friend"):
        asked = [question.key for question in list_victim_questions(kind, is_child=False)]
        assert asked == ["support_of_their_own", "helping_them"]
