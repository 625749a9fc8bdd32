"""Form, feed and schema accept, refuse and take for blank the same values."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from tests.plumbing.property_tests import examples
from tests.unit.feeds.samples import GOOD, IMPORTED_AT, PLACES
from victim_gateway.blueprints.referrals.record_forms import PERSON_LINES, ReferralForm
from victim_gateway.feeds.case_events import CASE_EVENT_COLUMNS
from victim_gateway.feeds.columns import REFERRAL_COLUMNS
from victim_gateway.feeds.moments import Moment
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.schemas.case_event import CaseEventSchema
from victim_gateway.schemas.case_event_rows import CASE_EVENT_READERS
from victim_gateway.schemas.cell_field import CellField, column_readers
from victim_gateway.schemas.person import PersonSchema
from victim_gateway.schemas.referral import ReferralSchema
from victim_gateway.schemas.referral_rows import COLUMN_READERS, parse_referral_row

REFUSED = "refused"
ODD = (
    *(
        "",
        " ",
        "N/A",
        "unknown",
        "none",
        "-",
        "yes",
        "Y",
        "0",
        "FALSE",
        "Refused",
        "Male",
        "Not known",
        "Telephone",
    ),
    *("Race; Religion", "x", "07700 900123", "7700900123", "00000000000", "812345", "01785 234567 ext 12"),
    *(
        "robin@example.org",
        "mailto:robin@example.org",
        "nowhere",
        "ST16 2LL",
        "st162ll",
        "ST16 OLL",
        "AA1 1AA",
    ),
    *("2026-02-01", "1/2/2026 9:05", "28/02/1990", "04/28/2026", "46037", "5.50218E+11", "8/6", "08-Jun"),
    *(
        "Dr Asha",
        "O\u2019Brien",
        "Anna & Tom",
        "Zo\x07e",
        "a\nb",
        "A" * 600,
        "a\0b",
        "high",
        "MOBH",
        "W1",
        "12345",
    ),
)
# They keep nothing of what they load, and to make one takes longer than to load a cell.
PERSON, REFERRAL = PersonSchema(), ReferralSchema(partial=True)
COLUMNS = tuple(column for column in REFERRAL_COLUMNS if column not in ("force", "district"))


def by_schema(column: str, text: str) -> Any:
    schema = PERSON if column in PERSON.fields else REFERRAL
    try:
        loaded = schema.load({column: text})
    except ValidationError as error:
        [problem] = error.messages_dict[column]
        assert set(problem) == {"code", "message"}
        assert problem["message"].startswith(column)
        return REFUSED
    value = loaded[column]
    return value.at if isinstance(value, Moment) else value


def by_feed(column: str, text: str) -> Any:
    """The value in the row; a cell that was lost, or is a placeholder that is said, was refused."""
    plain = {**GOOD, "reported_at": "2026-03-10T08:59"} if column != "reported_at" else GOOD
    outcome = parse_referral_row({**plain, column: text}, number=2, imported_at=IMPORTED_AT, places=PLACES)
    if isinstance(outcome, RejectedRow):
        return REFUSED
    assert isinstance(outcome, Accepted)
    value = getattr(outcome.row, column)
    is_said = any(warning.column == column for warning in outcome.warnings)
    return REFUSED if value is None and is_said else value


def is_checked_against_its_row(value: Any) -> bool:
    """A moment or a birth date may be readable and yet contradict the rest of its row."""
    return isinstance(value, date)


@pytest.mark.parametrize("column", COLUMNS)
def test_the_feed_and_the_schema_read_a_cell_alike(column: str) -> None:
    for text in ODD:
        loaded = by_schema(column, text)
        if not is_checked_against_its_row(loaded):
            assert by_feed(column, text) == loaded, text


@settings(max_examples=examples(1_000))
@given(column=st.sampled_from(COLUMNS), text=st.text(st.characters(exclude_characters="\0"), max_size=30))
def test_the_feed_and_the_schema_read_any_text_alike(column: str, text: str) -> None:
    loaded = by_schema(column, text)
    if not is_checked_against_its_row(loaded):
        assert by_feed(column, text) == loaded


@pytest.fixture(scope="module")
def form_app() -> Flask:
    """A bare application: a form needs a request, not the service."""
    app = Flask("forms")
    app.secret_key = "for this test only"
    app.config["WTF_CSRF_ENABLED"] = False
    return app


ANSWERS = {
    "source": "self",
    "safe": "no",
    "victim_type": "person",
    "offence": "Burglary",
    "reported": "no",
    "agreed": "not_asked",
}


# A choice has no odd values: what is not among its answers was not on the page.
FORM_LINES = tuple(
    line for line in PERSON_LINES if line not in ("communication_needs", "guardian_safe_to_contact")
)


@pytest.mark.parametrize("column", FORM_LINES)
def test_the_form_and_the_schema_read_an_answer_alike(form_app: Flask, column: str) -> None:
    for text in (text for text in ODD if text.isprintable() and len(text) < 100):
        with form_app.test_request_context(method="POST", data={**ANSWERS, column: text}):
            form = ReferralForm(("Stafford",))
            form.validate()
            expected = by_schema(column, text)
            if expected == REFUSED:
                [message] = form[column].errors
                assert message.startswith(form[column].label.text)
            else:
                assert not form[column].errors, text
                assert form.person().get(column) == expected


def test_the_fields_of_the_schemas_are_the_columns_of_the_feeds() -> None:
    fields = {**PersonSchema().fields, **ReferralSchema().fields}
    assert set(fields) == set(REFERRAL_COLUMNS) == set(COLUMN_READERS)
    assert not set(PersonSchema().fields) & set(ReferralSchema().fields)
    for name, field in fields.items():
        assert isinstance(field, CellField)
        assert field.column is COLUMN_READERS[name] or field.column == COLUMN_READERS[name]
    assert tuple(CaseEventSchema().fields) == CASE_EVENT_COLUMNS
    assert column_readers(CaseEventSchema) == CASE_EVENT_READERS


@pytest.mark.parametrize(
    "schema", [PersonSchema(), ReferralSchema(partial=True), CaseEventSchema(partial=True)]
)
def test_a_name_that_no_schema_knows_is_refused(schema: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        schema.load({"suspect_name": "x"})
    assert set(caught.value.messages_dict) == {"suspect_name"}


def test_a_required_value_must_be_there_and_say_something() -> None:
    with pytest.raises(ValidationError) as caught:
        ReferralSchema().load({"feed_reference": "N/A", "reported_at": " "})
    assert set(caught.value.messages_dict) == {"feed_reference", "offence", "reported_at"}


@pytest.mark.parametrize("value", [7, 1.5, True, ["a"], {"a": 1}])
def test_only_text_is_loaded(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        PersonSchema().load({"town": value})
    assert caught.value.messages_dict["town"][0]["code"] == "not_text"
