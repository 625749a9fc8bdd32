"""The main pages of each role take no more statements than `tests/data/page_statements.csv` says, and read no large
table from end to end that is not named there.

Where a page needs fewer, write the table anew, so that it can't grow back: `tests/plumbing/page_plans.py` says how.
"""

from __future__ import annotations

import os

from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import Connection

from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.page_plans import (
    PageStatements,
    fill_large_tables,
    listening,
    read_kept,
    write_kept,
)
from tests.plumbing.sign_in import form_token, sign_in
from tests.rules.world import World, build
from victim_gateway.vocabulary import Role

QUEUE = ("mine", "team", "unassigned", "high", "waiting", "held")
OF_A_REFERRAL = (
    "overview details timeline notes rights contact safe_contact consent assessment onward_referrals"
    " support".split()
)
# Figures are counted over a whole period: what of it a plan may read is for the tests of the figures.
FIGURES = ("compliance.overview", "compliance.duty", "compliance.service")
PAGES: dict[Role, tuple[str, ...]] = {
    Role.CASEWORKER: (
        *(f"work_queue.home {tab}" for tab in QUEUE),
        *(f"referrals.{name}" for name in OF_A_REFERRAL),
        "onward_referrals.overview",
        "onward_referrals.offer_group",
        "people.search",
        "person.overview",
        "person.duplicates",
        "incidents.home",
        "incidents.one",
    ),
    Role.SENIOR: (
        "work_queue.home team",
        "caseloads.home",
        "caseloads.of_caseworker",
        "group_reviews.home",
        "group_reviews.one",
        "referrals.group_review",
        "imports.home",
        "imports.batch",
    ),
    Role.MANAGER: (*FIGURES, "compliance.report"),
    Role.ADMIN: ("users.home", "system.state"),
    Role.AUDITOR: ("audit.home", "audit.who_saw"),
    Role.PROVIDER: (
        "onward_referrals.inbox",
        "onward_referrals.section",
        "onward_referrals.detail",
        "onward_list.home",
        "providers.our_figures",
        "reminders.home mine",
    ),
    Role.PROVIDER_ADMINISTRATOR: ("members.home", "members.detail"),
}


def test_no_page_takes_more_statements_or_reads_more_of_a_large_table_than_is_written_down(
    app: Flask, client: FlaskClient, owner: Owner, make_actor: MakeActor, connection: Connection
) -> None:
    world = build(owner, make_actor)
    with owner() as session:
        fill_large_tables(session)
    found = {}
    for role, pages in PAGES.items():
        sign_in(client, owner, world.actors[role])
        for page in pages:
            found[role.value, page] = look(app, client, connection, page, world)
    if os.environ.get("WRITE_PAGE_STATEMENTS"):
        write_kept(found)
    kept = read_kept()
    assert found.keys() == kept.keys()
    grown = {
        key: (each.statements, kept[key].statements, sorted(each.scanned - kept[key].scanned))
        for key, each in found.items()
        if each.statements > kept[key].statements or each.scanned - kept[key].scanned
    }
    assert not grown, "statements now, statements before, tables that were not read whole before"


def look(app: Flask, client: FlaskClient, connection: Connection, page: str, world: World) -> PageStatements:
    """Ask for one page, with a second look for the search, which answers a form."""
    endpoint, _, part = page.partition(" ")
    with app.test_request_context():
        rule = next(
            rule
            for rule in app.url_map.iter_rules(endpoint)
            if "GET" in (rule.methods or ()) and bool(part) <= bool(rule.arguments)
        )
        chosen = {name: part or world.parts[name] for name in rule.arguments}
        address = url_for(endpoint, **chosen)
    form = {"text": "Alex Testcase", "csrf_token": form_token(client, address)} if "search" in page else None
    # Once before, so that what a process learns once is not counted.
    assert client.get(address).status_code == 200, page
    with listening(connection, explain=endpoint not in FIGURES) as log:
        answer = client.post(address, data=form) if form else client.get(address)
    assert answer.status_code == 200, page
    return PageStatements(log.statements, frozenset(log.scanned))
