"""What a document may say, and how it is refused when it can't be read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from victim_gateway.compliance.answer import answer_documents
from victim_gateway.compliance.document import read_document, read_json
from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.compliance.facts import Declined, EnhancedPeriod, Event, Facts, VictimBasis, Withheld
from victim_gateway.errors import CalendarExhausted, InvalidInput

ARREST: dict[str, Any] = {"event": "suspect_arrested", "occurred_at": "2026-03-02T10:00:00+00:00"}
OPENING = {"category": "most_serious_crime", "from": "2026-03-04"}
REFUSING = {"entitlement_id": "expenses_paid", "at": "2026-03-04"}
HOLDING = {"entitlement_id": "expenses_paid", "from": "2026-03-04"}


def document(facts: Any = None, events: Any = None, **top: Any) -> dict[str, Any]:
    return {
        "as_at": "2026-03-10T09:00",
        "facts": facts,
        "events": [ARREST] if events is None else events,
        **top,
    }


def refusal(value: object) -> str:
    with pytest.raises(InvalidInput) as refused:
        answer_documents(value)
    assert "\n" not in refused.value.message
    return refused.value.message


def test_everything_a_document_can_say_is_read() -> None:
    read = read_document(
        document(
            {
                "victim_basis": "parent_or_guardian",
                "date_of_birth": "1990-05-04",
                "offence_on": "2026-03-01",
                "enhanced": [{"category": "vulnerable_or_intimidated", "from": "2026-03-04", "to": None}],
                "conditions": {"offender_is_adult": True},
                "observers": ["partner"],
                "declined": [{**REFUSING, "at": "2026-07-03T10:00"}],
                "withheld_for_safety": [{**HOLDING, "until": None}],
                "cancelled_at": "2026-03-05T10:00+00:00",
            },
            [{**ARREST, "recorded_at": "2026-03-02T12:00Z", "subject": "s1", "source": "x", "note": "y",
              "feed_reference": "z"}],
        )
    )  # fmt: skip

    assert read.as_at == datetime(2026, 3, 10, 9, tzinfo=UTC)
    assert read.remarks == ()
    assert read.events == (
        Event(
            "suspect_arrested",
            datetime(2026, 3, 2, 10, tzinfo=UTC),
            datetime(2026, 3, 2, 12, tzinfo=UTC),
            "s1",
        ),
    )
    assert read.facts == Facts(
        victim_basis=VictimBasis.PARENT_OR_GUARDIAN,
        date_of_birth=date(1990, 5, 4),
        offence_on=date(2026, 3, 1),
        enhanced=(EnhancedPeriod(EnhancedCategory.VULNERABLE_OR_INTIMIDATED, date(2026, 3, 4)),),
        conditions={"offender_is_adult": True},
        observers=frozenset({"partner"}),
        declined=(Declined("expenses_paid", datetime(2026, 7, 3, 9, tzinfo=UTC)),),
        withheld_for_safety=(Withheld("expenses_paid", datetime(2026, 3, 4, tzinfo=UTC)),),
        cancelled_at=datetime(2026, 3, 5, 10, tzinfo=UTC),
    )


def test_only_the_moment_and_the_events_are_required() -> None:
    read = read_document({"as_at": "2026-03-10", "events": []})

    assert (read.facts, read.events) == (Facts(), ())


def test_null_says_nothing() -> None:
    facts = dict.fromkeys(("victim_basis", "date_of_birth", "offence_on", "enhanced", "conditions",
                           "observers", "declined", "withheld_for_safety", "cancelled_at"))  # fmt: skip
    event = {**ARREST, "recorded_at": None, "subject": None}

    assert read_document(document(facts, [event])) == read_document(document())


@pytest.mark.parametrize("subject", ["", "  "])
def test_a_blank_subject_is_none(subject: str) -> None:
    assert read_document(document(events=[{**ARREST, "subject": subject}])).events[0].subject is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", "the top level: must be a JSON object"),
        (None, "the top level: must be a JSON object"),
        ({"events": []}, "as_at: is missing"),
        ({"as_at": "2026-03-10"}, "events: is missing"),
        ({"as_at": "2026-03-10", "events": {}}, "events: must be a list"),
        (document(as_at="soon"), "as_at: unreadable time 'soon'"),
        (document(as_at=20260310), "as_at: must be text, not 20260310"),
        (document(as_at="0001-01-01T00:00+00:00"), "as_at: unreadable time '0001-01-01T00:00+00:00'"),
        (document(as_at="9999-12-31T23:00-05:00"), "as_at: unreadable time '9999-12-31T23:00-05:00'"),
        (document([]), "facts: must be a JSON object"),
    ],
)
def test_a_document_that_is_none_is_refused(value: object, message: str) -> None:
    assert refusal(value) == message


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("arrest", "event 2: must be a JSON object"),
        ({"occurred_at": "2026-03-02"}, "event 2, event: is missing"),
        ({"event": "suspect_arrested"}, "event 2, occurred_at: is missing"),
        ({**ARREST, "event": "suspect_arested"}, "event 2: unknown event 'suspect_arested'"),
        ({**ARREST, "event": ["suspect_arrested"]}, "event 2: unknown event ['suspect_arrested']"),
        ({**ARREST, "event": "a\nb\u00e9\ud800"}, r"event 2: unknown event 'a\nb\xe9\ud800'"),
        ({**ARREST, "occurred_at": "2026-02-30"}, "event 2, occurred_at: unreadable time '2026-02-30'"),
        (
            {**ARREST, "recorded_at": "2026-03-02T25:00"},
            "event 2, recorded_at: unreadable time '2026-03-02T25:00'",
        ),
        ({**ARREST, "subject": 1}, "event 2, subject: must be text"),
        ({**ARREST, "suspect": "s1"}, "event 2: unknown key 'suspect'"),
        (
            {**ARREST, "recorded_at": "2026-03-02T09:59:59+00:00"},
            "event 2, recorded_at: '2026-03-02T09:59:59+00:00' is before occurred_at",
        ),
    ],
)
def test_an_event_that_cannot_be_read_is_refused_with_its_place(event: object, message: str) -> None:
    assert refusal(document(events=[ARREST, event])) == message


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"date_of_brith": "1990-05-04"}, "facts: unknown key 'date_of_brith'"),
        ({"under_18": True}, "facts: unknown key 'under_18'"),
        ({"date_of_birth": "04/05/1990"}, "facts, date_of_birth: unreadable date '04/05/1990'"),
        ({"offence_on": True}, "facts, offence_on: must be text, not True"),
        ({"victim_basis": "victim"}, "facts, victim_basis: must be one of direct, bereaved_relative, "
         "parent_or_guardian, spokesperson, business_contact, harmed_witness, "
         "child_of_domestic_abuse, not 'victim'"),
        ({"conditions": []}, "facts, conditions: must be a JSON object"),
        ({"conditions": {"not_opted_out": "no"}},
         "facts, conditions, 'not_opted_out': must be true or false"),
        ({"conditions": {"not_opted_out": 0}},
         "facts, conditions, 'not_opted_out': must be true or false"),
        ({"observers": "partner"}, "facts, observers: must be a list of names"),
        ({"observers": [1]}, "facts, observers: must be a list of names"),
        ({"observers": ["partner", "nobody"]}, "facts, observers: unknown observer 'nobody', must be one of "
         "gateway, mixed, partner, victim_report"),
        ({"date_of_birth": "2026-03-02", "offence_on": "2026-03-01"},
         "facts, date_of_birth: 2026-03-02 is after offence_on, 2026-03-01"),
        ({"cancelled_at": "never"}, "facts, cancelled_at: unreadable time 'never'"),
        ({"enhanced": {}}, "facts, enhanced: must be a list"),
        ({"enhanced": ["x"]}, "facts, enhanced 1: must be a JSON object"),
        ({"enhanced": [OPENING, {**OPENING, "category": "child"}]}, "facts, enhanced 2, category: "
         "must be one of most_serious_crime, persistently_targeted, vulnerable_or_intimidated, not 'child'"),
        ({"enhanced": [{"category": "most_serious_crime"}]}, "facts, enhanced 1, from: is missing"),
        ({"enhanced": [{**OPENING, "to": "x"}]}, "facts, enhanced 1, to: unreadable date 'x'"),
        ({"enhanced": [{**OPENING, "until": "2026-03-05"}]}, "facts, enhanced 1: unknown key 'until'"),
        ({"declined": [{**REFUSING, "entitlement_id": "x"}]},
         "facts, declined 1: unknown entitlement_id 'x'"),
        ({"declined": [{"entitlement_id": "expenses_paid"}]}, "facts, declined 1, at: is missing"),
        ({"declined": [{**REFUSING, "from": "2026-03-05"}]}, "facts, declined 1: unknown key 'from'"),
        ({"withheld_for_safety": [{**HOLDING, "to": None}]},
         "facts, withheld_for_safety 1: unknown key 'to'"),
        ({"withheld_for_safety": [{**HOLDING, "until": "x"}]},
         "facts, withheld_for_safety 1, until: unreadable time 'x'"),
    ],
)  # fmt: skip
def test_a_fact_that_cannot_be_read_is_refused_with_its_place(facts: Any, message: str) -> None:
    assert refusal(document(facts)) == message


def test_a_birth_on_the_day_of_the_offence_and_a_record_at_the_moment_of_the_event_are_read() -> None:
    born = {"date_of_birth": "2026-03-01", "offence_on": "2026-03-01"}
    event = {**ARREST, "recorded_at": "2026-03-02T11:00:00+01:00"}

    assert read_document(document(born, [event])).events[0].recorded_at == datetime(
        2026, 3, 2, 10, tzinfo=UTC
    )


def test_a_long_value_is_cut() -> None:
    assert len(refusal(document(as_at="x" * 10_000))) < 100


def test_in_a_list_the_document_is_named_too() -> None:
    wrong = document(events=[ARREST, {**ARREST, "event": "suspect_arested"}])

    assert refusal([document(), document(), wrong]) == "document 3, event 2: unknown event 'suspect_arested'"


def test_a_date_past_the_table_names_the_document_the_event_and_the_date() -> None:
    late = document(events=[{**ARREST, "occurred_at": "2028-03-02"}], as_at="2028-04-01")

    with pytest.raises(
        CalendarExhausted, match="^document 2, suspect_arrested: 5 working days from 2028-03-02 "
    ):
        answer_documents([document(), late])


def test_what_is_ignored_is_said_once_with_the_first_document_and_how_many_more() -> None:
    odd = document({"conditions": {"moon_is_full": True, "named_contact": True}}, version=2)

    assert answer_documents(odd).remarks == (
        "ignored the unknown key 'version'",
        "no entitlement depends on the condition 'moon_is_full'",
    )
    assert answer_documents([document(), odd, odd, odd]).remarks == (
        "document 2 and 2 more: ignored the unknown key 'version'",
        "document 2 and 2 more: no entitlement depends on the condition 'moon_is_full'",
    )


def test_a_list_of_documents_gives_a_list_of_answers_in_the_same_order() -> None:
    empty = document(events=[])

    assert answer_documents([document(), empty, document()]).clocks == [
        answer_documents(document()).clocks,
        [],
        answer_documents(document()).clocks,
    ]
    assert answer_documents([]).clocks == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a JSON document: Expecting value at line 1, column 1"),
        (b'{"as_at":\n "x",}', "not a JSON document: "),
        (b"\x89PNG\r\n\x1a\n\x00", "not a JSON document: it is not UTF-8 text"),
        (b"[" * 100_000, "not a JSON document that can be read"),
        (b"9" * 10_000, "not a JSON document that can be read"),
        (b'{"as_at": NaN}', "not a JSON document: NaN is not a number in JSON"),
        (b'[{"x": [Infinity]}]', "not a JSON document: Infinity is not a number in JSON"),
        (b"-Infinity", "not a JSON document: -Infinity is not a number in JSON"),
        (b'{"as_at": "2026-03-10", "as_at": "2026-03-11"}', "the key 'as_at' appears twice in one object"),
    ],
)
def test_a_file_that_is_no_json_document_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_json(content)

    assert refused.value.message.startswith(message)
    assert "\n" not in refused.value.message


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert read_json(b'\xef\xbb\xbf{"events": []}') == {"events": []}
