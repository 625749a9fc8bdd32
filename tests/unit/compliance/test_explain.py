"""Why a clock stands as it does, in words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.generators.compliance_cases import cases
from victim_gateway.compliance.answer import answer_documents
from victim_gateway.compliance.document import read_document
from victim_gateway.compliance.editions import Entitlement, Unit, code_editions, local_edition
from victim_gateway.compliance.evaluate import evaluate
from victim_gateway.compliance.explain import explain_clock
from victim_gateway.compliance.facts import Event, Facts
from victim_gateway.times import parse_moment

ARREST = {"event": "suspect_arrested", "occurred_at": "2026-03-02T10:00"}
TOLD = "victim_told_suspect_arrested"
ENHANCED = [{"category": "most_serious_crime", "from": "2026-03-01"}]
TASK = "to tell the victim, with reasons where applicable, that a suspect has been arrested"
STANDARD = f"the police had 5 working days from Monday 2 March 2026, until Monday 9 March 2026, {TASK}"


def why(*events: dict[str, str], as_at: str = "2026-03-20T09:00", **facts: Any) -> str:
    (clock,) = answer_documents({"as_at": as_at, "facts": facts, "events": list(events)}).clocks
    return str(clock["because"])  # type: ignore[call-overload]


def test_an_overdue_clock_with_enhanced_rights() -> None:
    assert why(ARREST, enhanced=ENHANCED, observers=["partner"]) == (
        "Victims' Code 2020, paragraph 6.1: the police had 1 working day (enhanced rights) from "
        f"Monday 2 March 2026, until Tuesday 3 March 2026, {TASK}; nothing shows that it was done."
    )


def test_enhanced_rights_that_began_later_name_their_day() -> None:
    later = [{"category": "most_serious_crime", "from": "2026-03-04"}]

    assert why(ARREST, enhanced=later, observers=["partner"]) == (
        "Victims' Code 2020, paragraph 6.1: the police had 1 working day from Wednesday 4 March 2026, when "
        f"enhanced rights began, until Thursday 5 March 2026, {TASK}; nothing shows that it was done."
    )


def test_enhanced_rights_that_came_too_late_to_matter_say_so() -> None:
    late = [{"category": "most_serious_crime", "from": "2026-03-12"}]

    assert (
        "until Monday 9 March 2026 (enhanced rights since Thursday 12 March 2026 move nothing earlier)"
        in why(ARREST, enhanced=late)
    )


@pytest.mark.parametrize(
    ("told_at", "outcome"),
    [
        ("2026-03-09T23:00", "it was done on Monday 9 March 2026, in time."),
        ("2026-03-10T00:30", "it was done on Tuesday 10 March 2026, after that day."),
    ],
)
def test_a_stopped_clock_says_when(told_at: str, outcome: str) -> None:
    sentence = why(ARREST, {"event": TOLD, "occurred_at": told_at})

    assert sentence == f"Victims' Code 2020, paragraph 6.1: {STANDARD}; {outcome}"


@pytest.mark.parametrize(
    ("facts", "as_at", "outcome"),
    [
        ({}, "2026-03-06", "on Friday 6 March 2026 there is still time."),
        (
            {},
            "2026-03-20",
            "nobody who would have seen it reports to us, so whether it was done is not known.",
        ),
        (
            {"conditions": {"one_clock_per_suspect_and_occurrence": False}},
            "2026-03-20",
            "it does not apply, because 'one clock per suspect and occurrence' is not so.",
        ),
        (
            {"victim_basis": "business_contact", "conditions": {"named_contact": False}},
            "2026-03-20",
            "it does not apply to a business without a named contact.",
        ),
        (
            {"cancelled_at": "2026-03-04"},
            "2026-03-20",
            "it no longer applies, because the crime was cancelled on Wednesday 4 March 2026.",
        ),
        (
            {"declined": [{"entitlement_id": "told_suspect_arrested", "at": "2026-03-04"}]},
            "2026-03-20",
            "the victim declined this on Wednesday 4 March 2026.",
        ),
        (
            {"withheld_for_safety": [{"entitlement_id": "told_suspect_arrested", "from": "2026-03-04"}]},
            "2026-03-20",
            "it has been withheld since Wednesday 4 March 2026, because it would not be safe for the victim.",
        ),
    ],
)
def test_every_other_status_says_what_it_rests_on(facts: dict[str, Any], as_at: str, outcome: str) -> None:
    assert why(ARREST, as_at=as_at, **facts) == f"Victims' Code 2020, paragraph 6.1: {STANDARD}; {outcome}"


def test_a_duty_without_a_limit_says_so() -> None:
    started = {"event": "investigation_started", "occurred_at": "2026-03-02"}

    assert why(started) == (
        "Victims' Code 2020, paragraph 6.3 (from memory): from Monday 2 March 2026 the police had, without a "
        "fixed limit, to agree how often and by what means the victim wants updates; on Friday 20 March 2026 "
        "nothing shows yet that it was done."
    )
    assert why(started, {"event": "update_preferences_agreed", "occurred_at": "2026-03-05"}).endswith(
        "; it was done on Thursday 5 March 2026."
    )


@pytest.mark.parametrize(
    ("event", "at", "citation"),
    [
        ("suspect_charged", "2026-03-02", "Victims' Code 2020, paragraph 6.7 (from memory): the police"),
        ("wcu_received_appeal_notice", "2026-03-02",
         "Victims' Code 2020, paragraph 9 (the Right as a whole, from memory): the witness care unit"),
        ("suspect_charged", "2016-03-01", "Victims' Code 2015, Ch2 Part A s2 (from memory): the police"),
        ("suspect_released_on_police_bail", "2013-03-04",
         "Victims' Code 2006 (no paragraph number held): the police"),
    ],
)  # fmt: skip
def test_the_paragraph_is_named_as_surely_as_it_is_known(event: str, at: str, citation: str) -> None:
    assert why({"event": event, "occurred_at": at}, as_at="2026-03-03").startswith(citation)


def test_an_area_standard_is_not_taken_for_the_code() -> None:
    standard = Entitlement("local", "first_contact", "", "", "Make first contact", "gateway",
                           "referral_received", "first_contact_made", Unit.WORKING_DAY, 2, 1,
                           (), "gateway", "", "")  # fmt: skip
    received = parse_moment("2026-03-02T10:00")
    event = Event("referral_received", received, received)

    edition = local_edition([standard], title="Staffordshire standards")
    (clock,) = evaluate([edition], Facts(), [event], received)

    assert explain_clock(clock) == (
        "Staffordshire standards: the gateway had 2 working days from Monday 2 March 2026, until "
        "Wednesday 4 March 2026, to make first contact; on Monday 2 March 2026 there is still time."
    )


def test_every_sentence_is_one_sentence_and_reads_like_one() -> None:
    for case in cases(3, 500):
        document = read_document(case)
        for clock in evaluate(code_editions(), document.facts, document.events, document.as_at):
            sentence = explain_clock(clock)
            assert sentence.endswith(".") and ". " not in sentence
            assert sentence.startswith("Victims' Code 20")
            assert clock.entitlement.paragraph.removesuffix("~") in sentence
            assert not re.search(r"None|_|~|  | ,|\.\.", sentence), sentence


def test_every_duty_of_every_edition_reads_as_a_task() -> None:
    moments = {"2006": "2013-03-04", "2013": "2014-03-03", "2015": "2016-03-01", "2020": "2026-03-02"}
    tasks = set()
    for edition in code_editions():
        for entitlement in edition.entitlements:
            start = parse_moment(moments[edition.key])
            found = evaluate([edition], Facts(), [Event(entitlement.start_event, start, start)], start)
            tasks |= {
                re.split(r"(?:,|limit,|had,) to ", explain_clock(clock))[-1].split()[0] for clock in found
            }

    assert tasks == {
        "acknowledge", "agree", "allow", "ask", "assess", "explain", "give", "make", "offer", "pass", "pay",
        "record", "refer", "return", "send", "tell", "update",
    }  # fmt: skip
