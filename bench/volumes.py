"""Databases as large as the founding documents, built once with the real commands' code and kept.

A volume is a GATEWAY_HOME whose name says its size, the schema and the seed. It is built in steps; each that is done is
noted in `volume.json`, so that a build that was stopped goes on where it stood.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask

from bench.feed import FeedPlan, write_events, write_referrals
from bench.import_timing import time_copy, time_import
from bench.onward_cases import write_onward_referrals
from bench.settled_cases import add_caseworkers, arrange_cases, settle_database
from config import Settings, load_settings
from victim_gateway import create_app, devservers, times
from victim_gateway.actors import Actor
from victim_gateway.database.schema_revision import newest_revision
from victim_gateway.database.upgrade import upgrade_database
from victim_gateway.demo.seeding import seed_demo
from victim_gateway.services.compliance.day_counts import count_stale_days, count_stale_service_days
from victim_gateway.services.compliance.recompute import recompute_clocks
from victim_gateway.services.reminders.reminder_pass import run_reminder_pass
from victim_gateway.services.shared.next_action import refresh_open_referrals
from victim_gateway.vocabulary import ImportKind

PROJECT = Path(__file__).resolve().parents[1]
KEPT = PROJECT / "var" / "bench"
ACTOR = Actor.worker("bench")
PERIOD = timedelta(days=730)
DEMO_REFERRALS = 120
# Raised whenever what a volume holds changes, so that an older one is not taken for it.
MAKING = 2
LARGEST_FILE = 8 * 1024**3


@dataclass(frozen=True, slots=True)
class Volume:
    """One kept database: so many referrals, of which some are open."""

    folder: Path
    count: int
    seed: int

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def record(self) -> dict[str, Any]:
        """What is known of the build: `at`, the steps that are done, and what they measured."""
        path = self.folder / "volume.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def note(self, **values: Any) -> None:
        """Add to the record."""
        path = self.folder / "volume.json"
        path.write_text(json.dumps(self.record | values, indent=2, default=str))

    @property
    def at(self) -> datetime:
        """The moment at which the volume stands."""
        return datetime.fromisoformat(self.record["at"])

    @property
    def open_count(self) -> int:
        """How many referrals are open: one in twenty, and enough at a small size for every page to be full."""
        return max(self.count // 20, min(self.count // 5, 2000))


def named_volume(count: int, *, seed: int = 1, under: Path = KEPT) -> Volume:
    """The volume of this size, seed and schema, built or not."""
    return Volume(under / f"{count}-schema{newest_revision()}-seed{seed}-v{MAKING}", count, seed)


@contextmanager
def running_volume(volume: Volume) -> Iterator[tuple[Settings, Flask]]:
    """The volume's servers and its app while the block lasts."""
    settings = replace(
        load_settings(),
        home=volume.home.absolute(),
        database_url=None,
        database_owner_url=None,
        redis_url=None,
        max_upload_bytes=LARGEST_FILE,
    )
    with devservers.embedded_servers(settings) as filled:
        yield filled, create_app(filled)


# No import runs through these.
_PAGE_ROOMS = ("blueprints", "templates", "web", "static")


def code_digest(*, without_pages: bool = False) -> str:
    """A digest of the program: what was measured on other code is measured again."""
    left_out = {PROJECT / "victim_gateway" / room for room in _PAGE_ROOMS} if without_pages else set()
    digest = hashlib.sha256()
    for room in ("config", "migrations", "victim_gateway"):
        for path in sorted((PROJECT / room).rglob("*")):
            if path.suffix in {".py", ".html", ".json", ".csv"} and not left_out & set(path.parents):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def build_imports(volume: Volume, *, tell: Callable[[str], None] = print) -> Volume:
    """Import a volume's files once more, into a database that is removed afterwards; gives what holds the record."""
    again = Volume(volume.folder.with_name(f"{volume.folder.name}-imports"), volume.count, volume.seed)
    shutil.rmtree(again.folder, ignore_errors=True)
    again.folder.mkdir()
    for name in ("referrals.csv", "events.csv"):
        (again.folder / name).hardlink_to(volume.folder / name)
    again.note(at=volume.record["at"], count=volume.count, seed=volume.seed, done=["demo", "files"])
    build_volume(again, until="copied", tell=tell)
    shutil.rmtree(again.home)
    return again


