"""A month of invented police referrals, the same for the same seed."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

COLUMNS = (
    "feed_reference force crime_number recorded_as offence occurred_from reported_at transferred_at district"
    " victim_type victim_reference given_name family_name date_of_birth sex phone postcode consent_to_referral"
    " safe_to_contact vulnerable intimidated domestic_abuse acknowledged_at organisation_name"
).split()
_OFFENCES = (
    "Burglary",
    "Criminal damage and arson",
    "Violence and sexual offences",
    "Vehicle crime",
    "Robbery",
)
_GIVEN = ("Ada", "Ben", "Chidi", "Dora", "Emeka", "Farah", "Grace", "Harun", "Isla", "Jonah")
_FAMILY = ("Ashworth", "Begum", "Clarke", "Dhillon", "Evans", "Fenton", "Grant", "Hughes", "Iqbal", "Jones")


def write_month(path: Path, *, rows: int, month: int, districts: tuple[str, ...], seed: int = 1) -> None:
    """Write a feed file of the given number of referrals, all reported in one month of 2018."""
    chance = random.Random(seed * 100 + month)  # noqa: S311  invented data, not secrets
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(_rows(chance, rows, month, districts))


def _rows(
    chance: random.Random, rows: int, month: int, districts: tuple[str, ...]
) -> Iterator[dict[str, str]]:
    for number in range(rows):
        reported = datetime(2018, month, 1) + timedelta(minutes=chance.randrange(28 * 24 * 60))
        is_business = chance.random() < 0.08
        yield {
            "feed_reference": f"BENCH-{month:02}-{number:06}",
            "force": "Staffordshire Police",
            "crime_number": f"21/{month:02}{number:06}/18",
            "recorded_as": chance.choices(("crime", "asb", "non_crime"), (80, 17, 3))[0],
            "offence": chance.choice(_OFFENCES),
            "occurred_from": (reported - timedelta(hours=chance.randrange(72))).isoformat(),
            "reported_at": reported.isoformat(),
            "transferred_at": (reported + timedelta(hours=chance.randrange(120))).isoformat(),
            "district": chance.choice(districts),
            "victim_type": "business" if is_business else "person",
            # one victim in five has been one before
            "victim_reference": f"V{chance.randrange(rows * 5)}",
            "given_name": chance.choice(_GIVEN),
            "family_name": chance.choice(_FAMILY),
            "date_of_birth": f"{chance.randrange(1930, 2012)}-{chance.randrange(1, 13):02}-15",
            "sex": chance.choice("FMU"),
            "phone": f"07700900{chance.randrange(1000):03}",
            "postcode": f"ST{chance.randrange(1, 22)} {chance.randrange(1, 10)}AB",
            "consent_to_referral": chance.choices(("yes", "no", "not_asked"), (70, 5, 25))[0],
            "safe_to_contact": chance.choices(("yes", "no", "unknown"), (60, 5, 35))[0],
            "vulnerable": "yes" if chance.random() < 0.1 else "no",
            "intimidated": "yes" if chance.random() < 0.03 else "no",
            "domestic_abuse": "yes" if chance.random() < 0.12 else "no",
            "acknowledged_at": (reported + timedelta(days=1)).isoformat() if chance.random() < 0.7 else "",
            "organisation_name": f"Shop {number}" if is_business else "",
        }
