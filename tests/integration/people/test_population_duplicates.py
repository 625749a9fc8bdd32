"""The pass over the whole population: who is proposed, who never is, and that it says plainly when it can't run."""

from __future__ import annotations

import json
import sys
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from structlog.testing import capture_logs

from tests.factories import casework
from tests.factories.casework import HOUR, MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import text_of
from victim_gateway.actors import Actor
from victim_gateway.cli import main
from victim_gateway.database.transaction import transaction
from victim_gateway.integrations.record_linkage import NOT_INSTALLED, is_linkage_installed
from victim_gateway.models import AuditEntry, Person, PersonDistinction, PersonMerge, Referral, Task
from victim_gateway.services.referrals import merged_people, person_links, tasks
from victim_gateway.services.referrals.population_duplicates import find_duplicates
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import IdentityDecision, LinkRole, Role, TaskKind
from workers.people import find_duplicates as find_duplicates_task

SERVICE = Actor.worker("tests")
LATER = MONDAY + 2 * HOUR
needs_splink = pytest.mark.skipif(
    not is_linkage_installed(), reason="the optional extra is not installed: make setup EXTRAS=splink"
)


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


class Population:
    """Pairs of records that look like one person, by family name."""

    def __init__(self, caseworker: Actor) -> None:
        self._caseworker = caseworker
        self.referrals: dict[str, tuple[UUID, UUID]] = {}

    def add(self, named: str, /, **of_second: str | None) -> tuple[UUID, UUID]:
        number = len(self.referrals)
        document = casework.person_document(
            given_name="Marta",
            family_name=named,
            date_of_birth=f"19{50 + number}-03-04",
            phone=f"+4477009001{number:02}",
            email=None,
            postcode=f"ST{number + 1} 1AA",
        )
        pair = [casework.recorded(self._caseworker, person=each) for each in (document, document | of_second)]
        self.referrals[named] = (pair[0], pair[1])
        return self.people(named)

    def link(self, person_id: UUID, named: str, role: LinkRole) -> None:
        """Link a person to the second of a pair."""
        other = casework.referral(self.referrals[named][1], SERVICE).reference
        person_links.record_link(
            Command(self._caseworker, LATER), person_id, other_reference=other, role=role
        )

    def people(self, named: str) -> tuple[UUID, UUID]:
        one, other = (casework.referral(each, SERVICE).person_id for each in self.referrals[named])
        return one, other


def proposed_pairs() -> dict[frozenset[UUID], Task]:
    with transaction(SERVICE) as session:
        rows = session.execute(
            select(Referral.person_id, Task)
            .join(Referral, Referral.id == Task.referral_id)
            .where(Task.kind == TaskKind.POSSIBLE_SAME_PERSON)
        ).all()
        session.expunge_all()
    return {
        frozenset((person_id, UUID(named["person_id"]))): task
        for person_id, task in rows
        for named in task.details["people"]
    }


