"""The directory goes to Open Referral and back without loss, and a file from a stranger is refused in plain words."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask

from tests.integration.onward_referrals.arrange import MORNING
from tests.plumbing import ROOT
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.errors import UnusableFile
from victim_gateway.provider_vocabulary import AnswerUnit, ServiceCapacity, ServiceKind
from victim_gateway.services.providers import directory
from victim_gateway.services.providers.directory_entries import DirectoryEntry, build_entry, cells_of
from victim_gateway.services.providers.open_referral import (
    HSDS,
    SCHEMAS,
    directory_as_open_referral,
    open_referral_validator,
    read_open_referral,
)
from victim_gateway.services.shared.command import Command

SHIPPED = ROOT / "victim_gateway" / "data" / "providers-staffordshire.csv"
UK_PROFILE = SCHEMAS / "uk-profile-3.0-service.json"
FULL = DirectoryEntry(
    provider_key="acme",
    provider_name="Acme, Help & Co",
    provider_description="Helps people.\nIn two lines.",
    active_from=date(2020, 1, 1),
    active_until=date(2030, 1, 1),
    service_key="acme-help",
    service_name='Help "at once"',
    service_description="Listens; and then helps.",
    serves="victims",
    districts=("Stafford", "Tamworth"),
    needs=("finance_and_benefits", "drugs_and_alcohol"),
    victim_types=("person", "business"),
    min_age=0,
    max_age=18,
    open=True,
    harms=("violence", "hate_crime"),
    sexes=("F",),
    starts_on=date(2021, 1, 1),
    ends_on=date(2029, 12, 31),
    wait_days=12,
    phone="+44 1785 000000",
    restorative_justice=True,
    email="help@acme.example",
    website="https://acme.example/help?for=people",
    hours="Monday to Friday, 9am to 5pm",
    languages=("English", "Polish"),
    accessibility="Step-free, hearing loop",
    eligibility="=Only people who, for now, live with a child",
    answer_within=24,
    answer_unit=AnswerUnit.HOURS,
    explicit_consent_only=True,
    funder="The Commissioner",
    contract_starts_on=date(2024, 4, 1),
    contract_ends_on=date(2027, 3, 31),
    accreditation="Quality mark, until 2027",
    contact_name="Ann Lee",
    contact_email="ann@helpathand.example",
    capacity=ServiceCapacity.WAITING_LIST,
    waiting_people=7,
    capacity_confirmed_at=datetime(2026, 7, 13, 8, 30, 12, 345678, tzinfo=UTC),
    service_retired_on=date(2026, 7, 1),
    provider_retired_on=date(2026, 7, 2),
    kind=ServiceKind.RESTORATIVE_JUSTICE,
    urgent_phone="01785 000001",
)
EVERY_CAPACITY = [
    FULL,
    replace(
        FULL,
        service_key="acme-places",
        capacity=ServiceCapacity.PLACES,
        places=0,
        waiting_people=None,
        open=False,
    ),
    replace(
        FULL,
        service_key="acme-closed",
        capacity=ServiceCapacity.CLOSED,
        waiting_people=None,
        open=False,
        kind=ServiceKind.ISVA,
        restorative_justice=False,
    ),
    replace(FULL, service_key="acme-later", capacity=ServiceCapacity.AFTER_ASSESSMENT, waiting_people=None),
]


def test_every_column_of_the_full_directory_is_set() -> None:
    empty = {
        name for entry in [FULL, EVERY_CAPACITY[1]] for name, cell in cells_of(entry).items() if not cell
    }
    assert empty == {"places", "waiting_people"}


@pytest.mark.parametrize("shipped", [False, True])
def test_csv_database_open_referral_validator_database_lose_nothing(
    app: Flask, worker_actor: Actor, shipped: bool
) -> None:
    command = Command(worker_actor, MORNING)
    written = SHIPPED.read_bytes() if shipped else directory.directory_as_csv(EVERY_CAPACITY).encode()
    first = directory.import_directory(command, directory.read_directory(written))
    stored = directory.export_entries(actor=worker_actor)
    if not shipped:
        assert sorted(stored, key=lambda each: each.service_key) == sorted(
            EVERY_CAPACITY, key=lambda each: each.service_key
        )

    documents = json.loads(json.dumps(directory.directory_as_open_referral(stored)))
    for document in documents:
        for schema in (HSDS, UK_PROFILE):
            assert list(open_referral_validator(schema).iter_errors(document)) == []
    entries = directory.read_directory(json.dumps({"contents": documents}).encode())

    assert entries == stored
    again = directory.import_directory(command, entries)
    assert (first.added, again.unchanged) == (len(stored), len(stored))
    assert directory.export_entries(actor=worker_actor) == stored
    # And the file of the other kind changes nothing either; no cell of it is a formula.
    text = directory.directory_as_csv(stored)
    assert directory.import_directory(command, directory.read_directory(text.encode())).unchanged == len(
        stored
    )
    assert re.search(r"(^|,)[=+]", text) is None


def test_a_later_word_of_the_provider_stands_against_an_older_file(app: Flask, worker_actor: Actor) -> None:
    command = Command(worker_actor, MORNING)
    newer = replace(FULL, waiting_people=9, capacity_confirmed_at=datetime(2026, 7, 14, 8, tzinfo=UTC))
    directory.import_directory(command, [newer])

    assert directory.import_directory(command, [FULL]).unchanged == 1
    # One that knows only open and a wait says nothing else, unless it does.
    older = {name: cell for name, cell in cells_of(FULL).items() if name not in directory.LATER_COLUMNS}
    area = current_settings().area
    assert (
        directory.import_directory(command, [build_entry(older | {"wait_days": "12"}, area)]).unchanged == 1
    )
    directory.import_directory(command, [build_entry(older | {"open": "no"}, area)])
    (stored,) = directory.export_entries(actor=worker_actor)
    assert (stored.capacity, stored.waiting_people, stored.capacity_confirmed_at) == (
        ServiceCapacity.CLOSED,
        None,
        MORNING,
    )


def _ours(change: Callable[[dict[str, Any]], object]) -> bytes:
    (document,) = copy.deepcopy(directory.directory_as_open_referral([FULL]))
    change(document)
    return json.dumps([document]).encode()


STRANGERS: dict[str, tuple[Callable[[], bytes], str]] = {
    "no name": (lambda: _ours(lambda d: d.pop("name")), "service 1, the whole: name is missing"),
    "wrong type": (
        lambda: _ours(lambda d: d.update(minimum_age="eighteen")),
        "service 1, minimum_age: it must be a number",
    ),
    "wrong status": (
        lambda: _ours(lambda d: d.update(status="open")),
        "service 1, status: it must be one of active, inactive, defunct, temporarily closed",
    ),
    "no UUID": (lambda: _ours(lambda d: d.update(id="7")), "service 1, id: it must be written as uuid"),
    "other districts": (
        lambda: _ours(lambda d: d["service_areas"].append({"id": d["id"], "name": "Leeds"})),
        "service 1, districts: Leeds is not known here",
    ),
    "not ours": (
        lambda: json.dumps({"id": str(UUID_OF_ONE), "name": "Help", "status": "active"}).encode(),
        "service 1, serves: it must be victims, not empty",
    ),
    "for those who harm": (
        lambda: _ours(lambda d: d.update(name="Perpetrator programme")),
        "no way of getting there",
    ),
    "not JSON": (lambda: b'{"id": ', "the file is not JSON"),
    "no number": (lambda: b'[{"minimum_age": NaN}]', "NaN is no number"),
    "empty": (lambda: b"[]", "the file has no services"),
    "a number": (lambda: b"[7]", "service 1, the whole: it must be an object"),
    "deep": (lambda: b"[" * 60 + b"]" * 60, "nested more than 40 levels deep"),
    "very deep": (lambda: b"[" * 200_000, "nested more than 40 levels deep"),
    "50 MB": (lambda: b"[" + b" " * 50_000_000 + b"]", "the file is larger than 5 MB"),
    "too many": (lambda: b"[" + b"{}," * 2_000 + b"{}]", "the file has more than 2,000 services"),
}
UUID_OF_ONE = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(("build", "message"), STRANGERS.values(), ids=list(STRANGERS))
def test_a_file_from_a_stranger_is_refused_in_plain_lines(
    app: Flask, build: Callable[[], bytes], message: str
) -> None:
    with pytest.raises(UnusableFile) as refusal:
        directory.read_directory(build())

    lines = refusal.value.message.splitlines()
    assert any(message in line for line in lines)
    assert len(lines) <= 11
    assert all(len(line) <= 400 for line in lines)


def test_a_file_from_before_there_were_contacts_leaves_the_contact(app: Flask, worker_actor: Actor) -> None:
    directory.import_directory(Command(worker_actor, MORNING), [FULL])
    documents = directory_as_open_referral([FULL])
    for document in documents:
        document["attributes"] = [
            attribute
            for attribute in document["attributes"]
            if not attribute["taxonomy_term"]["code"].startswith("contact_")
        ]
    entries = read_open_referral(json.dumps(documents), current_settings().area)
    directory.import_directory(Command(worker_actor, MORNING), entries)
    (stored,) = directory.export_entries(actor=worker_actor)
    assert (stored.contact_name, stored.contact_email) == ("Ann Lee", "ann@helpathand.example")
