"""Summary sentences over the figures of the compliance page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from victim_gateway.blueprints.compliance.totals import OWNERS, StatusTally
from victim_gateway.web.filters import count_noun, format_number, format_percent, long_date

_ENOUGH = 20
"""Fewer due clocks than this make no owner the worst."""


def code_sentences(
    period: tuple[date, date], total: StatusTally, owners: Mapping[str, StatusTally]
) -> list[str]:
    """Sentences on the Code's clocks: how many were met, who missed most, and how many are not known."""
    between = f"between {long_date(period[0])} and {long_date(period[1])}"
    if not total.started:
        return [f"No clock of the Victims' Code started {between}."]
    return [_kept(between, total), _furthest_behind(owners), _not_known(total)]


def local_sentence(total: StatusTally, target: float | None) -> str:
    """One sentence on how the area's own standards are met."""
    if total.rate is None:
        return "None of our own standards fell due in this time."
    aim = "" if target is None else f" The target is {format_percent(target)}."
    return (
        f"Of {count_noun(total.due, 'act')} due under our own standards,"
        f" {format_number(total.met)} ({format_percent(total.rate)}) were done in time.{aim}"
    )


def _kept(between: str, total: StatusTally) -> str:
    if total.rate is None:
        clocks = count_noun(total.started, "clock of the Victims' Code", "clocks of the Victims' Code")
        return f"{clocks} started {between}; for none of them is it known yet whether it was met."
    return (
        f"Of {count_noun(total.due, 'promise')} of the Victims' Code whose clock started {between} and whose"
        f" outcome is known, {format_number(total.met)} ({format_percent(total.rate)}) were kept in time."
    )


def _furthest_behind(owners: Mapping[str, StatusTally]) -> str:
    ranked = sorted((tally.rate or 0, owner) for owner, tally in owners.items() if tally.due >= _ENOUGH)
    if not ranked:
        return f"No owner has {_ENOUGH} or more to be judged by."
    rate, owner = ranked[0]
    if rate == 1:
        return "Every owner with enough to be judged by kept all of theirs in time."
    late, missing = owners[owner].counts["met_late"], owners[owner].counts["overdue"]
    name = OWNERS.get(owner, owner)
    return (
        f"Furthest behind: {name}, with {format_percent(rate)} in time, {format_number(late)} late"
        f" and {format_number(missing)} that nothing shows was done."
    )


def _not_known(total: StatusTally) -> str:
    running = f"{format_number(total.counts['running'])} are still running"
    if not total.counts["unknown"]:
        return f"Of every promise past its day it is known whether it was kept; {running}."
    unknown = count_noun(total.counts["unknown"], "more promise")
    return (
        f"Of {unknown} it is not known whether they were kept, because nobody who would have seen it"
        f" reports to us; {running}."
    )
