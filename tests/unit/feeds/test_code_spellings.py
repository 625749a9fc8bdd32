"""What people write for a code, a yes, or nothing at all; and that no unreadable answer loosens protection."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.plumbing.property_tests import examples
from tests.unit.feeds.samples import GOOD, IMPORTED_AT, PLACES, accepted
from victim_gateway.compliance.victim_categories import ENHANCING_FLAGS
from victim_gateway.feeds.columns import REFERRAL_COLUMNS
from victim_gateway.feeds.facts import referral_facts
from victim_gateway.feeds.folding import CODE_PLACEHOLDERS
from victim_gateway.feeds.hate_strand import HATE_STRAND_NOT_NAMED
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.schemas.referral_rows import COLUMN_READERS, parse_referral_row
from victim_gateway.vocabulary import PROTECTIVE_COLUMNS

YES_OR_NO = (
    *("interpreter_needed", "vulnerable", "intimidated", "persistently_targeted", "serious_crime"),
    *("domestic_abuse", "children_present", "repeat_victim", "withdrawn", "deceased"),
)
BLANK = (
    *("", " ", "NULL", "N/A", "n/a", "NA", "-", "--", "none", "nil", "Not recorded", "not_recorded"),
    *("Unknown", "not  known", "U/K", "Unmapped Local Code", "blank", "TBC", "?", "XXX", "***", "\u2013"),
)
NOT_KNOWN_YET = ("TBC", "?", "XXX", "***")
# Columns in which one of those words is an answer, or must be said.
SAYS_SOMETHING = frozenset(
    {"preferred_contact", "safe_to_contact", "guardian_safe_to_contact", "sex", "district"}
)


@pytest.mark.parametrize("column", YES_OR_NO)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("yes", "YES ", "Yes", "y", "Y", "true", "TRUE", "True", "1")),
        *((text, False) for text in ("no", " No", "n", "N", "false", "FALSE", "0")),
    ],
)
def test_yes_and_no_are_read_in_every_usual_spelling(column: str, text: str, value: bool) -> None:
    row, warnings = accepted(**{column: text})
    assert (getattr(row, column), warnings, row.unread) == (value, [], frozenset())


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("sex", "Male", "M"),
        ("sex", "female", "F"),
        ("sex", "Non-Binary", "X"),
        ("sex", "Intersex", "X"),
        ("sex", "Not known", "U"),
        ("sex", "Not Specified", "U"),
        ("recorded_as", "Not a crime", "non_crime"),
        ("recorded_as", "Incident", "non_crime"),
        ("recorded_as", "Anti-social behaviour", "asb"),
        ("victim_type", "Parent or Guardian", "parent_or_guardian"),
        ("victim_type", "Company", "business"),
        ("preferred_contact", "Telephone", "phone"),
        ("preferred_contact", "Mobile", "phone"),
        ("preferred_contact", "Text", "sms"),
        ("preferred_contact", "E-mail", "email"),
        ("preferred_contact", "Letter", "post"),
        ("preferred_contact", "None", "none"),
        ("safe_to_contact", "Not safe", "no"),
        ("safe_to_contact", "N", "no"),
        ("safe_to_contact", "Not known", "unknown"),
        ("guardian_safe_to_contact", "Unknown", "unknown"),
        ("consent_to_referral", "Refused", "no"),
        ("consent_to_referral", "Not-Asked", "not_asked"),
        ("consent_to_referral", "Y", "yes"),
        ("risk_assessment", "High Risk", "high"),
        ("risk_assessment", "STANDARD", "standard"),
        ("deceased", "2026-02-27", True),
        ("deceased", "27/2/2026", True),
        ("phone_type", "MOBH", "mobile home"),
        ("phone_type", "LANW", "landline work"),
        ("phone_type", "Mobile", "mobile"),
        ("asb_type", "Rowdy Behaviour", "rowdy behaviour"),
        ("asb_type", "drone over the garden", "drone over the garden"),
        ("ethnicity", "1", "White: British"),
        ("ethnicity", "W1", "White: British"),
        ("ethnicity", "17", "Arab"),
        ("ethnicity", "ns", "Prefer not to say"),
        ("ethnicity", "Cornish", "Cornish"),
        ("uprn", "10001", "000000010001"),
        ("offence_code", "8/6", "008/06"),
        ("offence_code", "105A / 1", "105A/01"),
        ("offence_code", "th68001a", "TH68001A"),
        ("offence_code", "COML025", "COML025"),
        ("offence_code", "LOCAL-7", "LOCAL-7"),
        ("district", "Newcastle under Lyme", "Newcastle-under-Lyme"),
        ("district", "STOKE ON TRENT", "Stoke-on-Trent"),
        ("district", "City of Stoke-on-Trent", "Stoke-on-Trent"),
        ("force", "staffordshire", "Staffordshire Police"),
        ("force", "Cleveland Police", "Cleveland Police"),
        ("address_line_1", "No Fixed Abode", None),
        ("address_line_1", "NFA", None),
        ("hate_strand", "Race; Religion", "race; religion"),
        ("hate_strand", "Homophobic", "sexual orientation"),
        ("hate_strand", "Disability", "disability"),
        ("email", "mailto:robin@example.org.", "robin@example.org"),
        ("email", "<robin@example.org>;", "robin@example.org"),
    ],
)
def test_the_plain_words_for_a_code_are_read(column: str, text: str, value: object) -> None:
    row, warnings = accepted(**{column: text})
    assert (getattr(row, column), warnings, row.unread) == (value, [], frozenset())


@pytest.mark.parametrize("column", sorted(set(REFERRAL_COLUMNS) - SAYS_SOMETHING - set(GOOD)))
def test_a_placeholder_is_blank_in_every_column(column: str) -> None:
    is_coded = COLUMN_READERS[column].placeholders is CODE_PLACEHOLDERS
    for text in BLANK:
        row, warnings = accepted(**{column: text})
        # Of a coded answer it may be known that there is one: that is not blank.
        unread = {column} if is_coded and text in NOT_KNOWN_YET else set()
        assert (getattr(row, column), row.unread) == (None, unread), text
        assert unread or all(code == "placeholder" for _, code in warnings), text


@pytest.mark.parametrize("text", ["0", "0000", "000000000000"])
@pytest.mark.parametrize(
    "column", ["crime_number", "incident_number", "offence_code", "uprn", "victim_reference"]
)
def test_noughts_alone_are_no_reference(column: str, text: str) -> None:
    assert getattr(accepted(**{column: text})[0], column) is None


@pytest.mark.parametrize("column", ["victim_reference", "given_name", "family_name"])
def test_a_placeholder_for_a_person_is_said(column: str) -> None:
    assert accepted(**{column: "UNKNOWN"})[1] == [(column, "placeholder")]


def test_names_that_are_placeholders_elsewhere_are_kept_as_they_are_written() -> None:
    assert [accepted(given_name=name)[0].given_name for name in ("Na", "Nil")] == ["Na", "Nil"]


@pytest.mark.parametrize(
    "text",
    [
        *("N", "0", "FALSE", "-", "NULL", "Nil", "Not recorded", "Unknown", "No", "n/a", "None", "blank"),
        *("Not a hate crime", "No hate element", "x"),
    ],
)
def test_no_hate_strand_makes_nobody_enhanced(text: str) -> None:
    row, _ = accepted(hate_strand=text)
    assert row.hate_strand is None
    assert row.unread == ({"hate_strand"} if text == "x" else frozenset())


@pytest.mark.parametrize("text", ["Y", "Yes", "1", "true", "Hate crime"])
def test_a_bare_yes_protects_and_asks_for_the_strand(text: str) -> None:
    row, warnings = accepted(hate_strand=text)
    assert (row.hate_strand, warnings) == (HATE_STRAND_NOT_NAMED, [("hate_strand", "strand_not_named")])


def test_of_several_strands_those_that_can_be_read_are_kept() -> None:
    row, warnings = accepted(hate_strand="Race, something else")
    assert (row.hate_strand, warnings) == ("race", [("hate_strand", "not_in_list")])


def protection(row: Any) -> tuple[bool, ...]:
    """What a row protects by, each true where it does."""
    facts = referral_facts(row, imported_at=IMPORTED_AT, with_history=False)
    return (
        row.safe_to_contact != "yes",
        row.consent_to_referral != "yes",
        facts.opens_code_clocks,
        *(bool(getattr(row, flag)) for flag in ENHANCING_FLAGS),
        bool(row.hate_strand),
        row.risk_assessment == "high",
        row.guardian_safe_to_contact != "yes",
        bool(row.deceased),
        bool(row.withdrawn),
    )


@settings(max_examples=examples(2_000))
@given(column=st.sampled_from(sorted(PROTECTIVE_COLUMNS)), text=st.text(max_size=20))
def test_no_unreadable_value_leaves_less_protection_than_blank(column: str, text: str) -> None:
    outcome = parse_referral_row({**GOOD, column: text}, number=2, imported_at=IMPORTED_AT, places=PLACES)
    if isinstance(outcome, RejectedRow):
        return
    blank, _ = accepted(**{column: ""})
    if column in outcome.row.unread:
        assert getattr(outcome.row, column) is None
        assert protection(outcome.row) == protection(blank)
        assert column in {warning.column for warning in outcome.warnings}


CELLS = st.text(max_size=40) | st.sampled_from(
    (*BLANK, "yes", "N", "07700 900123", "1/2/2026", "ST16 2LL", "Dr A")
)


@settings(max_examples=examples(2_000))
@given(st.dictionaries(st.sampled_from((*REFERRAL_COLUMNS, "beat", "age")), CELLS))
def test_every_given_value_is_in_the_row_or_named_or_blank_by_rule(cells: dict[str, str]) -> None:
    outcome = parse_referral_row({**GOOD, **cells}, number=2, imported_at=IMPORTED_AT, places=PLACES)
    if isinstance(outcome, RejectedRow):
        assert outcome.reasons
        return
    named = {warning.column for warning in outcome.warnings}
    assert outcome.row.unread <= named
    assert outcome.row.columns == {*GOOD, *cells} & set(REFERRAL_COLUMNS)
    for column in outcome.row.columns - named:
        if getattr(outcome.row, column) is None:
            assert COLUMN_READERS[column](cells[column]) is None


IDEMPOTENT = sorted(
    set(REFERRAL_COLUMNS) - {column for column in REFERRAL_COLUMNS if column.endswith("_at")} - set(GOOD)
)


@settings(max_examples=examples(2_000))
@given(column=st.sampled_from(IDEMPOTENT), text=CELLS)
@example(column="address_line_1", text="*\x1b")
def test_what_was_read_reads_as_itself(column: str, text: str) -> None:
    first = parse_referral_row({**GOOD, column: text}, number=2, imported_at=IMPORTED_AT, places=PLACES)
    value = getattr(first.row, column) if isinstance(first, Accepted) else None
    if value is None or column in ("occurred_from", "occurred_to"):
        return
    written = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    again, _ = accepted(**{column: written})
    assert getattr(again, column) == value
