"""Measures the pass over the whole population on people of whom it is known who is recorded twice.

`python -m bench.duplicates` imports 219,092 invented records with the real command into a database of its own, which is
kept under var/bench, and prints JSON lines: what the rule of the import proposed while they were imported and what the
pass finds, both against the truth, and the time, processor time and memory of `gateway people find-duplicates`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bench.import_timing import GATEWAY, command_environment
from bench.known_duplicates import (
    FOUNDING_SIZE,
    KnownPair,
    KnownPopulation,
    describe,
    pairs_by_reference,
    write_feed,
)
from bench.volumes import ACTOR, KEPT
from config import Settings, load_settings
from victim_gateway import create_app, devservers, times
from victim_gateway.database.transaction import transaction
from victim_gateway.database.upgrade import upgrade_database
from victim_gateway.models import Referral, Task
from victim_gateway.services.referrals.population_duplicates import linked_people
from victim_gateway.vocabulary import TaskKind

References = frozenset[str]
_WEIGHTS = (0, 2, 4, 8, 12)


def main() -> int:
    """Build what is missing, measure, print."""
    options = _options()
    folder = options.folder / f"duplicates-{options.size}-seed{options.seed}"
    population = KnownPopulation(options.size, seed=options.seed)
    settings = replace(
        load_settings(),
        home=(folder / "home").absolute(),
        database_url=None,
        database_owner_url=None,
        redis_url=None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    with devservers.embedded_servers(settings) as filled:
        upgrade_database(filled)
        if not (folder / "imported.json").exists():
            _import(folder, population, filled)
        with create_app(filled).app_context():
            truth = dict(pairs_by_reference(population))
            found: dict[str, Any] = describe(population)
            found["import"] = json.loads((folder / "imported.json").read_text())
            # Before the pass proposes anything: what the import's rule proposed.
            found["rule_of_the_import"] = _judge(_proposed_by_import(), truth)
            _tell("as the import proposed", found)
            _tell("as the pass finds", _measure_pass(filled, truth))
        # The second finds what the first proposed.
        for number in ("first", "second"):
            _tell(f"{number} run of the command", _time_command(filled))
    return 0


def _tell(what: str, found: dict[str, Any]) -> None:
    print(json.dumps({what: found}), flush=True)


def _import(folder: Path, population: KnownPopulation, settings: Settings) -> None:
    path = folder / "known.csv"
    area = settings.area
    write_feed(path, population, force=area.force, district=area.districts[0], at=times.now())
    done = subprocess.run(
        [sys.executable, "-c", GATEWAY, "import", "police-feed", str(path), "--json"],
        env=command_environment(settings),
        capture_output=True,
        text=True,
        check=True,
    )
    (folder / "imported.json").write_text(done.stdout)


def _measure_pass(settings: Settings, truth: Mapping[References, KnownPair]) -> dict[str, Any]:
    """Every pair down to a weight of 0, judged at several weights, before and after the rule's refusals."""
    weights = settings.area.identity
    lowest = replace(weights, population_pass=replace(weights.population_pass, proposed_from=min(_WEIGHTS)))
    pairs = linked_people(actor=ACTOR, weights=lowest)
    reference = _references()
    named = [(frozenset((reference[pair.one], reference[pair.other])), pair) for pair in pairs]
    return {
        "proposed_from": weights.population_pass.proposed_from,
        "refused": Counter(str(pair.refusal) for _, pair in named if pair.refusal),
        **{
            f"from {weight} bits": _judge(
                [name for name, pair in named if pair.match_weight >= weight and pair.refusal is None], truth
            )
            for weight in _WEIGHTS
        },
        "from 2 bits without the rule": _judge(
            [name for name, pair in named if pair.match_weight >= 2], truth
        ),
    }


def _judge(found: Iterable[References], truth: Mapping[References, KnownPair]) -> dict[str, Any]:
    pairs = set(found)
    known = [truth.get(pair) for pair in pairs]
    right = sum(pair is not None and pair.is_same for pair in known)
    kinds = Counter(pair.kind if pair else "strangers" for pair in known)
    every = Counter(pair.kind for pair in truth.values())
    return {
        "pairs": len(pairs),
        "precision": round(right / len(pairs), 4) if pairs else None,
        "recall": round(right / sum(pair.is_same for pair in truth.values()), 4),
        "by_kind": {kind: f"{kinds[kind]} of {count}" for kind, count in sorted(every.items())}
        | {"strangers": kinds["strangers"]},
    }


def _proposed_by_import() -> list[References]:
    reference = _references()
    statement = (
        select(Referral.person_id, Task.details)
        .join(Referral, Referral.id == Task.referral_id)
        .where(Task.kind == TaskKind.POSSIBLE_SAME_PERSON, ~Task.details.has_key("found_by"))
    )
    with transaction(ACTOR) as session:
        return [
            frozenset((reference[str(row.person_id)], reference[named["person_id"]]))
            for row in session.execute(statement)
            for named in row.details.get("people") or ()
        ]


class _ByPerson(dict[Any, str]):
    """The feed's reference of each person, asked for by the id or its text."""

    def __missing__(self, key: Any) -> str:
        return self[str(key)]


def _references() -> _ByPerson:
    with transaction(ACTOR) as session:
        rows = session.execute(select(Referral.person_id, Referral.feed_reference))
        return _ByPerson((str(row.person_id), str(row.feed_reference)) for row in rows)


def _time_command(settings: Settings) -> dict[str, Any]:
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", GATEWAY, "people", "find-duplicates", "--json"],
        env=command_environment(settings),
        stdout=subprocess.PIPE,
    )
    said = child.stdout.read() if child.stdout else b""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"the pass ended with {child.returncode}")
    return {
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
        **json.loads(said),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.duplicates", description=__doc__)
    parser.add_argument("--size", type=int, default=FOUNDING_SIZE, help=f"records ({FOUNDING_SIZE:,})")
    parser.add_argument("--seed", type=int, default=1, help="another number gives other people (1)")
    parser.add_argument("--folder", type=Path, default=KEPT, help="where the database is kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
