"""The directory in the browser: kept by administrators with its history, read by caseworkers, said by providers."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from werkzeug.datastructures import MultiDict

from tests.integration.onward_referrals.arrange import a_provider, a_referral, events_of, offered
from tests.integration.onward_referrals.successions import work_until_over
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import (
    AuditEntry,
    DirectoryChange,
    DirectoryUpload,
    OnwardReferral,
    ProviderService,
)
from victim_gateway.provider_vocabulary import DirectoryStep, ServiceCapacity
from victim_gateway.queries.providers import directory_pages
from victim_gateway.rules.handover import HandoverText
from victim_gateway.rules.service_capacity import CapacityStatement
from victim_gateway.services import onward_referrals
from victim_gateway.services.providers import directory
from victim_gateway.services.providers.capacity import set_service_capacity
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

EARLIER = timedelta(days=1)
ORGANISATION = {
    "provider_name": "Harbour Support",
    "provider_description": "Listens to people harmed by crime.",
    "active_from-day": "1",
    "active_from-month": "4",
    "active_from-year": "2024",
}
SERVICE = {
    "service_name": "Counselling",
    "service_description": "One to one.",
    "harms": "violence",
    "needs": "finance_and_benefits",
    "districts": "Stafford",
    "min_age": "18",
    "languages": "English, Polish",
    "answer_within": "2",
    "answer_unit": "working_days",
    "explicit_consent_only": "y",
    "funder": "The Commissioner",
}


def test_an_administrator_keeps_organisations_and_services_with_their_history(
    client: FlaskClient, make_actor: MakeActor, owner: Owner
) -> None:
    sign_in(client, owner, make_actor(Role.ADMIN, name="Ada Min"))
    assert "Enter the name of the organisation" in text_of(send(client, "/directory/providers/new", {}))
    refused = send(
        client, "/directory/providers/new", {**ORGANISATION, "provider_name": "Perpetrator programme"}
    )
    assert refused.status_code == 422 and "no way of getting there" in text_of(refused)
    added = send(client, "/directory/providers/new", ORGANISATION)
    provider = str(added.location)
    wrong = text_of(
        send(client, f"{provider}/services/new", {**SERVICE, "min_age": "old", "answer_unit": ""})
    )
    assert "Use a whole number of years" in wrong
    again = send(client, f"{provider}/services/new", SERVICE)
    service = str(again.location).removesuffix("/capacity")
    assert send(client, str(again.location), {"capacity": "places"}).status_code == 422
    assert send(client, str(again.location), {"capacity": "places", "places": "3"}).status_code == 302

    shown = text_of(client.get(service))
    assert "3 places Last confirmed today" in shown
    assert "Answers within 2 working days" in shown
    assert "Only with their own explicit yes" in shown
    opened = client.get(f"{service}/change")
    assert (
        send(
            client,
            f"{service}/change",
            {**SERVICE, "districts": ["Stafford", "Tamworth"], "min_age": "", "kind": "isva"},
        ).status_code
        == 302
    )
    stale = client.post(f"{service}/change", data={**dict(hidden_of(opened)), **SERVICE, "submission_id": ""})
    assert stale.status_code == 409
    shown = text_of(client.get(service))
    assert "Where people must live: Stafford, Tamworth Before: Stafford" in shown
    assert "Youngest age: nothing Before: 18" in shown
    assert "Kind of service: Independent sexual violence adviser Before: General support" in shown
    assert "Changed by Ada Min" in shown and "Languages English, Polish" in shown

    assert _press(client, service, f"{service}/retire").status_code == 302
    assert "Counselling" not in text_of(client.get("/directory"))
    assert "Counselling" in text_of(
        client.get("/directory?retired=yes&need=finance_and_benefits&harm=violence")
    )
    assert "No service fits these filters" in text_of(client.get("/directory?retired=yes&district=Lichfield"))
    assert "Retired by Ada Min" in text_of(client.get(service))
    seen = dict(hidden_of(client.get(service)))
    assert client.post(f"{service}/restore", data=seen).status_code == 302
    assert client.post(f"{service}/restore", data=seen).status_code == 409
    assert _press(client, provider, f"{provider}/retire").status_code == 302
    assert "none of its services is offered" in text_of(client.get(provider))
    with owner() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence)).all()
    assert [each for each in actions if each.startswith(("directory.", "service."))] == [
        "directory.added",
        "directory.added",
        "service.capacity_set",
        "directory.changed",
        "directory.retired",
        "directory.restored",
        "directory.retired",
    ]


def test_a_file_is_looked_at_before_it_is_taken_over_whole(
    client: FlaskClient, make_actor: MakeActor, owner: Owner, worker_actor: Actor
) -> None:
    a_provider(owner, make_actor, "new-era", districts=["Stafford"])
    admin = make_actor(Role.ADMIN)
    sign_in(client, owner, admin)
    before = directory.export_entries(actor=worker_actor)
    written = client.get("/directory/export/csv").get_data()
    assert client.get("/directory/export/openreferral").json[0]["name"] == "Support service"

    broken = _upload(client, written.replace(b"Stafford", b"Leeds"))
    assert broken.status_code == 422
    assert "Row 2, districts: Leeds is not known here" in text_of(broken)
    same = client.get(str(_upload(client, written).location))
    assert "It would change nothing" in text_of(same)
    address = str(_upload(client, written.replace(b"Stafford", b"Tamworth")).location)
    preview = client.get(address)
    assert "Where people must live: Tamworth Before: Stafford" in text_of(preview)
    assert directory.export_entries(actor=worker_actor) == before
    with owner() as session:
        session.scalars(select(ProviderService)).one().districts = ["Lichfield"]
    stale = client.post(address, data=dict(hidden_of(preview)))
    assert stale.status_code == 409 and "Before: Lichfield" in text_of(stale)
    done = client.post(address, data={**dict(hidden_of(stale)), "submission_id": ""})
    assert done.status_code == 302
    assert directory.export_entries(actor=worker_actor)[0].districts == ("Tamworth",)
    assert client.get(address).status_code == 404
    with owner() as session:
        assert session.scalars(select(DirectoryUpload.id)).all() == []


def _press(client: FlaskClient, page: str, address: str):  # type: ignore[no-untyped-def]
    """Press a button of a page, with what the page sends along."""
    return client.post(address, data=dict(hidden_of(client.get(page))))


def _upload(client: FlaskClient, data: bytes):  # type: ignore[no-untyped-def]
    hidden = dict(hidden_of(client.get("/directory/upload")))
    return client.post("/directory/upload", data={**hidden, "file": (BytesIO(data), "directory.csv")})


def test_a_provider_says_its_capacity_and_an_acceptance_takes_a_place(
    client: FlaskClient, make_actor: MakeActor, owner: Owner, caseworker: Actor
) -> None:
    given, other = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "brake")
    sign_in(client, owner, given.provider)
    page = client.get("/our-service")
    assert "You have not confirmed this yet" in text_of(page)
    assert "Brake" not in text_of(page)
    address = f"/our-service/{given.service_id}"
    assert client.get(f"/our-service/{other.service_id}").status_code == 404
    assert _press(client, "/our-service", f"/our-service/{other.service_id}/confirm").status_code == 404
    opened = client.get(address)
    assert send(client, address, {"capacity": "places", "places": "1", "wait_days": "7"}).status_code == 302
    stale = client.post(address, data={**dict(hidden_of(opened)), "capacity": "closed", "submission_id": ""})
    assert stale.status_code == 409 and "it now says 1 place" in text_of(stale)

    # Two are offered while one place is left; the second acceptance finds none to take.
    onwards = [offered(caseworker, given, at=times.now() - EARLIER) for _ in range(2)]
    for onward_id in onwards:
        onward_referrals.accept_onward_referral(Command(given.provider, times.now()), onward_id)
    shown = text_of(client.get(address))
    assert "Accepted a person: one place less by Test provider" in shown
    assert "Full: no places left" in text_of(client.get("/our-service"))
    assert _press(client, address, f"{address}/confirm").status_code == 302
    with owner() as session:
        steps = session.scalars(select(DirectoryChange.step).order_by(DirectoryChange.changed_at)).all()
        row = session.get_one(ProviderService, given.service_id)
        assert (row.places, row.is_open) == (0, False)
    assert steps == [
        DirectoryStep.CAPACITY_SET,
        DirectoryStep.PLACE_TAKEN,
        DirectoryStep.CAPACITY_CONFIRMED,
    ]

    # Below the program: only its own services, only what it says, in its own name.
    for statement in (
        f"UPDATE provider_service SET capacity = 'closed' WHERE id = '{other.service_id}' RETURNING id",
        f"SELECT id FROM provider_service WHERE id = '{other.service_id}'",
        "SELECT id FROM directory_upload",
    ):
        with pytest.raises((NotFound, ProgrammingError)), transaction(given.provider) as session:
            if session.execute(text(statement)).first() is None:
                raise NotFound
    history = (
        "INSERT INTO directory_change (id, provider_id, service_id, changed_at, by_id, by_name, is_by_provider,"
        " step, before, after) SELECT gen_random_uuid(), provider_id, id, now(), {by}, 'x', {own}, '{step}',"
        " '{{}}', '{{}}' FROM provider_service WHERE id = '" + str(given.service_id) + "'"
    )
    admin, me = make_actor(Role.ADMIN), "gateway_user_id()"
    for actor, statement in (
        (given.provider, "UPDATE provider_service SET min_age = 5"),
        (given.provider, "DELETE FROM directory_change"),
        (given.provider, history.format(by=me, own="true", step="changed")),
        (given.provider, history.format(by=f"'{admin.user_id}'::uuid", own="true", step="capacity_set")),
        (given.provider, history.format(by=me, own="false", step="capacity_set")),
        (admin, history.format(by=f"'{caseworker.user_id}'::uuid", own="false", step="changed")),
        (caseworker, history.format(by=me, own="false", step="capacity_set")),
        (caseworker, "UPDATE provider_service SET capacity = 'open'"),
    ):
        with pytest.raises(ProgrammingError), transaction(actor) as session:
            session.execute(text(statement))
    with pytest.raises(NotFound):
        set_service_capacity(Command(other.provider, times.now()), given.service_id, CapacityStatement())


def test_a_full_service_comes_last_and_is_offered_only_with_a_reason(
    client: FlaskClient, make_actor: MakeActor, owner: Owner, caseworker: Actor
) -> None:
    full = a_provider(owner, make_actor, "a-full-one", capacity=ServiceCapacity.CLOSED)
    free = a_provider(owner, make_actor, "new-era")
    referral_id = a_referral(caseworker, at=times.now() - EARLIER)
    sign_in(client, owner, caseworker)
    listed = text_of(client.get(f"/referrals/{referral_id}/refer-on"))
    assert listed.index("New Era") < listed.index("A Full One")
    assert "Closed to new people Full" in listed
    today = times.london_date(times.now())
    answers = {
        "share": ["name"],
        "agreed": "yes",
        "how": "by_phone",
        **{f"given_on-{part}": str(getattr(today, part)) for part in ("day", "month", "year")},
        "step": "check",
    }
    address = f"/referrals/{referral_id}/refer-on/{full.service_id}"
    refused = send(client, address, answers)
    assert refused.status_code == 422 and "Say why you offer it all the same" in text_of(refused)
    reason = "Agreed with Jo there by telephone."
    check = send(client, address, {**answers, "full_reason": reason})
    assert check.status_code == 200
    sent = client.post(address, data=MultiDict([*hidden_of(check), ("step", "send")]))
    assert sent.status_code == 302
    assert reason in text_of(client.get(str(sent.location)))
    sign_in(client, owner, full.provider)
    with owner() as session:
        onward_id = session.scalars(text("SELECT id FROM onward_referral")).one()
    assert reason in text_of(client.get(f"/onward-referrals/{onward_id}"))
    event = next(e for e in events_of(owner, onward_id) if e.event == "onward_referral.offered_while_full")
    assert event.details == {"capacity": "closed"} and reason.encode() not in bytes(event.sealed or b"")
    # One with places asks for nothing.
    assert not any(
        e.event == "onward_referral.offered_while_full"
        for e in events_of(owner, offered(caseworker, free, at=times.now() - EARLIER))
    )


def test_a_senior_sees_counts_before_a_successor_takes_over_and_what_stayed_after(
    client: FlaskClient, make_actor: MakeActor, owner: Owner, caseworker: Actor, senior: Actor
) -> None:
    old, new = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "harbour")
    for _ in range(2):
        offered(caseworker, old, at=times.now() - EARLIER)
    named = offered(
        caseworker,
        old,
        at=times.now() - EARLIER,
        texts=HandoverText(what_happened="x", wants="New Era only."),
    )
    sign_in(client, owner, senior)
    page = f"/directory/providers/{old.provider.organisation_id}"
    assert "Its work goes to another provider" in text_of(client.get(page))
    assert "Harbour" in text_of(client.get(f"{page}/successor"))
    address = f"{page}/successor/{new.provider.organisation_id}"
    chosen = {f"service_{old.service_id}": str(new.service_id)}
    opened = send(client, address, chosen)
    there = opened.headers["Location"]
    succession_id = UUID(there.rpartition("/")[2])
    assert "0 of 3 were looked at" in text_of(client.get(there))
    assert "0 of 3" in text_of(client.get(f"{there}/progress"))
    early = client.post(f"{there}/agree", data=dict(hidden_of(client.get(there))))
    assert early.status_code == 409 and "still being looked at" in text_of(early)
    work_until_over(succession_id, times.now())
    shown = text_of(client.get(there))
    assert "2 onward referrals would go to Harbour" in shown
    assert "What was handed over names this provider 1" in shown
    assert "Wilma" not in shown
    agreed = client.post(f"{there}/agree", data=dict(hidden_of(client.get(there))))
    assert agreed.headers["Location"] == there
    assert "0 of 3 have had their turn" in text_of(client.get(there))
    work_until_over(succession_id, times.now())
    after = text_of(client.get(page))
    assert "Its work went to Harbour. Old records keep it." in after
    assert "What stayed, for a person to decide" in after
    result = text_of(client.get(there))
    assert "2 moved to Harbour" in result
    assert "To decide" in result
    again = client.post(f"{there}/agree", data=dict(hidden_of(client.get(address))))
    assert again.status_code == 409 and "took over its work already" in text_of(again)
    assert send(client, address, chosen).status_code == 409
    with owner() as session:
        reference = session.get_one(OnwardReferral, named).reference
        moved_to = session.scalars(select(OnwardReferral.provider_id).where(OnwardReferral.id != named)).all()
    assert reference in after and reference in result
    assert moved_to.count(new.provider.organisation_id) == 2
    consents = text_of(client.get(f"/referrals/{_other_referral(owner, named)}/consent"))
    assert "Carried over" in consents


def _other_referral(owner: Owner, onward_id: UUID) -> UUID:
    """The referral of another onward referral than this one."""
    with owner() as session:
        chosen = select(OnwardReferral.referral_id).where(OnwardReferral.id != onward_id)
        return session.scalars(chosen.limit(1)).one()


def test_the_list_goes_on_from_a_service_and_back(
    make_actor: MakeActor, owner: Owner, caseworker: Actor
) -> None:
    given = a_provider(owner, make_actor, "new-era")
    with owner() as session:
        session.add_all(
            ProviderService(
                provider_id=given.provider.organisation_id,
                key=f"more-{number}",
                name=f"More {number:03}",
                description="x",
            )
            for number in range(directory_pages.PAGE_SIZE + 5)
        )
    chosen, today = directory_pages.DirectoryFilter(), times.london_date(times.now())
    with transaction(caseworker) as session:
        first = directory_pages.directory_page(session, chosen, today=today)
        second = directory_pages.directory_page(session, chosen, today=today, position=first.after)
        back = directory_pages.directory_page(
            session, chosen, today=today, position=second.before, is_before=True
        )
    assert (len(first.lines), len(second.lines), first.total) == (50, 6, 56)
    assert (first.before, second.after) == (None, None)
    assert [line.name for line in back.lines] == [line.name for line in first.lines]
