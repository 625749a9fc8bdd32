"""Closing a referral: what is open, what is typed, and what changed meanwhile."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from tests.factories import casework as make
from tests.plumbing.moments import at_recently
from tests.plumbing.pages import send, text_of
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.referrals import status
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    AttemptOutcome,
    CloseOutcome,
    ReferralState,
)


def test_closing_lists_what_is_open_with_links(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    make.log_attempt(referral_id, caseworker, at=times.now(), outcome=AttemptOutcome.WRONG_NUMBER)
    page = caseworker_browser.get(f"/referrals/{referral_id}/close")
    assert "1 thing is still open" in text_of(page)
    assert f"/referrals/{referral_id}/safe-contact" in page.get_data(as_text=True)


def test_closing_for_no_contact_needs_the_areas_number_of_tries(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=at_recently())
    page = send(caseworker_browser, f"/referrals/{referral_id}/close", {"outcome": "no_contact"})
    assert page.status_code == 422
    assert "Try 3 times before you close for this reason" in text_of(page)


def test_a_closed_referral_is_closed_with_an_outcome_and_can_be_reopened(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assessed(caseworker, at=at_recently())
    closed = send(caseworker_browser, f"/referrals/{referral_id}/close", {"outcome": "needs_met"})
    assert closed.status_code == 302
    assert make.referral(referral_id, caseworker).outcome is CloseOutcome.NEEDS_MET
    reopened = send(
        caseworker_browser, f"/referrals/{referral_id}/reopen", {"reason_text": "They called again"}
    )
    assert reopened.status_code == 302
    assert make.referral(referral_id, caseworker).state is ReferralState.REOPENED


def test_a_stale_close_shows_what_was_typed_and_what_changed(
    caseworker_browser: FlaskClient, caseworker: Actor, senior: Actor
) -> None:
    referral_id = make.assessed(caseworker, at=at_recently())
    address = f"/referrals/{referral_id}/close"
    opened = caseworker_browser.get(address).get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', opened))
    status.assign_referral(Command(senior, times.now()), referral_id, to_user_id=senior.user_id)  # type: ignore[arg-type]
    page = caseworker_browser.post(
        address, data={**hidden, "outcome": "other", "outcome_text": "Moved to Wales"}
    )
    assert page.status_code == 409
    assert "Moved to Wales" in page.get_data(as_text=True)
    assert "Given to a caseworker" in text_of(page)
    assert make.referral(referral_id, caseworker).state is ReferralState.TRIAGED


def test_a_close_that_does_not_say_what_it_saw_closes_nothing(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.assessed(caseworker, at=at_recently())
    address = f"/referrals/{referral_id}/close"
    opened = caseworker_browser.get(address).get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', opened))
    del hidden["version"]
    assert (
        caseworker_browser.post(address, data={**hidden, "outcome": "other", "outcome_text": "x"}).status_code
        == 409
    )
    assert make.referral(referral_id, caseworker).state is ReferralState.TRIAGED
