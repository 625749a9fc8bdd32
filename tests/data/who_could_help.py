"""The cases of `who-could-help.json`, the shipped directories they are about, and the document made from both.

What is expected was written by judgement, not taken from what the program says. `python -m tests.data.who_could_help`
writes `docs/who-could-help.md` anew.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.rules.eligibility import (
    DirectoryService,
    EligibilityFacts,
    ServiceFit,
    rank_service_fits,
)
from victim_gateway.rules.harms import HARM_PHRASES, HarmFacts, harms_of_referral
from victim_gateway.rules.restorative_justice import may_be_sexual
from victim_gateway.rules.service_capacity import capacity_of_older_columns
from victim_gateway.vocabulary import Harm, Risk

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).with_name("who-could-help.json")
DOCUMENT = ROOT / "docs" / "who-could-help.md"
DIRECTORIES = {
    "staffordshire": ROOT / "victim_gateway" / "data" / "providers-staffordshire.csv",
    "cleveland": ROOT / "victim_gateway" / "demo" / "data" / "providers-cleveland.csv",
}
TODAY = "2026-11-27"


@dataclass(frozen=True)
class MatchingCase:
    """One row of the table: what is known of a referral, and what is expected for it."""

    row: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.row['area']}: {self.row['case']}"

    def harm_facts(self) -> HarmFacts:
        flags = self.row["flags"]
        return HarmFacts(
            offence=self.row["offence"],
            offence_code=self.row["offence_code"],
            recorded_as="asb" if "asb" in flags else "crime",
            victim_type=self.row["victim_type"],
            domestic_abuse="domestic_abuse" in flags,
            serious_crime="serious_crime" in flags,
            hate_strand=self.row["hate_strand"],
            chosen=[Harm(harm) for harm in self.row["chosen"]],
        )

    def fits(self) -> tuple[ServiceFit, ...]:
        harms = harms_of_referral(self.harm_facts())
        facts = EligibilityFacts(
            harms=harms,
            residence=self.row["lives_in"],
            victim_type=self.row["victim_type"],
            age=self.row["age"],
            needs=frozenset(self.row["needs"]),
            risk=Risk(self.row["risk"]),
            sex=self.row["sex"],
            hate_strand=self.row["hate_strand"],
            wants_restorative_justice=self.row["wants_restorative_justice"],
            has_senior_yes=self.row["senior_said_yes"],
            may_be_sexual=may_be_sexual(harms, self.row["offence"]),
        )
        return rank_service_fits(
            shipped_services(self.row["area"]), facts, date.fromisoformat(self.row["on"])
        )


def read_cases() -> list[MatchingCase]:
    """Every case, in the order of the table."""
    return [MatchingCase(row) for row in json.loads(CASES.read_text(encoding="utf-8"))]


def shipped_services(area: str) -> list[DirectoryService]:
    """The services of the directory that ships for an area, without a database."""
    with DIRECTORIES[area].open(encoding="utf-8", newline="") as lines:
        return [_service(number, row) for number, row in enumerate(csv.DictReader(lines), start=1)]


def _service(number: int, row: Mapping[str, str]) -> DirectoryService:
    return DirectoryService(
        id=UUID(int=number),
        key=row["service_key"],
        name=row["service_name"],
        description=row["service_description"],
        provider_id=UUID(int=number),
        provider_name=row["provider_name"],
        active_from=date.fromisoformat(row["active_from"]),
        active_until=_day(row["active_until"]),
        districts=_listed(row["districts"]),
        needs=_listed(row["needs"]),
        victim_types=_listed(row["victim_types"]),
        min_age=_number(row["min_age"]),
        max_age=_number(row["max_age"]),
        capacity=capacity_of_older_columns(row["open"] == "yes", _number(row["wait_days"])),
        harms=tuple(Harm(harm) for harm in _listed(row["harms"])),
        sexes=_listed(row["sexes"]),
        starts_on=_day(row["starts_on"]),
        ends_on=_day(row["ends_on"]),
        phone=row["phone"] or None,
        kind=ServiceKind(row["kind"]),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _number(text: str) -> int | None:
    return int(text) if text else None


def render_document(cases: list[MatchingCase]) -> str:
    """The whole of `docs/who-could-help.md`."""
    lines = [
        "# Who could help whom",
        "",
        "For each case the services that fit, in their order, what to check first, and which services of the",
        "same harm do not fit and why. Services for other harms are folded away on the page and left out here.",
        "The rule is in `victim_gateway/rules/eligibility.py`, the reasons are in",
        "[adr/0023](adr/0023-help-is-found-by-harm.md). Made from `tests/data/who-could-help.json` by",
        "`python -m tests.data.who_could_help`; the tests compare the program with the same table.",
    ]
    for area in DIRECTORIES:
        lines += [
            "",
            f"## {area.capitalize()}",
            "",
            _ROW.format(*_HEADER),
            _ROW.format(*["---"] * len(_HEADER)),
        ]
        lines += [_ROW.format(*_cells(case)) for case in cases if case.row["area"] == area]
    return "\n".join(lines) + "\n"


_SINGULAR = {
    "person": "The person themselves",
    "bereaved_relative": "A bereaved relative",
    "parent_or_guardian": "A parent or guardian",
    "witness": "A witness",
    "family_member": "Family of a living victim",
    "friend": "A friend",
}
_HEADER = ("case", "who", "harm, from", "in this order", "check first", "not these, and why")
_ROW = "| {} | {} | {} | {} | {} | {} |"


def _cells(case: MatchingCase) -> list[str]:
    row, names = case.row, {service.key: service for service in shipped_services(case.row["area"])}

    def name(key: str) -> str:
        return f"{names[key].provider_name} ({names[key].name})"

    order = [
        f"{place}. {name(key)}{' – a senior caseworker first' if key in row['senior_first'] else ''}"
        for place, key in enumerate(row["services"], start=1)
    ]
    return [
        row["case"] if row["on"] == TODAY else f"{row['case']} (on {row['on']})",
        _who(row),
        _harm(row),
        "<br>".join(order) or "None: the Gateway goes on supporting them",
        "<br>".join(f"{name(key)}: {' '.join(said)}" for key, said in row["check_first"].items()),
        "<br>".join(f"{name(key)}: {said}" for key, said in row["not_these"].items()),
    ]


def _who(row: Mapping[str, Any]) -> str:
    age = "age not known" if row["age"] is None else f"aged {row['age']}"
    is_business = row["victim_type"] == "business"
    said = {
        "yes": "wants restorative justice",
        "no": "said no to restorative justice",
        "later": "wants to think about restorative justice",
    }.get(row["wants_restorative_justice"])
    parts = [
        "A business" if is_business else f"{_SINGULAR[row['victim_type']]}, {age}",
        f"{'is' if is_business else 'lives'} in {row['lives_in']}"
        if row["lives_in"]
        else "where they live is not known",
        f"{row['risk']} risk",
        "needs " + ", ".join(need.replace("_", " ") for need in row["needs"]),
        *([said] if said else []),
        *(["a senior caseworker has said yes"] if row["senior_said_yes"] else []),
    ]
    return "; ".join(parts)


def _harm(row: Mapping[str, Any]) -> str:
    said = [
        f"“{row['offence']}”",
        *([f"code {row['offence_code']}"] if row["offence_code"] else []),
        *[f"flag {flag.replace('_', ' ')}" for flag in row["flags"]],
        *([f"hate strand {row['hate_strand']}"] if row["hate_strand"] else []),
        *[f"ticked {HARM_PHRASES[Harm(harm)]}" for harm in row["chosen"]],
    ]
    return f"{', '.join(HARM_PHRASES[Harm(harm)] for harm in row['harms'])}<br>from {', '.join(said)}"


if __name__ == "__main__":
    DOCUMENT.write_text(render_document(read_cases()), encoding="utf-8")
