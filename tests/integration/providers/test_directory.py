"""The provider directory comes from a file, goes to a file, and has no place for what is not for victims."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests.integration.onward_referrals.arrange import MORNING
from tests.plumbing import ROOT
from tests.plumbing.apps import Owner
from tests.plumbing.programs import RunGateway
from victim_gateway.actors import Actor
from victim_gateway.errors import UnusableFile
from victim_gateway.models import AuditEntry, DirectoryChange, Organisation, ProviderService
from victim_gateway.provider_vocabulary import DirectoryStep, ServiceCapacity
from victim_gateway.services.providers import directory
from victim_gateway.services.shared.command import Command

SHIPPED = ROOT / "victim_gateway" / "data" / "providers-staffordshire.csv"
# A file from before services said their harms: it is read still.
HEADER = ",".join(name for name in directory.COLUMNS if name not in directory.LATER_COLUMNS)
ROW = (
    "acme,Acme,Helps.,2020-01-01,,acme-help,Help,Listens.,victims,Stafford,"
    "finance_and_benefits,person,18,,yes"
)


def test_the_shipped_directory_is_read_whole(app: Flask) -> None:
    entries = directory.read_directory(SHIPPED.read_bytes())

    by_key = {entry.service_key: entry for entry in entries}
    assert {"rj-hub", "new-era"} <= {entry.provider_key for entry in entries}
    assert [e.service_key for e in entries if e.provider_key == "new-era"] == ["new-era-victim-service"]
    assert by_key["challenge-hate-crime"].districts == (
        "Stoke-on-Trent",
        "Newcastle-under-Lyme",
        "Staffordshire Moorlands",
    )
    assert by_key["business-crime-advisor"].victim_types == ("business",)
    assert by_key["voice-of-hope-modern-slavery"].active_until == date(2020, 9, 30)
    assert by_key["barnardos-fgm"].ends_on == date(2020, 3, 31)
    assert {key for key, entry in by_key.items() if not entry.harms} == {"rj-hub-restorative-justice"}
    assert [key for key, entry in by_key.items() if entry.restorative_justice] == [
        "rj-hub-restorative-justice"
    ]


def test_importing_twice_changes_nothing_the_second_time(app: Flask, worker_actor: Actor) -> None:
    entries = directory.read_directory(SHIPPED.read_bytes())

    first = directory.import_directory(Command(worker_actor, MORNING), entries)
    second = directory.import_directory(Command(worker_actor, MORNING), entries)

    assert (first.added, first.changed, first.unchanged) == (len(entries), 0, 0)
    assert (second.added, second.changed, second.unchanged) == (0, 0, len(entries))


def test_what_is_exported_can_be_imported_again(app: Flask, worker_actor: Actor) -> None:
    entries = directory.read_directory(SHIPPED.read_bytes())
    directory.import_directory(Command(worker_actor, MORNING), entries)

    text = directory.directory_as_csv(directory.export_entries(actor=worker_actor))

    again = directory.import_directory(
        Command(worker_actor, MORNING), directory.read_directory(text.encode())
    )
    assert (again.rows, again.unchanged) == (len(entries), len(entries))


def test_a_change_is_taken_over_and_written_in_the_audit(
    app: Flask, owner: Owner, worker_actor: Actor
) -> None:
    _import(worker_actor, ROW)
    summary = _import(worker_actor, ROW.replace(",yes", ",no").replace("Listens.", "Listens well."))

    assert (summary.added, summary.changed) == (0, 1)
    with owner() as session:
        service = session.scalars(select(ProviderService)).one()
        actions = session.scalars(select(AuditEntry.action)).all()
        changes = session.execute(
            select(DirectoryChange.step, DirectoryChange.before, DirectoryChange.after)
            .where(DirectoryChange.service_id == service.id)
            .order_by(DirectoryChange.id)
        ).all()
    assert (service.description, service.capacity) == ("Listens well.", ServiceCapacity.CLOSED)
    assert service.capacity_confirmed_at == MORNING
    assert actions == ["providers.imported", "providers.imported"]
    assert [change.step for change in changes] == [DirectoryStep.ADDED, DirectoryStep.IMPORTED]
    assert changes[1].before["service_description"] == "Listens."
    assert (changes[1].before["capacity"], changes[1].after["capacity"]) == ("open", "closed")


def test_a_file_from_before_keeps_the_harms_that_are_stored(app: Flask, worker_actor: Actor) -> None:
    later = f"{ROW},road_crime;violence,F,2021-01-01,2026-12-31,12,0300 000 0000,no"
    header = f"{HEADER},{','.join(directory.LATER_COLUMNS[:7])}"
    entries = directory.read_directory(f"{header}\n{later}\n".encode())
    directory.import_directory(Command(worker_actor, MORNING), entries)

    assert _import(worker_actor, ROW).unchanged == 1
    (stored,) = directory.export_entries(actor=worker_actor)
    assert (stored.harms, stored.sexes, stored.wait_days) == (("road_crime", "violence"), ("F",), 12)
    assert (stored.starts_on, stored.ends_on) == (date(2021, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("later", "message"),
    [
        ("murder,,,,,,no", "row 2, harms: murder is not known"),
        (",Q,,,,,no", "row 2, sexes: Q is not known"),
        (",,2026-01-01,2025-01-01,,,no", "row 2, ends_on: it lies before starts_on"),
        (",,,,soon,,no", "row 2, wait_days: use a whole number of days"),
        (",,,,,,maybe", "row 2, restorative_justice: use yes or no"),
    ],
)
def test_a_later_column_that_is_wrong_refuses_the_file_too(app: Flask, later: str, message: str) -> None:
    with pytest.raises(UnusableFile, match=message):
        directory.read_directory(
            f"{HEADER},{','.join(directory.LATER_COLUMNS[:7])}\n{ROW},{later}\n".encode()
        )


def test_what_the_release_before_writes_becomes_a_capacity(
    app: Flask, owner: Owner, worker_actor: Actor
) -> None:
    _import(worker_actor, ROW)

    def say(values: str) -> tuple[object, ...]:
        with owner() as session:
            row = session.execute(
                text(f"UPDATE provider_service SET {values} RETURNING capacity, places, wait_days, is_open")
            )
            return tuple(row.one())

    assert say("is_open = false") == ("closed", None, None, False)
    assert say("is_open = true, wait_days = 12") == ("waiting_list", None, 12, True)
    assert say("wait_days = NULL") == ("waiting_list", None, None, True)
    assert say("capacity = 'places', places = 0") == ("places", 0, None, False)
    assert say("places = 2") == ("places", 2, None, True)
    assert say("is_open = false") == ("closed", None, None, False)
    for wrong in ("capacity = 'places'", "places = 3", "waiting_people = 1", "answer_within = 2"):
        with pytest.raises(IntegrityError):
            say(wrong)


def test_a_service_does_not_wander_to_another_provider(app: Flask, worker_actor: Actor) -> None:
    _import(worker_actor, ROW)

    with pytest.raises(UnusableFile, match="service of another provider"):
        _import(worker_actor, ROW.replace("acme,", "other,", 1))


def test_the_gateway_is_no_provider(app: Flask, owner: Owner, worker_actor: Actor) -> None:
    with owner() as session:
        session.add(Organisation(key="acme", kind="gateway", name="Gateway"))

    with pytest.raises(UnusableFile, match="no provider"):
        _import(worker_actor, ROW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row.replace("victims", "perpetrators"), "row 2, serves: .* no way of getting there"),
        (lambda row: row.replace(",victims,", ",,"), "row 2, serves: it must be victims, not empty"),
        (lambda row: row.replace("Help,", "Perpetrator programme,"), "no way of getting there"),
        (lambda row: row.replace("Help,", "Behaviour change,"), "no way of getting there"),
        (lambda row: row.replace("acme,", "Acme Ltd,", 1), "row 2, provider_key: use small letters"),
        (lambda row: row.replace("2020-01-01", "1/1/2020"), "row 2, active_from: write the date like"),
        (lambda row: row.replace("2020-01-01,", "2020-01-01,2019-01-01"), "active_until: it lies before"),
        (lambda row: row.replace("Stafford", "Leeds"), "row 2, districts: Leeds is not known here"),
        (lambda row: row.replace("finance_and_benefits", "money"), "row 2, needs: money is not known"),
        (lambda row: row.replace("person", "people"), "row 2, victim_types: people is not known"),
        (lambda row: row.replace(",18,,", ",eighteen,,"), "row 2, min_age: use a whole number"),
        (lambda row: row.replace(",18,,", ",18,17,"), "row 2, max_age: it is below min_age"),
        (lambda row: row.replace(",yes", ",maybe"), "row 2, open: use yes or no"),
        (lambda row: row.replace(",Acme,", ",,"), "row 2, provider_name: it is empty"),
        (lambda row: f"{row}\n{row}", "row 3, service_key: acme-help stands in the file twice"),
        (
            lambda row: f"{row}\n{row.replace('acme-help', 'acme-2').replace('Helps.', 'Other.')}",
            "row 3: acme is described differently",
        ),
        (lambda row: row.rpartition(",")[0], "row 2: it does not have as many cells"),
        (lambda row: "", "no rows"),
    ],
)
def test_a_wrong_row_refuses_the_file_and_says_which(
    app: Flask, change: Callable[[str], str], message: str
) -> None:
    with pytest.raises(UnusableFile, match=message):
        directory.read_directory(f"{HEADER}\n{change(ROW)}\n".encode())


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"", b"a,b\n1,2\n", b"\x00\x01"])
def test_what_is_no_directory_is_refused(app: Flask, data: bytes) -> None:
    with pytest.raises(UnusableFile):
        directory.read_directory(data)


def test_the_command_imports_exports_and_refuses_in_one_line(run_gateway: RunGateway, tmp_path: Path) -> None:
    done = run_gateway("providers", "import", SHIPPED, "--json")
    assert done.returncode == 0, done.stderr
    assert '"unchanged": 0' in done.stdout

    exported = run_gateway("providers", "export")
    assert exported.stdout.startswith(",".join(directory.COLUMNS))
    assert "Voice of Hope" in exported.stdout

    wrong = tmp_path / "wrong.csv"
    wrong.write_text(f"{HEADER}\n{ROW.replace('victims', 'perpetrators')}\n")
    refused = run_gateway("providers", "import", wrong)
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1
    assert run_gateway("providers", "import", tmp_path / "absent.csv").returncode == 2


def _import(actor: Actor, *rows: str) -> directory.DirectoryImportSummary:
    entries = directory.read_directory("\n".join([HEADER, *rows, ""]).encode())
    return directory.import_directory(Command(actor, MORNING), entries)
