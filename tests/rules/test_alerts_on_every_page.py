"""Every page of a person carries the alerts: found by walking over all addresses with a referral in them."""

from __future__ import annotations

from flask import Flask

from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.rules.test_routes import address, browsers_of, rules_of
from tests.rules.world import build
from victim_gateway.access.permissions import MATRIX
from victim_gateway.vocabulary import Role
from victim_gateway.web.permissions import permission_of

PARTS = {"referral_id", "onward_referral_id", "person_id", "group_id"}
# An ended step answers with a page of its own that is about no person; the rest of the walk must not be empty.
LEAST_PAGES = {Role.CASEWORKER: 20, Role.PROVIDER: 5}


def test_high_risk_and_domestic_abuse_stand_on_every_page_of_the_person(
    app: Flask, owner: Owner, make_actor: MakeActor
) -> None:
    world = build(owner, make_actor)
    for role, browser in browsers_of(app, owner, world, LEAST_PAGES).items():
        seen = []
        for rule in rules_of(app, "GET"):
            if not rule.arguments & PARTS or permission_of(app, rule.endpoint) not in MATRIX[role]:
                continue
            answer = browser.get(address(app, rule, world.parts))
            if answer.status_code != 200:
                continue
            _, _, alerts = answer.get_data(as_text=True).partition('aria-label="Alerts about this person"')
            alerts = alerts.partition("</section>")[0]
            assert "High risk of harm" in alerts, (role, rule.endpoint)
            assert "Domestic abuse" in alerts, (role, rule.endpoint)
            seen.append(rule.endpoint)
        assert len(seen) >= LEAST_PAGES[role], seen
