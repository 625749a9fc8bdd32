"""Summary sentences over the figures of the compliance page; the headline is of duties with a limit only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from victim_gateway.blueprints.compliance.totals import OWNERS, StandardFigures, StatusTally
from victim_gateway.web.filters import count_noun, format_number, format_percent, long_date

_ENOUGH = 20
"""Fewer due clocks than this make no owner the worst."""


def code_sentences(
    period: tuple[date, date], code: StandardFigures, owners: Mapping[str, StatusTally]
) -> list[str]:
    """Sentences on the Code's clocks: how many were met, who missed most, how many are unknown, and the rest."""
    between = f"between {long_date(period[0])} and {long_date(period[1])}"
    if not code.has_any:
        return [f"No clock of the Victims' Code started {between}."]
    sentences = []
    if code.total.started:
        sentences += [_kept(between, code.total), _furthest_behind(owners), _unknown(code.total)]
    if code.unlimited.started:
        sentences.append(_without_limit(code.unlimited))
    return sentences


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
        clocks = count_noun(total.started, "clock with a limit", "clocks with a limit")
        return f"{clocks} of the Victims' Code started {between}; the outcome of each is still to come or unknown."
    return (
        f"Of {count_noun(total.due, 'promise')} of the Victims' Code with a limit whose clock started {between}"
        f" and whose outcome is known, {format_number(total.met)} ({format_percent(total.rate)}) were kept in"
        " time."
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
        f" and {format_number(missing)} overdue."
    )


def _unknown(total: StatusTally) -> str:
    running = f"{format_number(total.counts['running'])} are still running"
    if not total.counts["unknown"]:
        return f"Of every promise past its day it is known whether it was kept; {running}."
    unknown = count_noun(total.counts["unknown"], "more promise")
    return f"The outcome of {unknown} is unknown, because it would be recorded only outside this service; {running}."


def _without_limit(total: StatusTally) -> str:
    promises = count_noun(total.started, "promise")
    return f"Apart from these, {format_number(total.met)} of {promises} without a limit are done so far."
