"""An invented population of which it is known who is recorded twice, and who only looks like it.

One row of a feed for each record, each with a reference of its own, as a force that opens a second record for the same
person gives it. The truth stands in a second file: which two rows are one person, by what happened to the second, and
which two are different people who share a name, an address, a phone or a birth date.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bench.feed import COLUMNS
from bench.people import InventedPeople, slip
from victim_gateway.demo.random_choice import random_stream
from victim_gateway.rules.given_name_variants import are_variants
from victim_gateway.times import LONDON

Fields = dict[str, str]
# So many of each kind in the 219,092 records of the founding documents; other sizes in proportion.
FOUNDING_SIZE = 219_092
SAME_OF_EACH_KIND = 1000
OTHERS_OF_EACH_KIND = 2000
# Nothing that is recorded tells these from a misspelt name; few parents name their twins so.
ALIKE_TWINS = "twins whose names differ by a letter"
ALIKE_TWINS_COUNT = 100
_CONTACT = ("phone", "email")
_ADDRESS = ("address_line_1", "town", "postcode")


@dataclass(frozen=True, slots=True)
class KnownPair:
    """Two rows by number, whether they are one person, and how the second came about."""

    one: int
    other: int
    is_same: bool
    kind: str


class KnownPopulation:
    """Rows of a feed and what is true of them, the same for the same size and seed."""

    def __init__(self, size: int, *, seed: int = 1) -> None:
        self._people, self._seed = InventedPeople(seed), seed
        share = size / FOUNDING_SIZE
        kinds = [
            *((True, name, change, SAME_OF_EACH_KIND) for name, change in SAME_KINDS.items()),
            *(
                (False, name, change, ALIKE_TWINS_COUNT if name == ALIKE_TWINS else OTHERS_OF_EACH_KIND)
                for name, change in OTHER_KINDS.items()
            ),
        ]
        wanted = [
            (is_same, name, change)
            for is_same, name, change, count in kinds
            for _ in range(max(1, round(count * share)))
        ]
        self.rows: list[Fields] = [self._people.person(number) for number in range(size - len(wanted))]
        self.pairs: list[KnownPair] = []
        originals = random_stream(seed, "originals").sample(range(len(self.rows)), len(wanted))
        for original, (is_same, name, change) in zip(originals, wanted, strict=True):
            self._add_second(original, is_same, name, change)
        self._shuffle()

    def _add_second(self, original: int, is_same: bool, name: str, change: _Change) -> None:
        chance = random_stream(self._seed, name, original)
        first = self.rows[original]
        if not is_same:
            # Who lives together shares what was said of one of them.
            first.update(phone=first["phone"] or _new_phone(chance))
        other = self._people.person(10_000_000 + original)
        second = first | change(first, other, chance) | {"victim_reference": f"S{original:08}"}
        self.pairs.append(KnownPair(original, len(self.rows), is_same, name))
        self.rows.append(second)

    def _shuffle(self) -> None:
        """A second record comes before the first as often as after it."""
        order = list(range(len(self.rows)))
        random_stream(self._seed, "order").shuffle(order)
        place = {number: at for at, number in enumerate(order)}
        self.rows = [self.rows[number] for number in order]
        self.pairs = [
            KnownPair(place[pair.one], place[pair.other], pair.is_same, pair.kind) for pair in self.pairs
        ]


_Change = Callable[[Fields, Fields, Random], Fields]


def _misspelt(first: Fields, other: Fields, chance: Random) -> Fields:
    name = chance.choice(("given_name", "family_name"))
    typed = slip(first[name], chance) if len(first[name]) > 3 else first[name] + first[name][-1]
    return {name: typed}


def _swapped(first: Fields, other: Fields, chance: Random) -> Fields:
    year, month, day = first["date_of_birth"].split("-")
    if int(day) > 12 or day == month:
        # Such a date can't be swapped: the first record is given one that can.
        day, month = f"{chance.randrange(1, 7):02}", f"{chance.randrange(7, 13):02}"
        first["date_of_birth"] = f"{year}-{month}-{day}"
    return {"date_of_birth": f"{year}-{day}-{month}"}


def _wrong_digit(first: Fields, other: Fields, chance: Random) -> Fields:
    year, month, day = first["date_of_birth"].split("-")
    if chance.random() < 0.5:
        digit = (int(year[3]) + chance.randrange(1, 10)) % 10
        return {"date_of_birth": f"{year[:3]}{digit}-{month}-{day}"}
    digit = (int(day[1]) + chance.randrange(1, 9)) % 9 + 1
    return {"date_of_birth": f"{year}-{month}-{day[0]}{digit}"}


def _married(first: Fields, other: Fields, chance: Random) -> Fields:
    return {"family_name": other["family_name"]}


def _moved(first: Fields, other: Fields, chance: Random) -> Fields:
    return {name: other[name] for name in (*_CONTACT, *_ADDRESS)}


def _short_form(first: Fields, other: Fields, chance: Random) -> Fields:
    given = chance.choice(("Elizabeth", "Catherine", "Michael", "Robert", "Katarzyna", "William", "Deborah"))
    short = {"Elizabeth": "Liz", "Catherine": "Kate", "Michael": "Mick", "Robert": "Bob", "William": "Bill"}
    first["given_name"] = given
    chosen = short.get(given, {"Katarzyna": "Kasia", "Deborah": "Debbie"}.get(given, given))
    return {"given_name": chosen} if are_variants(given.casefold(), chosen.casefold()) else {}


def _no_birth_date(first: Fields, other: Fields, chance: Random) -> Fields:
    return {"date_of_birth": ""}


def _both(one: _Change, two: _Change) -> _Change:
    def change(first: Fields, other: Fields, chance: Random) -> Fields:
        changed = one(first, other, chance)
        return changed | two(first | changed, other, chance)

    return change


def _misspelt_and_swapped(first: Fields, other: Fields, chance: Random) -> Fields:
    """Phone and email are new as well: only postcode, and what is nearly right, is left."""
    swapped = _swapped(first, other, chance)
    return swapped | _misspelt(first, other, chance) | {name: other[name] for name in _CONTACT}


def _exactly(first: Fields, other: Fields, chance: Random) -> Fields:
    return {}


SAME_KINDS: Mapping[str, _Change] = {
    "the same in everything": _exactly,
    "misspelt name": _misspelt,
    "misspelt name, moved, new phone and email": _both(_misspelt, _moved),
    "day and month swapped": _swapped,
    "day and month swapped, moved, new phone and email": _both(_swapped, _moved),
    "wrong digit in the birth date": _wrong_digit,
    "wrong digit in the birth date, new phone and email": lambda first, other, chance: (
        _wrong_digit(first, other, chance) | {name: other[name] for name in _CONTACT}
    ),
    "misspelt name, swapped date, new phone and email": _misspelt_and_swapped,
    "another family name": _married,
    "another family name, moved, new phone and email": _both(_married, _moved),
    "moved, new phone and email": _moved,
    "short form of the given name": _short_form,
    "no birth date": _no_birth_date,
}
"""One person, recorded twice, by what differs in the second record."""


def _twin(first: Fields, other: Fields, chance: Random) -> Fields:
    return {"given_name": _another_given(first, other, chance), "email": ""}


def _alike_twin(first: Fields, other: Fields, chance: Random) -> Fields:
    return {"given_name": slip(first["given_name"], chance), "email": ""}


def _sibling(first: Fields, other: Fields, chance: Random) -> Fields:
    year = int(first["date_of_birth"][:4]) + chance.choice((-4, -3, -2, 2, 3, 4))
    return {
        "given_name": _another_given(first, other, chance),
        "date_of_birth": f"{year}{other['date_of_birth'][4:]}",
        "email": "",
    }


def _parent_of_same_name(first: Fields, other: Fields, chance: Random) -> Fields:
    apart, year = chance.randrange(18, 42), int(first["date_of_birth"][:4])
    # Birth dates before 1902 stand for a missing one.
    year += apart if year < 1950 else -apart
    return {"date_of_birth": f"{year}{other['date_of_birth'][4:]}", "email": other["email"]}


def _couple(first: Fields, other: Fields, chance: Random) -> Fields:
    year = int(first["date_of_birth"][:4]) + chance.randrange(-8, 9)
    return {
        "given_name": _another_given(first, other, chance),
        "date_of_birth": f"{year}{other['date_of_birth'][4:]}",
    }


def _namesake_nearby(first: Fields, other: Fields, chance: Random) -> Fields:
    """A namesake of about the same age in the same street, who shares nothing else."""
    year = int(first["date_of_birth"][:4]) + chance.randrange(-2, 3)
    return {"date_of_birth": f"{year}{other['date_of_birth'][4:]}"} | {name: other[name] for name in _CONTACT}


OTHER_KINDS: Mapping[str, _Change] = {
    "twins": _twin,
    ALIKE_TWINS: _alike_twin,
    "brothers and sisters": _sibling,
    "parent and child of one name": _parent_of_same_name,
    "a couple with one phone and email": _couple,
    "namesakes with one postcode": _namesake_nearby,
}
"""Two people who look like one, by what they are to each other."""


def _another_given(first: Fields, other: Fields, chance: Random) -> str:
    given = other["given_name"]
    return given if given != first["given_name"] else "Rosalind"


def _new_phone(chance: Random) -> str:
    return f"07{chance.randrange(400_000_000, 999_999_999)}"


def write_feed(path: Path, population: KnownPopulation, *, force: str, district: str, at: datetime) -> None:
    """Write the records as a feed: each is a victim of a burglary that was reported a day before."""
    reported = (at - timedelta(days=1)).astimezone(LONDON).isoformat(timespec="seconds")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        for number, fields in enumerate(population.rows):
            writer.writerow(
                fields
                | {
                    "feed_reference": feed_reference(number),
                    "force": force,
                    "recorded_as": "crime",
                    "offence": "Burglary",
                    "reported_at": reported,
                    "transferred_at": reported,
                    "district": district,
                    "victim_type": "person",
                    "consent_to_referral": "yes",
                    "safe_to_contact": "unknown",
                }
            )


def feed_reference(number: int) -> str:
    """The reference of a row of the feed."""
    return f"KD-{number:08}"


def pairs_by_reference(population: KnownPopulation) -> Iterator[tuple[frozenset[str], KnownPair]]:
    """What is known of each pair, by the references of its two rows."""
    for pair in population.pairs:
        yield frozenset((feed_reference(pair.one), feed_reference(pair.other))), pair


def describe(population: KnownPopulation) -> dict[str, Any]:
    """How many rows there are, how many pairs are one person, and how many only look like it."""
    return {
        "records": len(population.rows),
        "same": sum(pair.is_same for pair in population.pairs),
        "others": sum(not pair.is_same for pair in population.pairs),
    }
