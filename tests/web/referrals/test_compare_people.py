"""Two people side by side: why they may be one, what a caseworker says, and that neither is written over."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTED_AT, IMPORTER, import_rows, imported_person, imported_referral
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import send, text_of
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import Person, Task
from victim_gateway.services.referrals import tasks
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask, open_task
from victim_gateway.vocabulary import IdentityDecision, Role, TaskKind


def two_alike() -> tuple[dict[str, str], dict[str, str]]:
    """A person who is known, and one with the same phone and birth date whose name is a letter different."""
    shared = {"given_name": "Marta", "phone": "07700 900201", "email": ""}
    known = feed_row(**shared, family_name="Okafor", postcode="ST16 1AA")
    other = feed_row(**shared, family_name="Okafer", postcode="B79 1AA")
    import_rows(known)
    import_rows(other)
    return known, other


def task_of(row: dict[str, str]) -> UUID:
    referral_id = imported_referral(row).id
    with transaction(IMPORTER) as session:
        return session.scalars(
            select(Task.id).where(Task.referral_id == referral_id, Task.kind == "possible_same_person")
        ).one()


def address(row: dict[str, str], task_id: UUID) -> str:
    return f"/referrals/{imported_referral(row).id}/tasks/{task_id}/compare"


def reference_conflict(row: dict[str, str], *person_ids: UUID) -> UUID:
    """The task that an import opens when a row names this person by a reference but is about another."""
    asked = NewTask(
        kind=TaskKind.REFERENCE_CONFLICT,
        referral_id=imported_referral(row).id,
        dedupe_key=f"reference:{uuid4()}",
        details={
            "person_ids": [str(person_id) for person_id in person_ids],
            "columns": ["given_name", "date_of_birth"],
            "batch": 7,
            "row": 3,
        },
    )
    with transaction(IMPORTER) as session:
        return open_task(session, asked, at=IMPORTED_AT)


def test_the_page_says_why_and_shows_no_number_and_no_address(caseworker_browser: FlaskClient) -> None:
    known, other = two_alike()
    page = caseworker_browser.get(address(other, task_of(other)))

    shown = text_of(page)
    assert "same phone and birth date, name one letter different" in shown
    assert "Marta Okafor" in shown
    assert "Marta Okafer" in shown
    assert "Same phone, another postcode" in shown
    assert imported_referral(known).reference in shown
    assert not re.search("900201|ST16|B79", page.get_data(as_text=True))


def test_the_referral_links_to_the_comparison_and_has_no_button_that_just_ends_it(
    caseworker_browser: FlaskClient,
) -> None:
    _, other = two_alike()
    page = caseworker_browser.get(f"/referrals/{imported_referral(other).id}").get_data(as_text=True)
    assert address(other, task_of(other)) in page
    assert f"/tasks/{task_of(other)}/done" not in page


@pytest.mark.parametrize(
    ("decision", "title"), [("different_people", "two different people"), ("same_person", "the same person")]
)
def test_what_was_found_is_recorded_and_both_records_stay(
    caseworker_browser: FlaskClient, caseworker: Actor, decision: str, title: str
) -> None:
    known, other = two_alike()
    before = imported_person(known), imported_person(other)
    page = address(other, task_of(other))

    answer = send(caseworker_browser, page, {"decision": decision})

    assert answer.status_code == 302
    assert answer.location.endswith("/correct") is (decision == "same_person")
    assert (imported_person(known), imported_person(other)) == before
    referral_id = imported_referral(other).id
    assert make.open_tasks(referral_id, caseworker) == []
    timeline = text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))
    assert f"They are {title}" in timeline


def test_nothing_chosen_is_asked_for(caseworker_browser: FlaskClient) -> None:
    _, other = two_alike()
    answer = send(caseworker_browser, address(other, task_of(other)), {})
    assert answer.status_code == 422
    assert "Choose whether they are one person" in text_of(answer)


def test_a_reference_given_to_two_people_is_compared(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    known = feed_row(given_name="Marta", family_name="Okafor", date_of_birth="1984-02-11")
    other = feed_row(given_name="Reginald", family_name="Tweddle", date_of_birth="1948-09-30")
    import_rows(known, other)
    task_id = reference_conflict(known, imported_referral(other).person_id)

    overview = caseworker_browser.get(f"/referrals/{imported_referral(known).id}")
    page = caseworker_browser.get(address(known, task_id))

    assert "The force used this reference for another person too" in text_of(overview)
    shown = text_of(page)
    assert "row 3 of import 7" in shown
    assert "given name, date of birth" in shown
    assert "Reginald Tweddle" in shown
    assert "another birth date, another name" in shown
    assert (
        send(caseworker_browser, address(known, task_id), {"decision": "different_people"}).status_code == 302
    )
    assert imported_person(known)["given_name"] == "Marta"

    # Said of the wrong two: taken back in the browser, on the page of either.
    of_other = f"/people/{imported_referral(other).person_id}"
    listed = caseworker_browser.get(of_other).get_data(as_text=True)
    (taken_back,) = re.findall(r'href="(/people/[^"]+/take-back)"', listed)
    assert send(caseworker_browser, taken_back, {}).status_code == 422
    assert send(caseworker_browser, taken_back, {"reason": "A typing slip."}).status_code == 302
    assert "take-back" not in caseworker_browser.get(of_other).get_data(as_text=True)
    assert caseworker_browser.get(taken_back).status_code == 404


def test_a_row_that_was_set_aside_leaves_one_person_to_look_at(caseworker_browser: FlaskClient) -> None:
    known = feed_row()
    import_rows(known)
    page = caseworker_browser.get(address(known, reference_conflict(known)))
    assert page.status_code == 200
    assert "no record beside this one" in text_of(page)


def test_a_person_who_was_restricted_since_is_not_shown(
    caseworker_browser: FlaskClient, owner: Owner
) -> None:
    known, other = two_alike()
    with owner() as session:
        session.get_one(Person, imported_referral(known).person_id).restricted = True
    shown = text_of(caseworker_browser.get(address(other, task_of(other))))
    assert "Okafor" not in shown


def test_a_task_of_another_kind_and_of_another_referral_is_not_found(caseworker_browser: FlaskClient) -> None:
    known, other = two_alike()
    assert caseworker_browser.get(address(known, task_of(other))).status_code == 404


def test_comparing_is_not_ticked_off_and_a_check_is_not_compared(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    _, other = two_alike()
    with pytest.raises(TransitionNotAllowed):
        tasks.tick_off_task(
            Command(caseworker, IMPORTED_AT), imported_referral(other).id, task_id=task_of(other)
        )
    referral_id = make.assigned(make_actor(Role.CASEWORKER))
    with transaction(IMPORTER) as session:
        asked = NewTask(kind=TaskKind.SAFE_CONTACT_CHECK, referral_id=referral_id, dedupe_key="a check")
        task_id = open_task(session, asked, at=IMPORTED_AT)
    with pytest.raises(TransitionNotAllowed):
        tasks.record_identity_decision(
            Command(caseworker, IMPORTED_AT),
            referral_id,
            task_id=task_id,
            decision=IdentityDecision.DIFFERENT_PEOPLE,
        )
