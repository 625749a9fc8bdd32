"""The pages of a hold: what ends it and who owes that, and the forms that lead there."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.factories import casework as make
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from tests.web.referrals.test_record_pages import ANSWERS, check, save
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.models import Person, Referral
from victim_gateway.rules.hold import HOLD_RULES, waiting_rank
from victim_gateway.vocabulary import HeldReason, ReferralState
from victim_gateway.web.labels import label_of

ADULT = {
    "guardian_name": "Kim Testcase",
    "guardian_relationship": "foster carer",
    "guardian_safe_to_contact": "yes",
    "guardian_phone": "07700 900777",
}
TODAY = {
    f"assessed_on-{part}": getattr(times.london_date(times.now()), part) for part in ("day", "month", "year")
}


def yesterday() -> datetime:
    return times.now() - timedelta(days=1)


def of_child(caseworker: Actor, **changes: object) -> UUID:
    person = make.person_document(date_of_birth=f"{yesterday().year - 12}-01-05")
    return make.recorded(caseworker, at=yesterday(), person=person, **changes)


def hold(
    owner: Owner, referral_id: UUID, *reasons: HeldReason, as_given: dict[str, str] | None = None
) -> None:
    """The referral as the feed would have held it for these reasons."""
    with owner() as session:
        referral = session.get_one(Referral, referral_id)
        referral.state = ReferralState.HELD
        referral.set_held_reasons(reasons)
        if as_given:
            key = encrypted_rows.open_key(session, session.get_one(Person, referral.person_id).key_id)
            referral.sealed = encrypted_rows.seal_row(key, "referral", referral.id, {"as_given": as_given})


@pytest.mark.parametrize("reason", list(HeldReason))
def test_each_reason_says_what_ends_it_and_who_owes_that(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner, reason: HeldReason
) -> None:
    referral_id = make.recorded(caseworker, at=yesterday())
    hold(owner, referral_id, reason)
    for address in ("", "/release"):
        page = caseworker_browser.get(f"/referrals/{referral_id}{address}")
        assert page.status_code == 200
        assert label_of(reason) in text_of(page)
        assert HOLD_RULES[reason].ends_with in text_of(page)
        assert "Who owes that: " in text_of(page)


def test_every_reason_is_shown_and_the_answers_as_the_police_gave_them(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.recorded(caseworker, at=yesterday())
    hold(
        owner,
        referral_id,
        HeldReason.UNREADABLE_ANSWERS,
        HeldReason.NO_CONTACT_DETAILS,
        as_given={"domestic_abuse": "perhaps <b>", "sex": "see log"},
    )
    text = text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert text.count("“perhaps <b>”") == 1
    assert "As given: “perhaps <b>”" in text
    assert label_of(HeldReason.NO_CONTACT_DETAILS) in text


def test_the_held_list_begins_with_whoever_comes_to_harm_by_waiting(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    held = [
        (HeldReason.CONSENT_REFUSED,),
        (HeldReason.PERSON_DIED, HeldReason.NO_CONTACT_DETAILS),
        (HeldReason.NO_CONTACT_DETAILS,),
        (HeldReason.WITHDRAWN_BY_FORCE, HeldReason.EXPLICIT_CONSENT_NEEDED),
        (HeldReason.CONSENT_REFUSED, HeldReason.CHILD_WITHOUT_SAFE_ADULT),
        (HeldReason.UNREADABLE_ANSWERS,),
    ]
    by_reference = {}
    for reasons in held:
        referral_id = make.recorded(caseworker, at=yesterday())
        hold(owner, referral_id, *reasons)
        by_reference[make.referral(referral_id, caseworker).reference] = reasons
    page = caseworker_browser.get("/work/held").get_data(as_text=True)
    listed = re.findall(r"vg-table__under\">(SG-[0-9-]+)<", page)
    assert [by_reference[reference] for reference in listed] == sorted(held, key=waiting_rank)


def test_a_caseworker_names_a_safe_adult_and_work_goes_on(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = of_child(caseworker)
    assert "Name a safe adult" in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    address = f"/referrals/{referral_id}/safe-adult"
    refused = send(caseworker_browser, address, {})
    assert refused.status_code == 422
    for message in ("Enter the adult's name", "Enter who they are to the child", "Choose whether it is safe"):
        assert message in text_of(refused)
    saved = send(caseworker_browser, address, ADULT)
    assert saved.status_code == 302
    assert "The referral is not on hold" in text_of(caseworker_browser.get(saved.location))
    assert make.referral(referral_id, caseworker).state is ReferralState.RECEIVED
    opened = caseworker_browser.get(address).get_data(as_text=True)
    assert 'value="Kim Testcase"' in opened
    assert "900777" not in opened


def test_an_adult_who_is_not_safe_is_saved_and_the_hold_stays(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = of_child(caseworker)
    saved = send(
        caseworker_browser, f"/referrals/{referral_id}/safe-adult", ADULT | {"guardian_safe_to_contact": "no"}
    )
    assert "still on hold" in text_of(caseworker_browser.get(saved.location))
    assert make.referral(referral_id, caseworker).held_reason is HeldReason.CHILD_WITHOUT_SAFE_ADULT


def test_an_adult_who_is_not_safe_is_called_safe_by_a_senior_who_says_why(
    caseworker_browser: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    referral_id = of_child(caseworker)
    address = f"/referrals/{referral_id}/safe-adult"
    send(caseworker_browser, address, ADULT | {"guardian_safe_to_contact": "no"})
    page = caseworker_browser.get(address)
    assert "not safe to contact. Only a senior caseworker can change that" in text_of(page)
    assert 'name="reason"' not in page.get_data(as_text=True)
    refused = send(caseworker_browser, address, ADULT)
    assert (refused.status_code, "Only a senior caseworker" in text_of(refused)) == (422, True)
    sign_in(caseworker_browser, owner, senior)
    assert "Enter why" in text_of(send(caseworker_browser, address, ADULT))
    assert send(caseworker_browser, address, ADULT | {"reason": "The court cleared her"}).status_code == 302
    assert "The court cleared her" in text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))


def test_a_safe_adult_needs_a_number_or_another_way(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    address = f"/referrals/{of_child(caseworker)}/safe-adult"
    without = {name: value for name, value in ADULT.items() if name != "guardian_phone"}
    refused = send(caseworker_browser, address, without)
    assert (refused.status_code, "another way to reach them" in text_of(refused)) == (422, True)
    assert (
        send(caseworker_browser, address, without | {"guardian_other_contact": "The school"}).status_code
        == 302
    )


def test_a_capacity_answer_ends_the_hold(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = of_child(caseworker)
    address = f"/referrals/{referral_id}/capacity"
    refused = send(caseworker_browser, address, {})
    assert "Enter when it was assessed" in text_of(refused)
    answers = {
        "assessed_by": "Sam Nurse, school nurse",
        "note": "Asks for help and knows what we do",
        **TODAY,
    }
    assert send(caseworker_browser, address, answers).status_code == 302
    assert make.referral(referral_id, caseworker).state is ReferralState.RECEIVED


def test_only_a_senior_takes_what_is_out_of_scope(
    caseworker_browser: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    referral_id = make.recorded(caseworker, at=yesterday())
    hold(owner, referral_id, HeldReason.OUT_OF_SCOPE)
    address = f"/referrals/{referral_id}/take-out-of-scope"
    assert caseworker_browser.get(address).status_code == 403
    assert "Take it all the same" not in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    sign_in(caseworker_browser, owner, senior)
    assert "Take it all the same" in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert send(caseworker_browser, address, {}).status_code == 422
    assert send(caseworker_browser, address, {"reason_text": "The mediator is away"}).status_code == 302
    assert make.referral(referral_id, senior).state is ReferralState.RECEIVED


def test_a_page_of_a_version_before_saves_nothing(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    referral_id = of_child(caseworker)
    address = f"/referrals/{referral_id}/safe-adult"
    old = dict(hidden_of(caseworker_browser.get(address)))
    send(caseworker_browser, f"/referrals/{referral_id}/capacity", {
        "assessed_by": "Sam Nurse", "note": "Understands it", **TODAY,
    })  # fmt: skip
    assert caseworker_browser.post(address, data={**old, **ADULT}).status_code == 409


def test_the_held_queue_stands_by_harm_and_names_every_reason(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    unreachable = make.recorded(caseworker, at=yesterday() - timedelta(days=9))
    child = of_child(caseworker)
    refused = make.recorded(caseworker, at=yesterday(), agreed=False)
    hold(owner, unreachable, HeldReason.NO_CONTACT_DETAILS)
    hold(owner, child, HeldReason.CHILD_WITHOUT_SAFE_ADULT, HeldReason.OUT_OF_SCOPE)
    text = text_of(caseworker_browser.get("/work/held"))
    places = [text.index(make.referral(each, caseworker).reference) for each in (child, unreachable, refused)]
    assert places == sorted(places)
    assert "a child without a named safe adult; not a type of referral that we take" in text


def test_the_form_records_a_child_with_a_safe_adult_and_holds_one_without(
    caseworker_browser: FlaskClient, owner: Owner
) -> None:
    born = {"date_of_birth-year": str(yesterday().year - 12)}
    checked = check(caseworker_browser, ANSWERS | born | {"given_name": "Ann", "phone": "07700 900322"})
    assert "Their safe adult" not in text_of(checked) or "Kim" not in text_of(checked)
    save(caseworker_browser, checked)
    checked = check(
        caseworker_browser, ANSWERS | born | ADULT | {"given_name": "Ben", "family_name": "Other"}
    )
    assert "Kim Testcase" in text_of(checked)
    save(caseworker_browser, checked)
    with owner() as session:
        states = [referral.state for referral in session.query(Referral).order_by(Referral.reference)]
    assert states == [ReferralState.HELD, ReferralState.RECEIVED]