@needs_splink
def test_records_of_one_person_are_proposed_once_and_nobody_who_only_looks_like_it(
    caseworker: Actor, owner: Owner, caseworker_browser: FlaskClient
) -> None:
    found = Population(caseworker)
    misspelt = found.add("Okafor", family_name="Okafer", phone="+447700900901", postcode="B79 1AA")
    moved = found.add("Brandreth", phone="+447700900902", postcode="B79 1AB")
    found.add("Harbottle", family_name="Harbotle")
    found.add("Twinn", given_name="Beatrice")
    found.add("Elder", date_of_birth="1922-11-30")
    apart = found.add("Parted", family_name="Partid")
    linked = found.add("Linker", family_name="Linkar")
    found.add("Accused", family_name="Accussed")
    hidden = found.add("Hidden", family_name="Hiddin")
    erased = found.add("Erased", family_name="Erassed")
    joined = found.add("Merged", family_name="Merget")
    # A suspect by another record of theirs is left out by this one too.
    aside, veiled = found.add("Aside", date_of_birth="1931-01-02"), found.add("Veiled", family_name="Veilid")
    with owner() as session:
        closed = {"state": "closed", "closed_at": LATER, "outcome": "needs_met"}
        session.execute(
            update(Referral).where(Referral.id.in_(found.referrals["Harbottle"])).values(**closed)
        )
        session.execute(update(Person).where(Person.id == hidden[1]).values(restricted=True))
        session.execute(update(Referral).where(Referral.person_id == hidden[1]).values(restricted=True))
        session.execute(update(Person).where(Person.id == erased[1]).values(erased_at=LATER))
        lower, higher = sorted(apart)
        session.add(
            PersonDistinction(
                lower_id=lower, higher_id=higher, recorded_at=LATER, recorded_by_id=caseworker.user_id
            )
        )
        session.add(
            PersonMerge(
                kept_id=veiled[0], merged_id=aside[1], merged_at=LATER, merged_by_id=caseworker.user_id
            )
        )
        session.commit()
    found.link(moved[0], "Aside", LinkRole.SUSPECT)
    found.link(linked[0], "Linker", LinkRole.HOUSEHOLD)
    found.link(moved[0], "Accused", LinkRole.SUSPECT)
    merged_people.merge_people(Command(caseworker, LATER), *joined, reason=None)

    trial = find_duplicates(actor=SERVICE, at=LATER, is_dry_run=True)
    assert (trial.proposed, proposed_pairs()) == (2, {})
    with capture_logs() as logged:
        find_duplicates_task()

    proposals = proposed_pairs()
    assert set(proposals) == {frozenset(misspelt), frozenset(moved)}
    asked = proposals[frozenset(misspelt)]
    assert asked.referral_id == found.referrals["Okafor"][1]
    assert (asked.details["found_by"], len(asked.details["people"])) == ("whole_population", 1)
    assert "name:damerau_levenshtein_1" in asked.details["people"][0]["explanation"]
    counts = {
        name: value for entry in logged for name, value in entry.items() if entry["event"].endswith("done")
    }
    assert (counts["settled"], counts["at_rest"], counts["proposed"]) == (2, 1, 2)
    assert (counts["refused_another_name"], counts["refused_another_birth_date"]) == (1, 1)
    with owner() as session:
        written = session.execute(select(AuditEntry.action, AuditEntry.entry)).all()
        assert len(session.scalars(select(PersonMerge.id)).all()) == 2
    everything = json.dumps(
        [*(row.entry for row in written), *logged, *(t.details for t in proposals.values())]
    )
    assert not [
        word for word in ("Okaf", "okaf", "Marta", "marta", "7700900", "ST1 1AA") if word in everything
    ]
    assert {"people.linkage_begun", "people.linkage_done", "person.duplicate_proposed"} <= {
        row.action for row in written
    }

    page = caseworker_browser.get(f"/referrals/{asked.referral_id}/tasks/{asked.id}/compare")
    assert "Found by the whole-population pass" in text_of(page)
    assert "same birth date, name one letter different" in text_of(page)
    assert "Found by the whole-population pass" in text_of(caseworker_browser.get("/people/duplicates"))

    tasks.record_identity_decision(
        Command(caseworker, LATER + HOUR),
        asked.referral_id,
        task_id=asked.id,
        decision=IdentityDecision.DIFFERENT_PEOPLE,
    )
    again = find_duplicates(actor=SERVICE, at=LATER + HOUR)
    assert (again.proposed, again.settled, again.waiting) == (0, 4, 0)
    assert set(proposed_pairs()) == {frozenset(misspelt), frozenset(moved)}


def test_without_the_extra_command_task_and_health_say_so_in_one_line(
    app: Flask, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)

    ran = CliRunner().invoke(main, ["people", "find-duplicates"])
    assert (ran.exit_code, ran.stdout, ran.stderr) == (1, "", f"gateway: {NOT_INSTALLED}\n")
    with capture_logs() as logged:
        find_duplicates_task()
    assert [entry["event"] for entry in logged] == ["people.linkage_not_installed"]
    with owner() as session:
        assert (
            session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("people.linkage%"))).all()
            == []
        )
