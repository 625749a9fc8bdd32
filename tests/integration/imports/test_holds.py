"""Held until safe: what a feed's rows hold, and that no row that says nothing ends a hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import select

from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTED_AT, IMPORTER, import_rows, imported_referral
from tests.plumbing.accounts import MakeActor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseFacts, Task
from victim_gateway.services.referrals.safe_adult import SafeAdult, record_safe_adult
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import HeldReason, ReferralState, Role, SafeAnswer, TaskKind

HOUR = timedelta(hours=1)
NOWHERE = {"phone": "", "email": "", "address_line_1": "", "postcode": ""}
UNREADABLE, EXPLICIT, CHILD, NO_CONTACT, REFUSED = (
    HeldReason.UNREADABLE_ANSWERS,
    HeldReason.EXPLICIT_CONSENT_NEEDED,
    HeldReason.CHILD_WITHOUT_SAFE_ADULT,
    HeldReason.NO_CONTACT_DETAILS,
    HeldReason.CONSENT_REFUSED,
)


def reasons_of(row: dict[str, str]) -> tuple[HeldReason, ...]:
    return imported_referral(row).standing_reasons


def open_holds(row: dict[str, str]) -> list[Any]:
    referral = imported_referral(row)
    with transaction(IMPORTER) as session:
        found = select(Task.due_on).where(
            Task.referral_id == referral.id, Task.kind == TaskKind.HOLD_DECISION, Task.done_at.is_(None)
        )
        return list(session.scalars(found))


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ()),
        ({"offence": "Rape of a female aged 16 or over", "consent_to_referral": "not_asked"}, (EXPLICIT,)),
        ({"offence": "Rape of a female aged 16 or over", "consent_to_referral": "yes"}, ()),
        ({"offence": "Assault", "offence_code": "019/08", "consent_to_referral": ""}, (EXPLICIT,)),
        ({"offence": "Violence and sexual offences", "consent_to_referral": "not_asked"}, ()),
        ({"date_of_birth": "2014-06-07"}, (CHILD,)),
        ({"date_of_birth": "2014-06-07", "victim_type": "business"}, ()),
        ({"date_of_birth": ""}, ()),
        ({"domestic_abuse": "perhaps"}, (UNREADABLE,)),
        ({"safe_to_contact": "ask first"}, (UNREADABLE,)),
        ({"consent_to_referral": "see log"}, (UNREADABLE,)),
        ({"vulnerable": "??"}, (UNREADABLE,)),
        ({"recorded_as": "tbd by supervisor"}, (UNREADABLE,)),
        ({"persistently_targeted": "perhaps"}, ()),
        ({"sex": "see log"}, ()),
        (NOWHERE, (NO_CONTACT,)),
        (
            {
                **NOWHERE,
                "consent_to_referral": "not_asked",
                "domestic_abuse": "yes",
                "date_of_birth": "2014-06-07",
            },
            (EXPLICIT, CHILD, NO_CONTACT),
        ),
        ({"consent_to_referral": "no", "date_of_birth": "2014-06-07"}, (REFUSED, CHILD)),
    ],
)
def test_a_new_row_is_held_for_every_reason_that_applies(
    app: Flask, changes: dict[str, str], reasons: tuple[HeldReason, ...]
) -> None:
    row = feed_row(**changes)

    import_rows(row)

    referral = imported_referral(row)
    assert referral.standing_reasons == reasons
    assert referral.state is (ReferralState.HELD if reasons else ReferralState.RECEIVED)
    assert len(open_holds(row)) == bool(reasons)


def test_the_decision_about_a_gravely_held_referral_is_due_at_once_and_others_the_next_working_day(
    app: Flask,
) -> None:
    child, nowhere = feed_row(date_of_birth="2014-06-07"), feed_row(**NOWHERE)

    import_rows(child, nowhere)

    today = IMPORTED_AT.date()
    assert (open_holds(child), open_holds(nowhere)) == ([today], [today + timedelta(days=1)])


def test_a_most_serious_crime_opens_enhanced_rights(app: Flask) -> None:
    rows = [feed_row(offence="Wounding with intent (s18)"), feed_row(offence="Wounding (s20)")]

    import_rows(*rows)

    with transaction(IMPORTER) as session:
        found = {
            row.referral_id: [item["category"] for item in row.enhanced]
            for row in session.scalars(select(CaseFacts))
        }
    assert [found[imported_referral(row).id] for row in rows] == [["most_serious_crime"], []]


@pytest.mark.parametrize(
    ("first", "then", "reasons"),
    [
        ({"domestic_abuse": "perhaps"}, {"domestic_abuse": "no"}, ()),
        ({"domestic_abuse": "perhaps"}, {"domestic_abuse": "yes"}, ()),
        ({"domestic_abuse": "perhaps"}, {"domestic_abuse": ""}, (UNREADABLE,)),
        ({"domestic_abuse": "perhaps"}, {"domestic_abuse": "maybe"}, (UNREADABLE,)),
        ({"domestic_abuse": "perhaps"}, {"vulnerable": "no"}, (UNREADABLE,)),
        ({"domestic_abuse": "perhaps", "vulnerable": "?!"}, {"vulnerable": "no"}, (UNREADABLE,)),
        ({"date_of_birth": "2014-06-07"}, {"date_of_birth": ""}, (CHILD,)),
        ({"date_of_birth": "2014-06-07"}, {"date_of_birth": "unclear"}, (CHILD,)),
        ({"date_of_birth": "2014-06-07"}, {"date_of_birth": "1984-06-07"}, ()),
        (
            {"offence": "Rape", "consent_to_referral": "not_asked"},
            {"consent_to_referral": "perhaps"},
            (UNREADABLE, EXPLICIT),
        ),
        ({"offence": "Rape", "consent_to_referral": "not_asked"}, {"consent_to_referral": "yes"}, ()),
        ({"consent_to_referral": "no"}, {"consent_to_referral": "yes"}, (REFUSED,)),
        (NOWHERE, {"phone": "not a phone"}, (NO_CONTACT,)),
        (NOWHERE, {"phone": "07700 900321"}, ()),
    ],
)
def test_an_update_ends_a_hold_only_by_what_it_waited_for(
    app: Flask, first: dict[str, str], then: dict[str, str], reasons: tuple[HeldReason, ...]
) -> None:
    row = feed_row(**first)
    import_rows(row)

    import_rows({**row, **then}, at=IMPORTED_AT + HOUR)

    assert reasons_of(row) == reasons
    assert len(open_holds(row)) == bool(reasons)


SAYS_NOTHING = some.fixed_dictionaries(
    {},
    optional={
        column: some.sampled_from(["", "perhaps", "?!", "see log"])
        for column in (
            "domestic_abuse",
            "vulnerable",
            "recorded_as",
            "date_of_birth",
            "consent_to_referral",
            "phone",
        )
    },
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    some.sampled_from(
        [
            {"domestic_abuse": "perhaps"},
            {"date_of_birth": "2014-06-07"},
            {"offence": "Rape", "consent_to_referral": "not_asked"},
            NOWHERE,
            {"consent_to_referral": "no"},
        ]
    ),
    some.lists(SAYS_NOTHING, min_size=1, max_size=3),
)
def test_no_sequence_of_rows_that_can_not_be_read_ends_a_hold(
    app: Flask, first: dict[str, str], later: list[dict[str, str]]
) -> None:
    row = feed_row(**first)
    import_rows(row)
    before = set(reasons_of(row))

    for number, says_nothing in enumerate(later, start=1):
        import_rows({**row, **says_nothing}, at=IMPORTED_AT + number * HOUR)

    assert before <= set(reasons_of(row))


def test_what_a_caseworker_recorded_is_not_undone_by_a_row(app: Flask, make_actor: MakeActor) -> None:
    caseworker = make_actor(Role.CASEWORKER)
    row = feed_row(date_of_birth="2014-06-07")
    import_rows(row)
    adult = SafeAdult("Kim Testcase", "mother", SafeAnswer.YES, phone="07700 900777")
    record_safe_adult(Command(caseworker, IMPORTED_AT + HOUR), imported_referral(row).id, adult)

    import_rows({**row, "outcome": "Under investigation"}, at=IMPORTED_AT + 2 * HOUR)

    assert reasons_of(row) == ()
