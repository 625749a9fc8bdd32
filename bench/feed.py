"""Invented police feeds of any size: referrals over a period and their case events, the same for the same seed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from random import Random

from bench.case_courses import course_of
from bench.people import InventedPeople
from victim_gateway.demo.mix import ANTI_SOCIAL, SHOPLIFTING, VIOLENCE, Crime, draw_crimes
from victim_gateway.demo.random_choice import random_stream
from victim_gateway.times import LONDON

EVENT_COLUMNS = ("feed_reference", "event", "occurred_at", "recorded_at", "source", "subject")
COLUMNS = (
    "feed_reference force crime_number incident_number recorded_as offence occurred_from reported_at transferred_at"
    " district location victim_type victim_reference title given_name family_name date_of_birth sex phone email"
    " address_line_1 town postcode preferred_contact safe_to_contact safe_contact_note language interpreter_needed"
    " organisation_name organisation_contact consent_to_referral vulnerable intimidated persistently_targeted"
    " serious_crime domestic_abuse hate_strand officer_name officer_email acknowledged_at"
).split()
AGAIN = 0.12
"""The share of referrals whose victim has been one before."""
UNUSABLE = 0.004
"""The share of rows that no import can use."""
_WRONG = ({"offence": ""}, {"reported_at": "not known"}, {"reported_at": "31/02/2025"})


@dataclass(frozen=True)
class FeedPlan:
    """What the files hold: so many referrals, reported from one day on and known to the force by `until`."""

    count: int
    first_day: date
    until: datetime
    force: str
    districts: tuple[str, ...]
    seed: int = 1

    @cached_property
    def crimes(self) -> list[Crime]:
        """The crime of each referral, in the proportions that the force published."""
        chance = random_stream(self.seed, "mix")
        return draw_crimes(self.count, force=self.force, districts=self.districts, chance=chance)

    @cached_property
    def moments(self) -> list[datetime]:
        """When each was passed on, oldest first; by day more than by night."""
        chance = random_stream(self.seed, "moments")
        start = datetime.combine(self.first_day, time(), LONDON)
        seconds = int((self.until - start).total_seconds())
        return sorted(start + timedelta(seconds=chance.randrange(seconds)) for _ in range(self.count))

    @cached_property
    def people(self) -> InventedPeople:
        return InventedPeople(self.seed)

    def reference(self, number: int) -> str:
        # As the systems of forces give them: without an order.
        return f"BV-{random_stream(self.seed, 'reference', number).getrandbits(64):016x}"

    def victim(self, number: int) -> int:
        """The number of the person of a referral, who may be that of an earlier one."""
        chance = random_stream(self.seed, "victim", number)
        return chance.randrange(number) if number and chance.random() < AGAIN else number


def write_referrals(path: Path, plan: FeedPlan) -> None:
    """Write the referral feed."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(_referral(plan, number) for number in range(plan.count))


def write_events(path: Path, plan: FeedPlan) -> None:
    """Write the case-events feed, referral by referral, as the forces' own extracts come."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(EVENT_COLUMNS)
        writer.writerows(row for number in range(plan.count) for row in _events(plan, number))


def _referral(plan: FeedPlan, number: int) -> dict[str, str]:
    chance, crime = random_stream(plan.seed, "row", number), plan.crimes[number]
    transferred = plan.moments[number]
    reported = _reported(plan, number)
    is_business = crime.crime_type == SHOPLIFTING or chance.random() < 0.04
    at_home = crime.crime_type == VIOLENCE and not is_business and chance.random() < 0.35
    row = {
        "feed_reference": plan.reference(number),
        "force": plan.force,
        "incident_number": f"{reported:%Y%m%d}-{chance.randint(1000, 9999)}",
        "recorded_as": "asb" if crime.crime_type == ANTI_SOCIAL else "crime",
        "offence": crime.crime_type,
        "occurred_from": _written(reported - timedelta(hours=chance.expovariate(1 / 30))),
        "reported_at": _written(reported),
        "transferred_at": _written(transferred),
        "district": crime.district if chance.random() < 0.85 else "",
        "location": f"On or near {chance.choice(('Supermarket', 'Church Lane', 'Parking Area', 'Waterloo Road'))}",
        "victim_type": "business" if is_business else "person",
        "preferred_contact": chance.choices(("phone", "sms", "email", "post"), (60, 20, 14, 6))[0],
        "safe_to_contact": chance.choices(("yes", "unknown", "no"), (40, 45, 15) if at_home else (68, 30, 2))[
            0
        ],
        "consent_to_referral": chance.choices(("yes", "not_asked", "no"), (55, 35, 10))[0],
        "serious_crime": _yes(crime.crime_type in (VIOLENCE, "Robbery") and chance.random() < 0.2),
        "domestic_abuse": _yes(at_home),
        "hate_strand": chance.choice(("race", "disability", "religion")) if chance.random() < 0.012 else "",
        "officer_name": f"PC {chance.randint(1000, 9899)}",
        "officer_email": f"oic{chance.randint(1000, 9899)}@police.example",
    }
    row |= {name: _yes(chance.random() < share) for name, share in _FLAGS.items()}
    if row["recorded_as"] == "crime":
        row["crime_number"] = f"21/{number % 900_000 + 100_000}/{reported:%y}"
        if chance.random() < 0.7:
            row["acknowledged_at"] = _written(reported + (transferred - reported) * chance.random())
    row |= (
        plan.people.business(plan.victim(number)) if is_business else plan.people.person(plan.victim(number))
    )
    return row | (chance.choice(_WRONG) if chance.random() < UNUSABLE else {})


_FLAGS = {"vulnerable": 0.19, "intimidated": 0.07, "persistently_targeted": 0.05}


def _reported(plan: FeedPlan, number: int) -> datetime:
    chance = random_stream(plan.seed, "reported", number)
    return plan.moments[number] - timedelta(hours=min(chance.expovariate(1 / 20) + 0.5, 24 * 20))


def _events(plan: FeedPlan, number: int) -> Iterator[tuple[str, ...]]:
    chance, crime = random_stream(plan.seed, "events", number), plan.crimes[number]
    moment = _reported(plan, number)
    for step in course_of(crime.outcome):
        moment += timedelta(hours=chance.uniform(*step.hours))
        if chance.random() > step.likely:
            continue
        yield from _event(plan, number, step.event, moment, chance, about_suspect=step.about_suspect)
        if step.notice and chance.random() < 0.88:
            # Most are told within a day, some long after the limit of the Code, some never.
            late = chance.random() < 0.15
            noticed_at = moment + timedelta(hours=chance.uniform(*((120, 400) if late else (0.5, 26))))
            yield from _event(plan, number, step.notice, noticed_at, chance, about_suspect=step.about_suspect)


def _event(
    plan: FeedPlan, number: int, event: str, moment: datetime, chance: Random, *, about_suspect: bool
) -> Iterator[tuple[str, ...]]:
    recorded = moment + timedelta(minutes=chance.randint(5, 600))
    if recorded < plan.until:
        subject = "s1" if about_suspect else ""
        yield plan.reference(number), event, _written(moment), _written(recorded), "police", subject


def _written(moment: datetime) -> str:
    return moment.astimezone(LONDON).isoformat(timespec="seconds")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
