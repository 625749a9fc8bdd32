"""Rules that propose a caseworker: kept by an administrator, shown in the list, taken by a senior, told later."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.errors import NotAllowed
from victim_gateway.models import AuditEntry, Referral, ReferralAccess
from victim_gateway.services.referrals.bulk_assignment import ChosenReferral
from victim_gateway.services.referrals.proposed_assignment import (
    AvailabilityAnswers,
    give_as_proposed,
    record_availability,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

LIST = "/work/unassigned"


def test_a_rule_proposes_and_a_senior_gives_as_proposed_unless_it_holds_no_more(
    client: FlaskClient, make_actor: MakeActor, owner: Owner, caseworker: Actor, senior: Actor
) -> None:
    now = times.now()
    fits = make_actor(Role.CASEWORKER, name="Fay Fits")
    away = make_actor(Role.CASEWORKER, name="Ava Away")
    first, second, hidden, third = (make.recorded(caseworker, at=now - timedelta(hours=1)) for _ in range(4))
    with owner() as session:
        session.execute(update(Referral).values(officer_grade="high"))
        session.execute(update(Referral).where(Referral.id == hidden).values(restricted=True))
        session.add(
            ReferralAccess(
                referral_id=hidden, user_id=senior.user_id, granted_at=now, granted_by_id=senior.user_id
            )
        )
    record_availability(
        Command(senior, now),
        away.user_id,  # type: ignore[arg-type]
        AvailabilityAnswers(times.london_date(now), times.london_date(now), None),
    )

    sign_in(client, owner, make_actor(Role.ADMIN))
    new = "/system/lists/proposal_rules/new"
    assert "Choose at least one caseworker" in text_of(send(client, new, {"label": "All to all"}))
    # Fresh from the feed: nobody assessed the risk, and the officer's grade is what counts.
    chosen = {
        "label": "All to all",
        "to": [str(away.user_id), str(fits.user_id)],
        "languages": "",
        "risks": ["high"],
    }
    assert send(client, new, chosen).status_code == 302
    reworded = {**chosen, "label": "All to Fay"}
    assert send(client, "/system/lists/proposal_rules/entries/all_to_all", reworded).status_code == 302
    assert "to: Ava Away, Fay Fits" in text_of(client.get("/system/lists/proposal_rules/entries/all_to_all"))

    sign_in(client, owner, caseworker)
    page = client.get(LIST)
    assert "Proposed: Fay Fits" in text_of(page) and "give-proposed" not in page.text

    sign_in(client, owner, senior)
    page = client.get(LIST)
    proposed = dict(re.findall(r'name="proposed" value="([0-9a-f-]+)\.([0-9a-f-]+)"', page.text))
    assert set(proposed) == {str(first), str(second), str(third)}, "the restricted one has no proposal"
    boxes = {each.partition(".")[0]: each for each in re.findall(r'name="rows" value="([^"]+)"', page.text)}
    sent = {
        "csrf_token": dict(hidden_of(page))["csrf_token"],
        "proposed": [f"{one}.{user}" for one, user in proposed.items()],
    }
    given = client.post("/work/give-proposed", data={**sent, "one": boxes[str(first)]})
    assert given.status_code == 302
    with owner() as session:
        assert session.get_one(Referral, first).assigned_to_id == fits.user_id
        assert "caseworker.availability_changed" in set(session.scalars(select(AuditEntry.action)))
    assert "As the rule “All to Fay” proposes" in text_of(client.get(f"/referrals/{first}/timeline"))

    # Two more are ticked, with the restricted one, and Fay has as much as she can by then.
    form = client.get(f"/work/caseloads/{fits.user_id}/availability")
    full = {**dict(hidden_of(form)), "most_weight": "4"}
    assert client.post(f"/work/caseloads/{fits.user_id}/availability", data=full).status_code == 302
    assert "of 4" in text_of(client.get("/work/caseloads"))
    rows = [boxes[str(each)] for each in (second, hidden, third)]
    partly = text_of(client.post("/work/give-proposed", data={**sent, "rows": rows}))
    assert "1 referral given, 2 were not" in partly
    assert "have as much as they can" in partly and "No rule proposes anybody" in partly

    with pytest.raises(NotAllowed):
        give_as_proposed(Command(caseworker, now), [ChosenReferral(third, 1)], {third: fits.user_id})  # type: ignore[dict-item]
    with pytest.raises(NotAllowed):
        record_availability(Command(caseworker, now), fits.user_id, AvailabilityAnswers(None, None, None))  # type: ignore[arg-type]
