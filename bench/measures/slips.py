"""How many people a search finds although their name was typed with a slip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from bench.bench_run import BenchRun
from bench.measurement import Measurement, Target, measured
from bench.page_addresses import ACCOUNTS
from bench.people import slip
from victim_gateway import times
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.people.search import find_people, search_people

SLIPS = 300
_FOUND = Target(least_ratio=0.95)
_KINDS: dict[str, Callable[[str], str]] = {
    "full name with a slip": lambda name: name,
    "family name with a slip": lambda name: name.split()[-1],
}


def measure_slips(run: BenchRun) -> Iterator[Measurement]:
    """Search for people of the large volume by names with one slip; found is a page that has the right name."""
    app, today = run.large_app, times.london_date(times.now())
    actor, chance = app.actor(ACCOUNTS["caseworker"]), Random(11)  # noqa: S311  invented data
    ids = app.column(
        "SELECT p.id FROM person p WHERE p.kind = 'person' AND NOT p.restricted ORDER BY md5(p.id::text) LIMIT :many",
        many=SLIPS,
    )
    with app.app.app_context(), transaction(actor) as session:
        names = [person.name for person in find_people(session, dict.fromkeys(ids, ()), today=today)]
    for title, text_of in _KINDS.items():
        found = 0
        for name in names:
            typed = text_of(name)
            with app.app.app_context(), transaction(actor) as session:
                results = search_people(session, slip(typed, chance), today=today)
            found += any(typed in person.name for person in results.people)
        yield measured(
            f"search: share found, {title}", found, "people", anchor=f"of {len(names)}", ratio=found / len(names),
            target=_FOUND,
        )  # fmt: skip