def build_volume(volume: Volume, *, until: str = "settled", tell: Callable[[str], None] = print) -> Volume:
    """Build what is still missing of the volume, up to a step."""
    if "settled" in volume.record.get("done", ()):
        return volume
    volume.folder.mkdir(parents=True, exist_ok=True)
    if "at" not in volume.record:
        shutil.rmtree(volume.home, ignore_errors=True)
        volume.note(at=times.now().isoformat(), count=volume.count, seed=volume.seed, done=[])
    with running_volume(volume) as (settings, app), app.app_context():
        for name, step in _STEPS.items():
            if name in volume.record["done"]:
                continue
            began = times.now()
            step(volume, settings)
            took = round((times.now() - began).total_seconds(), 1)
            volume.note(done=[*volume.record["done"], name], **{f"{name}_s": took})
            tell(f"{volume.folder.name}: {name} {took} s")
            if name == until:
                break
    return volume


def feed_plan(volume: Volume, settings: Settings) -> FeedPlan:
    """What the files of a volume hold."""
    first: date = (volume.at - PERIOD).date()
    until = volume.at - timedelta(hours=2)
    return FeedPlan(volume.count, first, until, settings.area.force, settings.area.districts, volume.seed)


def _upgrade(volume: Volume, settings: Settings) -> None:
    upgrade_database(settings)


def _seed_demo(volume: Volume, settings: Settings) -> None:
    seed_demo(referrals=DEMO_REFERRALS, seed=volume.seed, at=volume.at)


def _write_files(volume: Volume, settings: Settings) -> None:
    plan = feed_plan(volume, settings)
    write_referrals(volume.folder / "referrals.csv", plan)
    write_events(volume.folder / "events.csv", plan)


def _import_referrals(volume: Volume, settings: Settings) -> None:
    found = time_import(volume.folder / "referrals.csv", ImportKind.POLICE_FEED, settings)
    volume.note(police_feed=found, code=code_digest(without_pages=True))


def _import_events(volume: Volume, settings: Settings) -> None:
    volume.note(case_events=time_import(volume.folder / "events.csv", ImportKind.CASE_EVENTS, settings))


def _copy_plainly(volume: Volume, settings: Settings) -> None:
    volume.note(
        police_feed_copy=time_copy(ImportKind.POLICE_FEED, settings),
        case_events_copy=time_copy(ImportKind.CASE_EVENTS, settings),
    )


def _arrange(volume: Volume, settings: Settings) -> None:
    arrange_cases(settings, at=volume.at, open_count=volume.open_count, seed=volume.seed)


def _add_caseworkers(volume: Volume, settings: Settings) -> None:
    add_caseworkers(volume.at)


def _refer_on(volume: Volume, settings: Settings) -> None:
    write_onward_referrals(settings, seed=volume.seed)


def _recompute(volume: Volume, settings: Settings) -> None:
    recompute_clocks(actor=ACTOR, as_at=times.now())
    while count_stale_days(actor=ACTOR) or count_stale_service_days(actor=ACTOR):
        pass
    refresh_open_referrals(actor=ACTOR, at=times.now())


def _remind(volume: Volume, settings: Settings) -> None:
    run_reminder_pass(actor=ACTOR, at=times.now())


def _settle(volume: Volume, settings: Settings) -> None:
    settle_database(settings)
    volume.note(built_at=datetime.now(UTC).isoformat())


_STEPS: dict[str, Callable[[Volume, Settings], None]] = {
    "upgraded": _upgrade,
    "demo": _seed_demo,
    "files": _write_files,
    "referrals": _import_referrals,
    "events": _import_events,
    "copied": _copy_plainly,
    "accounts": _add_caseworkers,
    "arranged": _arrange,
    "onward": _refer_on,
    "clocks": _recompute,
    "reminders": _remind,
    "settled": _settle,
}
