"""The pages of who works for a provider: its administrator, the Gateway's, and who works for two."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID, uuid4

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.integration.onward_referrals.arrange import a_provider, offered, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import form_token, sign_in
from victim_gateway import times
from victim_gateway.models import Membership, Note, User
from victim_gateway.services import onward_referrals
from victim_gateway.services.accounts import memberships
from victim_gateway.services.accounts.memberships import MemberAccess
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason, Role

CHOICE = "/sign-in/organisation"


def membership_id_of(owner: Owner, user_id: UUID | None) -> UUID:
    with owner() as session:
        return session.scalars(select(Membership.id).where(Membership.user_id == user_id)).one()


def choose(browser: FlaskClient, organisation_id: UUID | None, address: str = CHOICE) -> str:
    answer = send(browser, address, {"organisation": str(organisation_id)})
    assert answer.status_code == 302, text_of(answer)
    return answer.headers["Location"]


def test_who_works_for_two_providers_chooses_changes_and_a_page_of_the_other_is_refused(
    client: FlaskClient, owner: Owner, make_actor: MakeActor
) -> None:
    caseworker, admin = make_actor(Role.CASEWORKER), make_actor(Role.ADMIN)
    home, other = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "rj-hub")
    now = times.now()
    mine, theirs = (offered(caseworker, given, at=now) for given in (home, other))
    assert home.provider.user_id is not None
    memberships.add_membership(
        Command(admin, now), home.provider.user_id, "rj-hub", MemberAccess(Role.PROVIDER, all_services=True)
    )
    first = sign_in(client, owner, home.provider)

    asked = client.get("/inbox", follow_redirects=True)

    assert asked.request.path == CHOICE and asked.request.args["next"] == "/inbox"
    assert "Which organisation are you working for?" in text_of(asked)
    assert "Choose the organisation" in text_of(send(client, CHOICE, {}))
    assert choose(client, home.provider.organisation_id, f"{CHOICE}?next=/inbox") == "/inbox"
    inbox = client.get("/inbox")
    assert "Change organisation" in inbox.text and "New Era" in inbox.text
    assert onward_row(owner, mine).reference in inbox.text
    assert onward_row(owner, theirs).reference not in inbox.text
    # One tab stays open with a form of this organisation, while the other is chosen.
    stale = dict(hidden_of(client.get(f"/onward-referrals/{mine}/message")))
    cookie = client.get_cookie("session")
    assert choose(client, other.provider.organisation_id) == "/"
    changed = client.get_cookie("session")
    assert cookie and changed and len({first, cookie.value, changed.value}) == 3
    refused = client.post(f"/onward-referrals/{mine}/message", data={**stale, "subject": "A", "body": "B"})
    assert refused.status_code == 400
    assert "You are working for Rj Hub now. Nothing was saved." in text_of(refused)
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(Note)) == 0
    assert client.get(f"/onward-referrals/{mine}").status_code == 404
    now_shown = client.get("/inbox").text
    assert onward_row(owner, mine).reference not in now_shown
    assert onward_row(owner, theirs).reference in now_shown


def test_who_works_for_one_is_neither_asked_nor_shown_a_switcher(
    client: FlaskClient, owner: Owner, make_actor: MakeActor
) -> None:
    sign_in(client, owner, a_provider(owner, make_actor).provider)
    assert "Change organisation" not in client.get("/inbox").text
    assert client.get(CHOICE).headers["Location"] == "/"
    assert client.get("/our-users").status_code == 403


def test_a_providers_administrator_adds_limits_and_ends_an_account(
    client: FlaskClient, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor, "new-era")
    boss = make_actor(Role.PROVIDER_ADMINISTRATOR, organisation="new-era", name="Beth Onions")
    sign_in(client, owner, boss)
    named = {"role": "provider", "reach": "named"}
    new = {"name": "Jo Marsh", "email": "jo@new-era.example", **named}

    assert "Choose at least one service" in text_of(send(client, "/our-users/new", new))
    added = send(client, "/our-users/new", {**new, "services": [str(given.service_id)]})

    assert "Starting password for Jo Marsh" in text_of(added)
    with owner() as session:
        user_id = session.scalars(select(User.id).where(User.email == "jo@new-era.example")).one()
    one = f"/our-users/{membership_id_of(owner, user_id)}"
    listed = text_of(client.get("/our-users"))
    assert "Nobody sees what is referred to" not in listed
    assert "Jo Marsh" in listed and "Support service" in listed and "Provider administrator" in listed
    assert send(client, f"{one}/access", {"role": "senior", "reach": "all"}).status_code == 422
    assert send(client, f"{one}/access", {"role": "provider", "reach": "none"}).status_code == 302
    assert "sees no referrals" in text_of(client.get(one))
    # Of this service the referrals would wait unread: one account is left without it, one has left.
    with owner() as session:
        colleague = select(Membership.id).where(Membership.user_id == given.provider.user_id)
        colleague_id = session.scalars(colleague).one()
    token = {"csrf_token": form_token(client, one)}
    assert client.post(f"/our-users/{colleague_id}/end", data=token).status_code == 302
    assert "Nobody sees what is referred to: Support service" in text_of(client.get("/our-users"))
    for step in ("new-password", "reset-codes"):
        assert send(client, f"{one}/{step}", {}).status_code in (200, 302)
    token = {"csrf_token": form_token(client, one)}
    assert client.post(f"{one}/end", data=token).status_code == 302
    assert "No access since" in text_of(client.get(one))
    assert client.post(f"{one}/restore", data=token).status_code == 302
    # Looking after accounts shows no referral, and an empty inbox says so.
    assert "You were not given any service" in text_of(client.get("/inbox"))
    own = f"/our-users/{membership_id_of(owner, boss.user_id)}"
    last = client.post(f"{own}/end", data=token)
    assert last.status_code == 403 and "last administrator" in text_of(last)


def test_the_gateways_administrator_gives_a_second_organisation_and_takes_it_away(
    client: FlaskClient, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor, "new-era")
    a_provider(owner, make_actor, "rj-hub")
    sign_in(client, owner, make_actor(Role.ADMIN))
    account = f"/system/users/{given.provider.user_id}"

    nothing = send(client, f"{account}/organisations", {"organisation": ""})
    assert nothing.status_code == 422 and "Choose the provider" in text_of(nothing)
    answer = send(client, f"{account}/organisations", {"organisation": "rj-hub"})

    access = answer.headers["Location"]
    shown = text_of(client.get(account))
    assert "Rj Hub" in shown and "No services: this account sees no referrals" in shown
    assert send(client, access, {"role": "provider", "reach": "all"}).headers["Location"] == account
    token = {"csrf_token": form_token(client, account)}
    for step, said in (("end", "No access since"), ("restore", "All services")):
        assert client.post(f"{access}/{step}", data=token).status_code == 302
        assert said in text_of(client.get(account))
    staff = make_actor(Role.CASEWORKER)
    assert "Works for" not in text_of(client.get(f"/system/users/{staff.user_id}"))
    refused = send(client, f"/system/users/{staff.user_id}/organisations", {"organisation": "rj-hub"})
    assert "one account never sees both sides" in text_of(refused)


def test_all_referrals_are_filtered_found_by_name_and_counted(
    app: Flask, client: FlaskClient, owner: Owner, make_actor: MakeActor
) -> None:
    caseworker, given = make_actor(Role.CASEWORKER), a_provider(owner, make_actor, "new-era")
    now = times.now()
    ended, kept = (offered(caseworker, given, at=now - timedelta(days=day)) for day in (5, 4))
    onward_referrals.decline_onward_referral(
        Command(given.provider, now, submission_id=uuid4()),
        ended,
        reason=DeclineReason.NO_CAPACITY,
        text="Full.",
    )
    sign_in(client, owner, given.provider)
    names = {each: onward_row(owner, each).reference for each in (ended, kept)}

    everything = client.get("/all-referrals")

    assert f"/onward-referrals/{kept}" in everything.text
    assert f"/onward-referrals/{ended}" not in everything.text
    shown = text_of(everything)
    assert names[ended] in shown and "Declined by you" in shown and "Ashdown" not in everything.text
    only = text_of(client.get("/all-referrals?stands=ended"))
    assert names[ended] in only and names[kept] not in only
    assert "No referral fits" in text_of(client.get("/all-referrals?reference=NO-SUCH"))
    found = text_of(send(client, "/all-referrals/by-name", {"name": "wilm"}))
    assert "1 referral found" in found and "Wilma Ashdown" in found
    assert "Nobody found" in text_of(send(client, "/all-referrals/by-name", {"name": "Peter"}))
    figures = client.get("/our-service/figures")
    assert "Our figures" in text_of(figures)
    file = client.post(
        "/our-service/figures.csv", data={"csrf_token": form_token(client, "/our-service/figures")}
    ).get_data(as_text=True)
    head, total = (line.split(",") for line in file.lstrip("\ufeff").splitlines()[:2])
    row = dict(zip(head, total, strict=True))
    assert (row["of"], row["offered"], row["declined"], row["unanswered"]) == ("all", "2", "1", "1")
    assert re.fullmatch(r"[0-9.]+", row["days_to_answer_median"])
