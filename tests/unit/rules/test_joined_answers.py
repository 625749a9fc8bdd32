"""A new answer to safe contact beside the one before: no number becomes safe unsaid, and joined is never looser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.rules.contact_windows import WEEKDAYS, read_contact_window
from victim_gateway.rules.safe_contact import (
    CHANNELS_OF_DETAIL,
    CONTACT_CHANNELS,
    channel_answers,
    details_to_confirm,
    drop_replaced_details,
    drop_wrong_details,
    known_details,
    merge_answers,
    safe_channels,
    safe_details,
)
from victim_gateway.vocabulary import SafeAnswer

YES, NO, UNKNOWN = SafeAnswer.YES, SafeAnswer.NO, SafeAnswer.UNKNOWN
OLD, NEW = "07700 900123", "07700 900999"
PERSON = {"phone": OLD, "address_line_1": "1 High Street", "town": "Stafford"}
WEEK = [datetime(2026, 7, 6, tzinfo=UTC) + timedelta(minutes=30 * half) for half in range(48 * 7)]


def plan_document(phone: SafeAnswer = YES, **more: Any) -> dict[str, Any]:
    return {"channels": {"phone": phone.value}, **more}


@pytest.mark.parametrize(
    ("before", "typed", "same", "asked"),
    [
        ((YES, plan_document(YES, number=OLD)), None, (), []),
        ((YES, plan_document(NO, number=OLD)), None, (), ["number"]),
        ((UNKNOWN, plan_document(UNKNOWN, number=OLD)), None, (), ["number"]),
        ((UNKNOWN, plan_document(YES, number=OLD)), None, (), ["number"]),
        ((NO, plan_document(YES, number=OLD)), None, (), ["number"]),
        ((UNKNOWN, {}), None, (), ["number"]),
        ((YES, plan_document(NO, number=OLD)), NEW, (), []),
        ((YES, plan_document(NO, number=OLD)), None, ("number",), []),
        ((YES, plan_document(NO, number=OLD)), None, ("email", "address"), ["number"]),
        ((YES, {"channels": {"voicemail": "yes", "email": "yes"}, "number": OLD}), None, (), ["number"]),
        ((YES, {"channels": {"sms": "yes"}, "number": OLD}), None, (), []),
    ],
)
def test_an_empty_box_makes_no_number_safe_that_was_not(
    before: tuple[SafeAnswer, dict[str, Any]], typed: str | None, same: tuple[str, ...], asked: list[str]
) -> None:
    assert details_to_confirm(before, YES, plan_document(YES, number=typed), same) == asked


def test_a_number_that_does_not_become_safe_needs_no_word() -> None:
    assert details_to_confirm((NO, {}), YES, plan_document(NO), ()) == []
    assert details_to_confirm((NO, {}), NO, plan_document(YES), ()) == []


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ({"address_line_1": "1 High Street"}, {"address_line_1": "9 Mill Lane"}, False),
        (
            {"address_line_1": "1 High Street", "postcode": "ST16 1AA"},
            {"address_line_1": "1 High Street"},
            False,
        ),
        ({"address_line_1": "1 High Street"}, {}, False),
        ({}, {"address_line_1": "9 Mill Lane"}, True),
        ({"address_line_1": "1 High Street"}, {"address_line_1": "1 High Street"}, True),
        ({"phone": OLD}, {"phone": NEW}, True),
    ],
)
def test_the_old_flat_leaves_the_plan_with_the_address_on_record(
    before: dict[str, str], after: dict[str, str], kept: bool
) -> None:
    document = drop_replaced_details({"address": "Flat 1, High Street"}, before, after)
    assert bool(document["address"]) is kept


def test_another_persons_number_leaves_the_plan() -> None:
    document = drop_wrong_details({"number": OLD, "email": "w@example.org", "days": []}, {"phone", "sms"})
    assert document == {"number": None, "email": "w@example.org", "days": []}


@pytest.mark.parametrize(
    ("current", "new", "days", "hours"),
    [
        (
            {"days": ["monday"], "from_time": "10:00", "until_time": "12:00"},
            {"from_time": "08:00", "until_time": "20:00"},
            ["monday"],
            ("10:00", "12:00"),
        ),
        ({"days": ["mon", "tue"]}, {"days": ["tuesday", "friday"]}, ["tuesday"], (None, None)),
        ({"from_time": "09:00"}, {"until_time": "12:00"}, [], ("09:00", "12:00")),
        ({}, {}, [], (None, None)),
    ],
)
def test_joined_days_and_times_are_those_that_both_allow(
    current: dict[str, Any], new: dict[str, Any], days: list[str], hours: tuple[str | None, str | None]
) -> None:
    safe, joined = merge_answers((YES, plan_document(**current)), (YES, plan_document(**new)), PERSON)
    assert safe is YES
    assert joined["days"] == days
    assert (joined["from_time"], joined["until_time"]) == hours


@pytest.mark.parametrize(
    ("current", "new"),
    [
        ({"days": ["monday"]}, {"days": ["tuesday"]}),
        ({"until_time": "10:00"}, {"from_time": "10:00"}),
    ],
)
def test_where_no_moment_is_left_nothing_is_known_to_be_safe(
    current: dict[str, Any], new: dict[str, Any]
) -> None:
    safe, joined = merge_answers((YES, plan_document(**current)), (YES, plan_document(**new)), PERSON)
    assert safe is UNKNOWN
    assert safe_channels(safe, joined) == []
    assert read_contact_window(joined) == read_contact_window(current)


@pytest.mark.parametrize(
    ("current", "new", "safe", "number"),
    [
        # The old yes was said of the old number.
        (
            plan_document(YES, number=OLD),
            {"channels": {"email": "yes"}, "number": NEW, "email": "w@example.org"},
            ["email"],
            None,
        ),
        (plan_document(YES, number=OLD), {"channels": {"sms": "yes"}, "number": NEW}, ["sms"], NEW),
        (
            plan_document(YES, number=OLD),
            {"channels": {"sms": "yes"}, "number": "+44 7700 900123"},
            ["phone", "sms"],
            "+44 7700 900123",
        ),
        (plan_document(NO, number=OLD), plan_document(YES, number=NEW), [], None),
        # A new yes without its own number does not cover another number than the one on record.
        (plan_document(UNKNOWN, number=NEW), plan_document(YES), [], None),
        (plan_document(UNKNOWN), plan_document(YES), ["phone"], OLD),
    ],
)
def test_a_yes_covers_the_number_it_was_said_of(
    current: dict[str, Any], new: dict[str, Any], safe: list[str], number: str | None
) -> None:
    answer, joined = merge_answers((YES, current), (YES, new), PERSON)
    assert safe_channels(answer, joined) == safe
    assert safe_details(answer, joined, PERSON).get("number") == number


def test_two_answers_on_who_may_answer_leave_only_the_person() -> None:
    one, other = plan_document(who_may_answer="Her sister"), plan_document(who_may_answer="Her mother")
    assert merge_answers((YES, one), (YES, other), PERSON)[1]["who_may_answer"] is None
    assert merge_answers((YES, one), (YES, plan_document()), PERSON)[1]["who_may_answer"] == "Her sister"


_documents = st.fixed_dictionaries(
    {"channels": st.fixed_dictionaries({name: st.sampled_from(SafeAnswer) for name in CONTACT_CHANNELS})},
    optional={
        "number": st.sampled_from([OLD, NEW, None]),
        "email": st.sampled_from(["a@example.org", "b@example.org", None]),
        "address": st.sampled_from(["1 High Street", "9 Mill Lane", None]),
        "days": st.lists(st.sampled_from(WEEKDAYS), unique=True),
        "from_time": st.sampled_from(["09:00", "10:00", "14:00", None]),
        "until_time": st.sampled_from(["10:00", "12:00", "20:00", None]),
        "withhold_number": st.booleans(),
    },
)
_answers = st.tuples(st.sampled_from(SafeAnswer), _documents)


@given(current=_answers, new=_answers)
def test_the_join_is_never_looser_than_either(
    current: tuple[SafeAnswer, dict[str, Any]], new: tuple[SafeAnswer, dict[str, Any]]
) -> None:
    safe, joined = merge_answers(current, new, PERSON)
    if NO in (current[0], new[0]):
        assert safe is not YES
    for _, document in (current, new):
        refused = {name for name, answer in channel_answers(document).items() if answer is NO}
        assert refused.isdisjoint(safe_channels(safe, joined))
        assert bool(joined.get("withhold_number")) >= bool(document.get("withhold_number"))
    for detail, value in safe_details(safe, joined, PERSON).items():
        said_of = [
            channel
            for answer, document in (current, new)
            if known_details(document, PERSON).get(detail) == value
            for channel in safe_channels(answer, document)
        ]
        usable = set(safe_channels(safe, joined)) & set(CHANNELS_OF_DETAIL[detail])
        assert usable <= set(said_of)
    if any(channel != "post" for channel in safe_channels(safe, joined)):
        window = read_contact_window(joined)
        both = [read_contact_window(document) for _, document in (current, new)]
        for moment in WEEK:
            assert not window.contains(moment) or all(one.contains(moment) for one in both)
