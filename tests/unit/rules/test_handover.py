"""What leaves for a provider: exactly the chosen parts, whichever they are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import combinations, permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.rules.alerts import AlertKind, list_alerts
from victim_gateway.rules.handover import (
    ALWAYS_SHARED,
    BESIDE_THE_HANDOVER,
    HandoverSource,
    HandoverText,
    RecordedConsent,
    compose_handover,
    describe_needs,
    may_be_referred_on,
    read_handover,
    shared_alert_facts,
    summarize_handover,
)
from victim_gateway.rules.person_names import name_for_provider
from victim_gateway.vocabulary import ConsentHow, HandoverPart, Harm, ReferralState, Risk

TODAY = date(2026, 7, 14)
YES = RecordedConsent(ConsentHow.SPOKEN, datetime(2026, 7, 13, 9, 0, tzinfo=UTC))
NEEDS = (
    {"key": "home", "label": "LABEL-HOME", "step": 3, "words": "STEP-URGENT"},
    {"key": "money", "label": "LABEL-MONEY", "step": 1, "words": "STEP-SOME"},
)
SOURCE = HandoverSource(
    person_id=UUID(int=7),
    name="NAME",
    born_on=date(1990, 5, 4),
    victim_type="person",
    offence="OFFENCE",
    recorded_as="RECORDED-AS",
    district="DISTRICT",
    occurred_on=date(2026, 7, 1),
    what_happened="STORY-ON-RECORD",
    needs=NEEDS,
    risk="high",
    risk_grounds=("GROUND",),
    language="LANGUAGE",
    interpreter_needed=True,
    communication_needs="LARGE-PRINT",
    safe_contact={"safe": "yes", "number": "NUMBER", "channels": {"phone": "yes"}},
    harms=(Harm.DOMESTIC_ABUSE, Harm.HATE_CRIME),
    hate_strand="STRAND",
)
# What keeps the person safe goes whatever was chosen.
PROTECTION: dict[str, Any] = {
    "risk": "high",
    "risk_grounds": ["GROUND"],
    "harms": ["domestic_abuse", "hate_crime"],
    "domestic_abuse": True,
    "hate_strand": "STRAND",
    "is_child": False,
    "interpreter_needed": True,
}
TEXT = HandoverText(what_happened="STORY-FOR-PROVIDER", wants="WANTS", remarks="REMARKS")
# What of each part can be found again in a handover; nothing of it occurs in another part.
CONTENT_OF_PART: dict[HandoverPart, dict[str, Any]] = {
    HandoverPart.NAME: {"name": "NAME"},
    HandoverPart.AGE: {"age": 36},
    HandoverPart.CRIME: {
        "offence": "OFFENCE",
        "recorded_as": "RECORDED-AS",
        "district": "DISTRICT",
        "occurred_on": "2026-07-01",
    },
    HandoverPart.WHAT_HAPPENED: {"what_happened": "STORY-FOR-PROVIDER"},
    HandoverPart.NEEDS: {"needs": list(NEEDS)},
    HandoverPart.RISK: {"risk": "high", "risk_grounds": ["GROUND"]},
    HandoverPart.WANTS: {"wants": "WANTS"},
    HandoverPart.COMMUNICATION: {
        "language": "LANGUAGE",
        "communication_needs": "LARGE-PRINT",
    },
}
ALWAYS = {"parts", "shared_on", "agreed", "words", *PROTECTION}
PARTS = tuple(part for part in HandoverPart if part not in BESIDE_THE_HANDOVER)
CHOICES = tuple(part for part in PARTS if part not in ALWAYS_SHARED)
SUBSETS = [chosen for size in range(len(CHOICES) + 1) for chosen in combinations(CHOICES, size)]
LEAF_TEXTS = {
    part: {
        text
        for value in content.values()
        for text in json.dumps(value).split('"')
        if text.isupper() or text in ("high", "2026-07-01")
    }
    for part, content in CONTENT_OF_PART.items()
}


def part_names(parts: tuple[HandoverPart, ...]) -> str:
    return "+".join(parts) or "nothing"


def with_risk(chosen: tuple[HandoverPart, ...]) -> tuple[HandoverPart, ...]:
    return tuple(part for part in PARTS if part in chosen or part is HandoverPart.RISK)


def handover_of(*parts: HandoverPart, text: HandoverText = TEXT, **differently: Any) -> dict[str, Any]:
    return compose_handover(replace(SOURCE, **differently), parts, text, YES, TODAY)


@pytest.mark.parametrize("chosen", SUBSETS, ids=part_names)
def test_the_chosen_parts_and_what_protects_the_person_are_handed_over(
    chosen: tuple[HandoverPart, ...],
) -> None:
    expected: dict[str, Any] = {
        **PROTECTION,
        "parts": [part.value for part in with_risk(chosen)],
        "shared_on": "2026-07-14",
        "agreed": {"how": "spoken", "given_on": "2026-07-13"},
        "words": "REMARKS",
    }
    for part in chosen:
        expected |= CONTENT_OF_PART[part]

    assert handover_of(*chosen) == expected


@pytest.mark.parametrize("chosen", SUBSETS, ids=part_names)
def test_nothing_of_a_part_that_was_left_out_occurs_anywhere(chosen: tuple[HandoverPart, ...]) -> None:
    document = handover_of(*chosen)

    written = json.dumps(document)
    for part in CHOICES:
        if part not in chosen:
            assert not CONTENT_OF_PART[part].keys() & document.keys()
            assert not [text for text in LEAF_TEXTS[part] if text in written]
    # How to reach the person is sealed apart; what our record says stays ours; our keys are of no use there.
    assert not [text for text in ("NUMBER", "STORY-ON-RECORD", str(SOURCE.person_id)) if text in written]


@pytest.mark.parametrize("chosen", SUBSETS, ids=part_names)
def test_a_stored_handover_reads_as_it_was_composed(chosen: tuple[HandoverPart, ...]) -> None:
    shown = read_handover(json.loads(json.dumps(handover_of(*chosen))))

    assert shown["parts"] == with_risk(chosen)
    assert shown["harms"] == (Harm.DOMESTIC_ABUSE, Harm.HATE_CRIME)
    assert shown["shared_on"] == TODAY
    assert shown["agreed"] == {"how": ConsentHow.SPOKEN, "given_on": date(2026, 7, 13)}
    assert shown["risk"] is Risk.HIGH
    assert shown.get("occurred_on") == (date(2026, 7, 1) if HandoverPart.CRIME in chosen else None)
    assert shown.keys() - ALWAYS == {key for part in chosen for key in CONTENT_OF_PART[part]}


@pytest.mark.parametrize("chosen", SUBSETS, ids=part_names)
def test_the_line_in_a_list_says_no_more_than_was_shared(chosen: tuple[HandoverPart, ...]) -> None:
    if HandoverPart.NEEDS in chosen:
        expected = "LABEL-HOME, LABEL-MONEY"
    elif HandoverPart.CRIME in chosen:
        expected = "OFFENCE"
    else:
        expected = "Nothing was shared about what they need"

    assert summarize_handover(handover_of(*chosen)) == expected


@pytest.mark.parametrize("with_crime", [True, False])
def test_where_no_needs_were_found_a_list_names_the_offence_if_that_was_shared(with_crime: bool) -> None:
    parts = (HandoverPart.NEEDS, HandoverPart.CRIME) if with_crime else (HandoverPart.NEEDS,)

    line = summarize_handover(handover_of(*parts, needs=()))

    assert line == ("OFFENCE" if with_crime else "Nothing was shared about what they need")


@pytest.mark.parametrize("order", list(permutations(PARTS[:4])), ids=part_names)
def test_the_order_of_choosing_and_choosing_twice_change_nothing(order: tuple[HandoverPart, ...]) -> None:
    assert handover_of(*order, *order) == handover_of(*PARTS[:4])


@pytest.mark.parametrize("part", PARTS)
def test_what_is_not_known_is_handed_over_as_not_known(part: HandoverPart) -> None:
    unknown: dict[str, Any] = {
        "name": None,
        "born_on": None,
        "district": None,
        "occurred_on": None,
        "needs": (),
        "risk": "unknown",
        "risk_grounds": (),
        "language": None,
        "communication_needs": None,
        "harms": (),
        "hate_strand": None,
    }

    document = handover_of(part, text=HandoverText(), **unknown)

    assert document.keys() == {"parts", "shared_on", "agreed", *PROTECTION, *CONTENT_OF_PART[part]}
    assert read_handover(document)["parts"] == with_risk((part,))
    assert (document["domestic_abuse"], document["is_child"]) == (False, False)


@pytest.mark.parametrize(
    ("born_on", "is_child"), [(date(2008, 7, 15), True), (date(2008, 7, 14), False), (None, False)]
)
def test_that_the_person_is_a_child_goes_without_their_age(born_on: date | None, is_child: bool) -> None:
    document = handover_of(HandoverPart.WANTS, born_on=born_on)
    assert document["is_child"] is is_child
    assert "age" not in document


def test_a_handover_from_before_still_reads() -> None:
    stored = {"parts": ["name"], "shared_on": "2026-07-14", "name": "NAME"}
    shown = read_handover({**stored, "agreed": {"how": "spoken", "given_on": "2026-07-13"}})
    facts = shared_alert_facts(shown, {"safe": "yes", "channels": {"phone": "yes"}})
    assert (shown["harms"], shown.get("risk")) == ((), None)
    assert [alert.kind for alert in list_alerts(facts)] == [AlertKind.NOT_KNOWN_TO_BE_SAFE]


def test_a_providers_alerts_say_what_was_shared_and_no_more() -> None:
    safe = {"safe": "yes", "channels": {"phone": "yes"}, "number": "NUMBER"}
    least = list_alerts(shared_alert_facts(read_handover(handover_of(born_on=date(2013, 1, 1))), safe))
    assert [alert.kind for alert in least] == [
        AlertKind.HIGH_RISK,
        AlertKind.DOMESTIC_ABUSE,
        AlertKind.HATE_CRIME,
        AlertKind.CHILD,
        AlertKind.INTERPRETER,
    ]
    assert least[-1].detail is None
    all_parts = list_alerts(
        shared_alert_facts(read_handover(handover_of(*PARTS, born_on=date(2013, 1, 1))), safe)
    )
    assert [(alert.kind, alert.detail) for alert in all_parts[-2:]] == [
        (AlertKind.CHILD, "aged 13"),
        (AlertKind.INTERPRETER, "LANGUAGE"),
    ]


@given(
    parts=st.sets(st.sampled_from(PARTS)),
    written=st.builds(HandoverText, what_happened=st.text(), wants=st.text(), remarks=st.text()),
)
def test_text_goes_only_with_the_part_it_was_written_for(
    parts: set[HandoverPart], written: HandoverText
) -> None:
    document = handover_of(*parts, text=written)

    assert document.get("what_happened") == (
        written.what_happened if HandoverPart.WHAT_HAPPENED in parts else None
    )
    assert document.get("wants") == (written.wants if HandoverPart.WANTS in parts else None)
    assert document.get("words") == (written.remarks or None)


@pytest.mark.parametrize("how", ConsentHow)
@pytest.mark.parametrize(
    ("given_at", "given_on"),
    [
        (datetime(2026, 7, 13, 22, 59, tzinfo=UTC), "2026-07-13"),
        (datetime(2026, 7, 13, 23, 0, tzinfo=UTC), "2026-07-14"),
        (datetime(2026, 1, 13, 23, 59, tzinfo=UTC), "2026-01-13"),
        (datetime(2026, 1, 14, 0, 0, tzinfo=UTC), "2026-01-14"),
        # The nights of both clock changes.
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), "2026-03-28"),
        (datetime(2026, 3, 29, 23, 30, tzinfo=UTC), "2026-03-30"),
        (datetime(2026, 10, 24, 23, 30, tzinfo=UTC), "2026-10-25"),
        (datetime(2026, 10, 25, 23, 30, tzinfo=UTC), "2026-10-25"),
    ],
)
def test_the_consent_it_rests_on_goes_with_it_by_its_london_day(
    given_at: datetime, given_on: str, how: ConsentHow
) -> None:
    document = compose_handover(SOURCE, (), HandoverText(), RecordedConsent(how, given_at), TODAY)

    assert document == {
        **PROTECTION,
        "parts": ["risk"],
        "shared_on": "2026-07-14",
        "agreed": {"how": how.value, "given_on": given_on},
    }


@pytest.mark.parametrize(
    ("born_on", "on", "age"),
    [
        (date(1990, 5, 4), date(2026, 5, 3), 35),
        (date(1990, 5, 4), date(2026, 5, 4), 36),
        (date(1990, 5, 4), date(2026, 5, 5), 36),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2009, 1, 1), date(2026, 12, 31), 17),
        (date(2026, 7, 14), date(2026, 7, 14), 0),
        (None, date(2026, 7, 14), None),
    ],
)
def test_an_age_is_in_whole_years_and_a_service_is_chosen_by_the_same_age(
    born_on: date | None, on: date, age: int | None
) -> None:
    source = replace(SOURCE, born_on=born_on)

    assert compose_handover(source, (HandoverPart.AGE,), TEXT, YES, on)["age"] == age


# Whether a referral may be referred on: without a triage assessment, with one.
REFERRABLE = {
    ReferralState.RECEIVED: (False, False),
    ReferralState.HELD: (False, False),
    ReferralState.ASSIGNED: (False, False),
    ReferralState.IN_CONTACT: (False, False),
    ReferralState.TRIAGED: (True, True),
    ReferralState.SUPPORTED: (True, True),
    ReferralState.CLOSED: (False, False),
    ReferralState.REOPENED: (False, True),
    ReferralState.ENTERED_IN_ERROR: (False, False),
}


@pytest.mark.parametrize("has_triage_assessment", [False, True])
@pytest.mark.parametrize("state", ReferralState)
def test_a_person_is_referred_on_once_their_needs_are_known(
    state: ReferralState, has_triage_assessment: bool
) -> None:
    expected = REFERRABLE[state][has_triage_assessment]

    assert may_be_referred_on(state, has_triage_assessment=has_triage_assessment) is expected


AREAS = {"home": "Shelter", "money": "Finance", "work": "Work"}
STEPS = {0: "No need", 1: "Some need", 2: "Clear need", 3: "Urgent need"}
assessed_needs = st.dictionaries(
    st.sampled_from([*AREAS, "an_old_area"]), st.sampled_from([None, 0, 1, 2, 3])
)


@given(assessed=assessed_needs)
def test_every_need_above_the_lowest_step_is_listed_once_the_greatest_first(
    assessed: dict[str, int],
) -> None:
    listed = describe_needs(assessed, AREAS, STEPS)

    assert {need["key"]: need["step"] for need in listed} == {
        key: step for key, step in assessed.items() if step
    }
    assert len({need["key"] for need in listed}) == len(listed)
    assert [need["step"] for need in listed] == sorted((need["step"] for need in listed), reverse=True)


@given(assessed=assessed_needs)
def test_needs_are_named_as_the_scale_names_them_today(assessed: dict[str, int]) -> None:
    for need in describe_needs(assessed, AREAS, STEPS):
        assert need["label"] == AREAS.get(need["key"], "an old area")
        assert need["words"] == STEPS[need["step"]]


def test_a_scale_that_begins_at_one_has_no_need_at_one() -> None:
    listed = describe_needs({"home": 1, "money": 2}, AREAS, {1: "None", 2: "Some"})

    assert [need["key"] for need in listed] == ["money"]


@pytest.mark.parametrize("given_name", [None, "", "Wilma"])
@pytest.mark.parametrize("family_name", [None, "Ashdown"])
@pytest.mark.parametrize("business", [None, "Corner Shop"])
@pytest.mark.parametrize("contact", [None, "The manager"])
def test_a_business_is_named_with_whom_to_ask_for_and_a_person_by_their_names(
    given_name: str | None, family_name: str | None, business: str | None, contact: str | None
) -> None:
    person = {
        "given_name": given_name,
        "family_name": family_name,
        "organisation_name": business,
        "organisation_contact": contact,
    }
    names = " ".join(name for name in (given_name, family_name) if name)
    ask_for = names or contact

    if business is None:
        expected: str | None = names or None
    else:
        expected = f"{business} ({ask_for})" if ask_for else business
    assert name_for_provider(person) == expected


def test_files_are_never_part_of_a_handover_whatever_was_chosen() -> None:
    assert handover_of(HandoverPart.NAME, HandoverPart.FILES)["parts"] == ["name", "risk"]
