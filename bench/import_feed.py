"""Years of invented police referrals and their case events, the same for the same seed, to load in one file."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from bench.people import invented_people

# One person in so many referrals has been a victim before.
_KNOWN_BEFORE = 0.2
_OFFENCES = (
    "Violence and sexual offences",
    "Anti-social behaviour",
    "Criminal damage and arson",
    "Burglary",
    "Vehicle crime",
    "Other theft",
    "Public order",
    "Shoplifting",
    "Robbery",
)
_EVENTS = (
    "rights_information_given",
    "needs_assessment_completed",
    "suspect_arrested",
    "suspect_charged",
    "victim_told_suspect_charged",
)
_FIRST_DAY, _DAYS = datetime(2016, 1, 1), 3 * 365
REFERRAL_COLUMNS = (
    "feed_reference force crime_number incident_number recorded_as offence occurred_from reported_at transferred_at"
    " district location victim_type victim_reference given_name family_name date_of_birth sex phone email"
    " address_line_1 postcode preferred_contact safe_to_contact consent_to_referral vulnerable intimidated"
    " persistently_targeted serious_crime domestic_abuse officer_name officer_email acknowledged_at organisation_name"
    " outcome"
).split()
EVENT_COLUMNS = ("feed_reference", "event", "occurred_at", "recorded_at", "source", "note")


def write_referrals(path: Path, *, rows: int, districts: tuple[str, ...], seed: int = 1) -> None:
    """Write so many referrals in the order in which they were reported."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, REFERRAL_COLUMNS)
        writer.writeheader()
        writer.writerows(_referrals(rows, districts, seed))


def write_events(path: Path, *, rows: int, seed: int = 1) -> None:
    """Write five case events for each of so many referrals, those of one referral one after the other."""
    chance = random.Random(seed)  # noqa: S311  invented data, not secrets
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(EVENT_COLUMNS)
        for number in range(rows):
            at = _reported_at(number, rows)
            for event in _EVENTS:
                at += timedelta(minutes=chance.randrange(20, 5 * 24 * 60))
                recorded_at = at + timedelta(hours=5)
                writer.writerow(
                    (_reference(number), event, at.isoformat(), recorded_at.isoformat(), "police", "")
                )


def _reference(number: int) -> str:
    # As forces' systems give them: without an order.
    return f"BV-{random.Random(number).getrandbits(64):016x}"  # noqa: S311


def _reported_at(number: int, rows: int) -> datetime:
    return _FIRST_DAY + timedelta(minutes=number * _DAYS * 24 * 60 // rows)


def _referrals(rows: int, districts: tuple[str, ...], seed: int) -> Iterator[dict[str, str]]:
    chance = random.Random(seed)  # noqa: S311
    people = enumerate(invented_people(rows, seed))
    known: list[tuple[int, dict[str, str]]] = []
    for number in range(rows):
        if known and chance.random() < _KNOWN_BEFORE:
            person_number, person = chance.choice(known)
        else:
            person_number, person = next(people)
            known.append((person_number, person))
        reported = _reported_at(number, rows)
        is_business = chance.random() < 0.08
        yield {
            "feed_reference": _reference(number),
            "force": "Staffordshire Police",
            "crime_number": f"21/{number:07}/{reported:%y}",
            "incident_number": f"{reported:%Y%m%d}-{number % 10_000:04}",
            "recorded_as": chance.choices(("crime", "asb", "non_crime"), (80, 17, 3))[0],
            "offence": chance.choice(_OFFENCES),
            "occurred_from": (reported - timedelta(hours=chance.randrange(72))).isoformat(),
            "reported_at": reported.isoformat(),
            "transferred_at": (reported + timedelta(hours=chance.randrange(120))).isoformat(),
            "district": chance.choice(districts),
            "location": f"On or near {person['address_line_1'].split(' ', 1)[1]}",
            "victim_type": "business" if is_business else "person",
            "victim_reference": f"{'B' if is_business else 'V'}{person_number:08}",
            **person,
            "sex": chance.choice("FMU"),
            "preferred_contact": chance.choice(("phone", "email")),
            "safe_to_contact": chance.choices(("yes", "no", "unknown"), (60, 5, 35))[0],
            "consent_to_referral": chance.choices(("yes", "no", "not_asked"), (70, 5, 25))[0],
            "vulnerable": "yes" if chance.random() < 0.1 else "no",
            "intimidated": "yes" if chance.random() < 0.03 else "no",
            "persistently_targeted": "no",
            "serious_crime": "no",
            "domestic_abuse": "yes" if chance.random() < 0.12 else "no",
            "officer_name": f"PC {number % 3000}",
            "officer_email": f"oic{number % 3000}@police.example",
            "acknowledged_at": (reported + timedelta(days=1)).isoformat() if chance.random() < 0.7 else "",
            "organisation_name": f"Shop {person_number}" if is_business else "",
            "outcome": "Investigation complete; no suspect identified",
        }
