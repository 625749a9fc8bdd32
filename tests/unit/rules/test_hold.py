"""Who can be reached at all, why a referral is held, and what ends a hold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from victim_gateway.rules.hold import (
    ANY_ANSWER,
    CAPACITY_ANSWER,
    CONTACT_CONSENT,
    HARM_ORDER,
    HOLD_RULES,
    PROTECTIVE_COLUMNS,
    SCOPE_DECISION,
    WAITING_ORDER,
    HoldFacts,
    held_reason,
    in_order_of_harm,
    is_high_harm,
    reasons_after_answers,
    reasons_to_hold,
    waiting_rank,
)
from victim_gateway.rules.reachability import REACH_FIELDS, can_be_reached
from victim_gateway.vocabulary import HeldReason

REACHABLE = [
    {"phone": "+447700900123"},
    {"email": "robin@example.org"},
    {"address_line_1": "1 Mill Lane", "town": "Stafford"},
    {"address_line_1": "1 Mill Lane", "postcode": "ST16 2LL"},
    {"address_line_1": "The Old Forge", "town": "Stone", "postcode": "ST15 8AA"},
    {"address_line_1": "NFA c/o 12 Mill Lane", "town": "Stafford"},
    {"address_line_1": "No fixed abode, care of the Salvation Army", "postcode": "ST16 2LL"},
    {"address_line_1": "NFA", "phone": "+447700900123"},
    {"phone_2": "+447700900124"},
    {"safe_number": "+447700900125"},
    {"address_line_1": "Nfaville Road", "town": "Stafford"},
]
OUT_OF_REACH = [
    {},
    {"phone": "", "email": None},
    {"postcode": "ST16 2LL"},
    {"town": "Stafford", "postcode": "ST16 2LL"},
    {"address_line_1": "1 Mill Lane"},
    {"address_line_2": "1 Mill Lane", "town": "Stafford", "postcode": "ST16 2LL"},
    {"address_line_1": "NFA", "town": "Stafford", "postcode": "ST16 2LL"},
    {"address_line_1": "N.F.A.", "postcode": "ST16 2LL"},
    {"address_line_1": "n/f/a", "postcode": "ST16 2LL"},
    {"address_line_1": "No Fixed Abode", "town": "Stafford"},
    {"address_line_1": "of no fixed abode", "town": "Stafford"},
    {"address_line_1": "NO FIXED ADDRESS, STAFFORD", "postcode": "ST16 2LL"},
    {"address_line_1": "Unknown", "town": "Stafford"},
    {"address_line_1": "n/a", "postcode": "ST16 2LL"},
    {"address_line_1": " - ", "postcode": "ST16 2LL"},
    {"address_line_1": "1 Mill Lane", "town": "NFA"},
    {"address_line_1": "1 Mill Lane", "town": "Unknown", "postcode": ""},
    {"given_name": "Robin", "language": "Welsh"},
    {"guardian_name": "Kim", "guardian_phone": "+447700900126"},
]


@pytest.mark.parametrize("document", REACHABLE)
def test_a_phone_an_email_or_a_postal_address_reaches_a_person(document: dict[str, str]) -> None:
    assert can_be_reached(document)


@pytest.mark.parametrize("document", OUT_OF_REACH)
def test_a_postcode_or_no_fixed_abode_alone_reaches_nobody(document: dict[str, str | None]) -> None:
    assert not can_be_reached(document)


@pytest.mark.parametrize("document", REACHABLE)
def test_only_the_named_fields_decide_it(document: dict[str, str]) -> None:
    assert can_be_reached({name: value for name, value in document.items() if name in REACH_FIELDS})
    assert not can_be_reached({name: value for name, value in document.items() if name not in REACH_FIELDS})


PHONE = {"phone": "+447700900123"}
SAFE_ADULT = {
    "guardian_name": "Kim Testcase",
    "guardian_relationship": "mother",
    "guardian_phone": "+447700900777",
    "guardian_safe_to_contact": "yes",
}
FREE = HoldFacts(agreed=None, domestic_abuse=False, victim_type="person", person=PHONE, age=34)
REFUSED = HeldReason.CONSENT_REFUSED
DIED = HeldReason.PERSON_DIED
WITHDRAWN = HeldReason.WITHDRAWN_BY_FORCE
UNREADABLE = HeldReason.UNREADABLE_ANSWERS
EXPLICIT = HeldReason.EXPLICIT_CONSENT_NEEDED
CHILD = HeldReason.CHILD_WITHOUT_SAFE_ADULT
NO_CONTACT = HeldReason.NO_CONTACT_DETAILS
OUT_OF_SCOPE = HeldReason.OUT_OF_SCOPE


def facts(**changes: Any) -> HoldFacts:
    """Facts that hold nothing, with these changes."""
    return replace(FREE, **changes)


def child(**adult: Any) -> dict[str, Any]:
    """A child of 12 with these values of their adult in place of the good ones."""
    return {"age": 12, "person": PHONE | SAFE_ADULT | adult}


REASONS_OF_FACTS: list[tuple[dict[str, Any], tuple[HeldReason, ...]]] = [
    # consent
    ({}, ()),
    ({"agreed": True}, ()),
    ({"agreed": False}, (REFUSED,)),
    ({"agreed": False, "domestic_abuse": True}, (REFUSED,)),
    ({"agreed": False, "person": {}}, (REFUSED, NO_CONTACT)),
    ({"domestic_abuse": True}, (EXPLICIT,)),
    ({"domestic_abuse": True, "agreed": True}, ()),
    ({"is_sexual_offence": True}, (EXPLICIT,)),
    ({"is_sexual_offence": True, "agreed": True}, ()),
    ({"is_sexual_offence": True, "domestic_abuse": True}, (EXPLICIT,)),
    ({"victim_type": "bereaved_relative"}, (EXPLICIT,)),
    ({"victim_type": "bereaved_relative", "agreed": True}, ()),
    ({"victim_type": "parent_or_guardian"}, ()),
    ({"victim_type": "business", "age": None}, ()),
    ({"victim_type": "business", "age": None, "domestic_abuse": True}, (EXPLICIT,)),
    # a child
    ({"age": 18}, ()),
    ({"age": 17}, (CHILD,)),
    ({"age": 0}, (CHILD,)),
    ({"age": None}, ()),
    ({"age": 17, "agreed": True}, (CHILD,)),
    ({"age": 15, "has_capacity_answer": True}, ()),
    ({"age": 15, "has_capacity_answer": True, "is_sexual_offence": True}, (EXPLICIT,)),
    ({"age": 15, "victim_type": "parent_or_guardian"}, (CHILD,)),
    ({"age": 15, "is_sexual_offence": True}, (EXPLICIT, CHILD)),
    (child(), ()),
    (child(guardian_relationship=None), ()),
    (child(guardian_safe_to_contact="no"), (CHILD,)),
    (child(guardian_safe_to_contact="unknown"), (CHILD,)),
    (child(guardian_safe_to_contact=None), (CHILD,)),
    (child(guardian_name=None), (CHILD,)),
    (child(guardian_name=""), (CHILD,)),
    (child(guardian_phone=None), (CHILD,)),
    (child(guardian_phone="not known"), (CHILD,)),
    (child(guardian_phone="12"), (CHILD,)),
    (child(guardian_phone="07700 900777"), ()),
    (child(guardian_phone=None, guardian_other_contact="through the school"), ()),
    (child(guardian_phone=None, guardian_other_contact="by post", guardian_safe_to_contact="no"), (CHILD,)),
    # a way to reach the person
    ({"person": {}}, (NO_CONTACT,)),
    ({"person": {"postcode": "ST16 2LL"}}, (NO_CONTACT,)),
    ({"person": {"email": "robin@example.org"}}, ()),
    ({"person": {"safe_number": "+447700900125"}}, ()),
    ({"person": SAFE_ADULT, "age": 12}, ()),
    ({"person": SAFE_ADULT | {"guardian_safe_to_contact": "no"}, "age": 12}, (CHILD, NO_CONTACT)),
    ({"person": {}, "agreed": True}, (NO_CONTACT,)),
    # what could not be read
    ({"unread_protective": {"domestic_abuse"}}, (UNREADABLE,)),
    ({"unread_protective": {"consent_to_referral"}, "agreed": True}, (UNREADABLE,)),
    ({"unread_protective": {"consent_to_referral"}, "domestic_abuse": True}, (UNREADABLE, EXPLICIT)),
    # out of scope, withdrawn, died
    ({"out_of_scope": True}, (OUT_OF_SCOPE,)),
    ({"out_of_scope": True, "agreed": True, "person": {}}, (NO_CONTACT, OUT_OF_SCOPE)),
    ({"withdrawn": True}, (WITHDRAWN,)),
    ({"withdrawn": True, "agreed": True}, (WITHDRAWN,)),
    ({"deceased": True}, (DIED,)),
    ({"deceased": True, "agreed": True}, (DIED,)),
    ({"deceased": True, "withdrawn": True}, (DIED, WITHDRAWN)),
    (
        {
            "agreed": False,
            "deceased": True,
            "withdrawn": True,
            "unread_protective": {"vulnerable"},
            "domestic_abuse": True,
            "age": 9,
            "person": {},
            "out_of_scope": True,
        },
        (REFUSED, DIED, WITHDRAWN, UNREADABLE, CHILD, NO_CONTACT, OUT_OF_SCOPE),
    ),
]


@pytest.mark.parametrize(("changes", "reasons"), REASONS_OF_FACTS)
def test_every_reason_that_applies_is_found_the_gravest_first(
    changes: dict[str, Any], reasons: tuple[HeldReason, ...]
) -> None:
    assert reasons_to_hold(facts(**changes)) == reasons
    assert held_reason(facts(**changes)) is (reasons[0] if reasons else None)


def test_every_reason_has_a_rule_that_says_what_ends_it_and_who_owes_that() -> None:
    assert set(HOLD_RULES) == set(HeldReason)
    for rule in HOLD_RULES.values():
        assert rule.ended_by
        assert rule.owed_by
        assert rule.ends_with.endswith(".")


def test_the_order_is_by_harm() -> None:
    assert HARM_ORDER == (
        REFUSED, DIED, WITHDRAWN, UNREADABLE, EXPLICIT, CHILD, NO_CONTACT, OUT_OF_SCOPE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reasons", "rank"),
    [
        ((CHILD,), 0),
        ((UNREADABLE,), 1),
        ((EXPLICIT,), 2),
        ((NO_CONTACT,), 3),
        ((OUT_OF_SCOPE,), 4),
        ((REFUSED,), 5),
        ((WITHDRAWN,), 6),
        ((DIED,), 7),
        # The reason whose wait does the most harm counts, whichever is the gravest to the law.
        ((REFUSED, CHILD), 0),
        ((WITHDRAWN, EXPLICIT), 2),
        ((DIED, CHILD), 7),
        ((), 8),
    ],
)
def test_who_comes_to_harm_by_waiting_stands_first(reasons: tuple[HeldReason, ...], rank: int) -> None:
    assert waiting_rank(reasons) == rank
    assert set(WAITING_ORDER) == set(HeldReason)


@pytest.mark.parametrize(
    ("standing", "changes", "answered", "left"),
    [
        # what it waited for, said readably
        ((NO_CONTACT,), {}, {"phone"}, ()),
        ((NO_CONTACT,), {"person": SAFE_ADULT, "age": 12}, {"guardian_phone"}, ()),
        ((EXPLICIT,), {"agreed": True, "domestic_abuse": True}, {"consent_to_referral"}, ()),
        ((EXPLICIT,), {"agreed": True, "domestic_abuse": True}, {CONTACT_CONSENT}, ()),
        ((EXPLICIT,), {"domestic_abuse": False}, {"domestic_abuse"}, ()),
        ((EXPLICIT,), {}, {"offence"}, ()),
        ((CHILD,), child(), {"guardian_name"}, ()),
        ((CHILD,), {"age": 12, "has_capacity_answer": True}, {CAPACITY_ANSWER}, ()),
        ((CHILD,), {"age": 19}, {"date_of_birth"}, ()),
        ((UNREADABLE,), {}, {"vulnerable"}, ()),
        ((OUT_OF_SCOPE,), {}, {SCOPE_DECISION}, ()),
        ((OUT_OF_SCOPE,), {}, {"recorded_as"}, ()),
        ((WITHDRAWN,), {}, {"withdrawn"}, ()),
        ((DIED,), {}, {"deceased"}, ()),
        ((REFUSED,), {"agreed": True}, {CONTACT_CONSENT}, ()),
        # something else was said
        ((NO_CONTACT,), {}, {"offence"}, (NO_CONTACT,)),
        ((EXPLICIT,), {}, {"phone"}, (EXPLICIT,)),
        ((EXPLICIT,), {"agreed": True}, {"phone"}, (EXPLICIT,)),
        ((CHILD,), {"age": 19}, {"phone"}, (CHILD,)),
        ((UNREADABLE,), {}, {"phone"}, (UNREADABLE,)),
        ((WITHDRAWN,), {}, {"consent_to_referral"}, (WITHDRAWN,)),
        ((DIED,), {}, {"withdrawn"}, (DIED,)),
        ((OUT_OF_SCOPE,), {}, {"offence"}, (OUT_OF_SCOPE,)),
        # what was said does not settle it
        ((CHILD,), {"age": None}, {"date_of_birth"}, (CHILD,)),
        ((CHILD,), {"age": None}, {"guardian_name"}, (CHILD,)),
        ((EXPLICIT,), {"domestic_abuse": True}, {"consent_to_referral"}, (EXPLICIT,)),
        ((UNREADABLE,), {"unread_protective": {"deceased"}}, {"vulnerable"}, (UNREADABLE,)),
        # a yes of the police is not the person's own
        ((REFUSED,), {"agreed": True}, {"consent_to_referral", "phone"}, (REFUSED,)),
        ((REFUSED,), {"agreed": None}, ANY_ANSWER, (REFUSED,)),
        # one ends and another stays or joins
        ((EXPLICIT, CHILD), {"agreed": True, "age": 12}, {CONTACT_CONSENT}, (CHILD,)),
        ((NO_CONTACT,), {"domestic_abuse": True}, {"phone"}, (EXPLICIT,)),
        ((NO_CONTACT,), {"agreed": False}, {"offence"}, (REFUSED, NO_CONTACT)),
        ((), {"age": 12}, set(), (CHILD,)),
        ((), {}, ANY_ANSWER, ()),
    ],
)
def test_a_hold_ends_only_by_what_it_waited_for(
    standing: tuple[HeldReason, ...],
    changes: dict[str, Any],
    answered: Collection[str],
    left: tuple[HeldReason, ...],
) -> None:
    assert reasons_after_answers(standing, facts(**changes), answered) == left


ANY_FACTS = some.builds(
    HoldFacts,
    agreed=some.sampled_from([True, False, None]),
    domestic_abuse=some.booleans(),
    victim_type=some.sampled_from(["person", "business", "bereaved_relative", "parent_or_guardian"]),
    person=some.sampled_from(
        [{}, PHONE, PHONE | SAFE_ADULT, SAFE_ADULT | {"guardian_safe_to_contact": "no"}]
    ),
    is_sexual_offence=some.booleans(),
    age=some.sampled_from([None, 0, 12, 17, 18, 70]),
    has_capacity_answer=some.booleans(),
    unread_protective=some.sets(some.sampled_from(sorted(PROTECTIVE_COLUMNS)), max_size=2),
    out_of_scope=some.booleans(),
    withdrawn=some.booleans(),
    deceased=some.booleans(),
)
ANY_REASONS = some.sets(some.sampled_from(list(HeldReason))).map(in_order_of_harm)


@given(ANY_REASONS, some.lists(ANY_FACTS, min_size=1, max_size=5))
def test_no_rows_that_say_nothing_readable_end_a_hold_whatever_they_empty(
    standing: tuple[HeldReason, ...], rows: list[HoldFacts]
) -> None:
    left = standing
    for row in rows:
        left = reasons_after_answers(left, row, ())

    assert set(standing) <= set(left)


@given(ANY_REASONS, ANY_FACTS, some.sets(some.sampled_from(sorted(ANY_ANSWER))))
def test_a_reason_that_applies_always_stands_and_asking_again_changes_nothing(
    standing: tuple[HeldReason, ...], known: HoldFacts, answered: set[str]
) -> None:
    left = reasons_after_answers(standing, known, answered)

    assert set(reasons_to_hold(known)) <= set(left)
    assert reasons_after_answers(left, known, answered) == left
    assert left == in_order_of_harm(left)


@given(ANY_REASONS, ANY_FACTS, some.sets(some.sampled_from(sorted(ANY_ANSWER))))
def test_the_feed_never_ends_a_refusal(
    standing: tuple[HeldReason, ...], known: HoldFacts, answered: set[str]
) -> None:
    left = reasons_after_answers({*standing, REFUSED}, known, answered - {CONTACT_CONSENT})

    assert REFUSED in left


def test_what_may_harm_is_due_sooner() -> None:
    assert is_high_harm([NO_CONTACT, CHILD])
    assert not is_high_harm([NO_CONTACT, OUT_OF_SCOPE])
