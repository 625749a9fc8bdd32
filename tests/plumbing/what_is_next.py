"""The cases of `tests/data/what_is_next.csv`, and the page that is made of them for people.

`python -m tests.plumbing.what_is_next` writes `docs/what-is-next.md` anew. The expected answers of the table were
written by judgement; nothing here computes one.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from victim_gateway.compliance.calendar import add_working_days, england_and_wales
from victim_gateway.rules.next_action import DueDate, NextActionFacts, ReferralFlag
from victim_gateway.rules.step_dates import risk_band
from victim_gateway.vocabulary import NextAction, OnwardState, ReferralState, Risk, SafeAnswer, TaskKind
from victim_gateway.web.filters import short_date
from victim_gateway.web.labels import label_of

ROOT = Path(__file__).resolve().parents[2]
TABLE, PAGE = ROOT / "tests/data/what_is_next.csv", ROOT / "docs/what-is-next.md"
# What stands on the page above the rows.
INTRODUCTION = ROOT / "tests/data/what_is_next.md"
# The Thursday before Easter: the next working day is the Tuesday after it.
REPORTED_ON = date(2026, 4, 2)
_DATES = {
    "task_due": DueDate.TASK,
    "standard_due": DueDate.GATEWAY_CLOCK,
    "offer_due": DueDate.OFFER_ANSWER,
    "provider_due": DueDate.PROVIDER_CLOCK,
}
_OWNERS = {
    "team": "The team: nobody has it",
    "caseworker": "Its caseworker",
    "provider": "The provider",
    "nobody": "Nobody",
}


@dataclass(frozen=True, slots=True)
class NextActionCase:
    """One row: what is known of a referral, and what must come next, by whom and when."""

    text: str
    facts: NextActionFacts
    risk: Risk
    domestic_abuse: bool
    safe: SafeAnswer
    since: int
    action: NextAction
    owner: str
    due: int | None

    @property
    def due_on(self) -> date | None:
        """The day that `due` working days after the report comes to."""
        return None if self.due is None else day_after_report(self.due)


def day_after_report(working_days: int) -> date:
    """So many working days after the report."""
    return add_working_days(REPORTED_ON, working_days, england_and_wales())


def read_cases() -> list[NextActionCase]:
    """The cases in the order of the table."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return [_read_case(row) for row in csv.DictReader(lines)]


def render_page() -> str:
    """The page for people."""
    rows = (_render_row(number, case) for number, case in enumerate(read_cases(), start=1))
    return INTRODUCTION.read_text(encoding="utf-8") + "".join(rows)


def _read_case(row: dict[str, str]) -> NextActionCase:
    risk, abuse, safe = Risk(row["risk"]), row["domestic_abuse"] == "yes", SafeAnswer(row["safe"])
    onward = row["onward"].split("+") if row["onward"] else []
    flags = {
        ReferralFlag.ASSIGNED: row["has_caseworker"] == "yes",
        ReferralFlag.REACHED: row["reached"] == "yes",
        ReferralFlag.ASSESSED: row["assessed"] == "yes",
        ReferralFlag.SAFE_TO_CONTACT: safe is SafeAnswer.YES,
        ReferralFlag.DECLINE_UNCONFIRMED: "declined" in onward,
    }
    facts = NextActionFacts(
        state=ReferralState(row["state"]),
        on=day_after_report(int(row["since"])),
        flags=frozenset(flag for flag, is_set in flags.items() if is_set),
        onward_states=frozenset(OnwardState(state.removesuffix("_and_agreed")) for state in onward),
        open_tasks=frozenset(TaskKind(kind) for kind in row["tasks"].split("+") if kind),
        due_dates={due: day_after_report(int(row[name])) for name, due in _DATES.items() if row[name]},
        band=risk_band(risk, domestic_abuse=abuse),
    )
    return NextActionCase(
        text=row["what_has_happened"],
        facts=facts,
        risk=risk,
        domestic_abuse=abuse,
        safe=safe,
        since=int(row["since"]),
        action=NextAction(row["action"]),
        owner=row["owner"],
        due=int(row["due"]) if row["due"] else None,
    )


def _render_row(number: int, case: NextActionCase) -> str:
    risk = label_of(case.risk) + (", domestic abuse" if case.domestic_abuse else "")
    by_when = f"+{case.due} ({short_date(case.due_on)})" if case.due is not None else "–"
    safe = {SafeAnswer.YES: "Yes", SafeAnswer.NO: "No", SafeAnswer.UNKNOWN: "Not known"}[case.safe]
    cells = (
        str(number),
        case.text,
        risk,
        safe,
        f"+{case.since}",
        label_of(case.action),
        _OWNERS[case.owner],
        by_when,
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
