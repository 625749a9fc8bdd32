"""The same person can be reached, or can't, whichever door the referral came in by."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from tests.factories import casework
from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTED_AT, import_rows, imported_referral
from victim_gateway.actors import Actor
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import Referral
from victim_gateway.services.referrals import corrections, status
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import HeldReason, ReferralState, SafeAnswer

HOUR = timedelta(hours=1)
NOWHERE = {"phone": "", "email": "", "address_line_1": "", "address_line_2": "", "town": "", "postcode": ""}
HELD = (ReferralState.HELD, HeldReason.NO_CONTACT_DETAILS)
FREE = (ReferralState.RECEIVED, None)
# What is known of where the person is, and whether that is a way to reach them.
DETAILS = [
    ({"postcode": "ST16 2LL"}, HELD),
    ({"address_line_1": "1 Mill Lane"}, HELD),
    ({"address_line_1": "NFA", "town": "Stafford", "postcode": "ST16 2LL"}, HELD),
    ({"address_line_1": "No fixed abode", "postcode": "ST16 2LL"}, HELD),
    ({"address_line_1": "1 Mill Lane", "postcode": "ST16 2LL"}, FREE),
    ({"address_line_1": "1 Mill Lane", "town": "Stafford"}, FREE),
    ({"phone": "07700 900123"}, FREE),
    ({"email": "robin@example.org"}, FREE),
]
every_door = pytest.mark.parametrize(("known", "outcome"), DETAILS)


def standing(referral: Referral) -> tuple[ReferralState, HeldReason | None]:
    return referral.state, referral.held_reason


def typed_by_hand(caseworker: Actor, **known: str) -> UUID:
    person = {"given_name": "Robin", "family_name": "Nowhere", **known}
    unsaid = SafeContactAnswer(SafeAnswer.UNKNOWN)
    return casework.recorded(caseworker, at=IMPORTED_AT, person=person, safe_contact=unsaid)


@every_door
def test_a_new_row_of_the_feed(app: Flask, known: dict[str, str], outcome: tuple[object, object]) -> None:
    row = feed_row(**{**NOWHERE, **known})

    import_rows(row)

    assert standing(imported_referral(row)) == outcome


@every_door
def test_a_changed_row_ends_the_hold_or_leaves_it(
    app: Flask, known: dict[str, str], outcome: tuple[object, object]
) -> None:
    row = feed_row(**NOWHERE)
    import_rows(row)

    import_rows({**row, **known}, at=IMPORTED_AT + HOUR)

    assert standing(imported_referral(row)) == outcome


@every_door
def test_a_changed_row_that_takes_the_rest_away_holds_what_nobody_works_on(
    app: Flask, known: dict[str, str], outcome: tuple[object, object]
) -> None:
    row = feed_row()
    import_rows(row)

    import_rows({**row, **NOWHERE, **known}, at=IMPORTED_AT + HOUR)

    assert standing(imported_referral(row)) == outcome


@every_door
def test_a_referral_typed_by_hand(
    caseworker: Actor, known: dict[str, str], outcome: tuple[object, object]
) -> None:
    referral_id = typed_by_hand(caseworker, **known)

    assert standing(casework.referral(referral_id, caseworker)) == outcome


@every_door
def test_a_correction_ends_the_hold_by_itself_or_nothing_does(
    caseworker: Actor, known: dict[str, str], outcome: tuple[object, object]
) -> None:
    referral_id = typed_by_hand(caseworker)
    corrections.correct_details(
        Command(caseworker, IMPORTED_AT + HOUR, version=casework.referral(referral_id, caseworker).version),
        referral_id,
        known,
    )

    if outcome == HELD:
        with pytest.raises(TransitionNotAllowed, match="Add a phone number"):
            status.release_referral(Command(caseworker, IMPORTED_AT + 2 * HOUR), referral_id)

    assert standing(casework.referral(referral_id, caseworker)) == outcome


def test_a_town_that_comes_later_completes_an_address(app: Flask) -> None:
    row = feed_row(**{**NOWHERE, "address_line_1": "1 Mill Lane"})
    import_rows(row)

    import_rows({**row, "town": "Stafford"}, at=IMPORTED_AT + HOUR)

    assert standing(imported_referral(row)) == FREE
