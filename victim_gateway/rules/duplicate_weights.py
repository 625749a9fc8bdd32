"""The weights by which likely duplicates are proposed, as administrators keep them over those that ship.

What is kept decides who is proposed to a person, and nothing else. That two records are certainly one person is asked
of the weights that ship, so nothing kept here can loosen it, and a contradiction beats every weight.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from victim_gateway.rules.identity_explanations import level_text

if TYPE_CHECKING:
    from config.identity_weights import IdentityWeights

THRESHOLD = "threshold"
LIKELY_FROM = "likely_from"
WEIGHT_ENTRIES: tuple[tuple[str, str], ...] = (
    ("name", "Name"),
    ("organisation", "Name of an organisation"),
    ("birth_date", "Birth date"),
    ("phone", "Phone"),
    ("email", "Email"),
    ("postcode", "Postcode"),
    ("crime_number", "Crime number"),
    ("reference", "Police reference of the person"),
    (THRESHOLD, "From which sum on a person is proposed"),
)
# The force's own name of a person: alone it may propose them. Everything else is shared by households and strangers.
_STRONG_FIELD = "reference"
MOST_BITS = 30.0


def weights_of_entry(code: str, weights: IdentityWeights) -> dict[str, float]:
    """The numbers of one entry: the level of its field, or the sum from which a person is proposed."""
    return {LIKELY_FROM: weights.likely_from} if code == THRESHOLD else dict(weights.levels[code])


def write_weights(numbers: Mapping[str, float]) -> str:
    """The numbers of an entry as the text that it keeps."""
    return json.dumps(dict(numbers))


def lay_weights_over(shipped: IdentityWeights, bodies: Mapping[str, str | None]) -> IdentityWeights:
    """The weights that propose: what is kept, and for the rest what ships. What can't be read counts as it ships."""
    kept = {code: _read(code, body, shipped) for code, body in bodies.items() if body}
    changed = {code: numbers for code, numbers in kept.items() if numbers is not None}
    if not changed:
        return shipped
    return replace(
        shipped,
        levels={field: changed.get(field, levels) for field, levels in shipped.levels.items()},
        likely_from=changed.get(THRESHOLD, {}).get(LIKELY_FROM, shipped.likely_from),
        certain=shipped,
    )


def find_weight_mistakes(code: str, weights: IdentityWeights) -> dict[str, str]:
    """What is wrong with the numbers of an entry within all the weights together: a message by the name of a number.

    More agreement never counts less, no field but the force's reference of the person proposes anybody alone, and
    whoever has the same name and birth date is always proposed.
    """
    numbers = weights_of_entry(code, weights)
    too_big = [name for name, number in numbers.items() if not abs(number) <= MOST_BITS]
    if too_big:
        return dict.fromkeys(too_big, f"Enter a number from -{MOST_BITS:.0f} to {MOST_BITS:.0f}")
    if code != THRESHOLD:
        wrong = _mistakes_of_order(numbers)
        if wrong:
            return wrong
    first = next(iter(numbers))
    alone = [
        label.lower()
        for field, label in WEIGHT_ENTRIES
        if field not in (THRESHOLD, _STRONG_FIELD)
        and weights.prior + max(weights.levels[field].values()) >= weights.likely_from
    ]
    if alone:
        return {
            first: f"With this, the same {alone[0]} alone would propose a person: {_room(weights, alone=True)}"
        }
    if _sum_of_same(weights) < weights.likely_from:
        return {
            first: f"With this, the same name and birth date would propose nobody: {_room(weights, alone=False)}"
        }
    return {}


def describe_weights(code: str, body: str | None, shipped: IdentityWeights) -> str:
    """The numbers of an entry in one line, for its history and its list."""
    numbers = (_read(code, body, shipped) if body else None) or weights_of_entry(code, shipped)
    return ", ".join(f"{number_label(code, name)}: {round(number, 1):g}" for name, number in numbers.items())


def number_label(code: str, name: str) -> str:
    """What a number counts for."""
    return "proposed from" if code == THRESHOLD else level_text(code, name)


def _read(code: str, body: str | None, shipped: IdentityWeights) -> dict[str, float] | None:
    expected = weights_of_entry(code, shipped) if code == THRESHOLD or code in shipped.levels else {}
    try:
        given = json.loads(body or "")
        numbers = {name: float(given[name]) for name in expected}
    except (ValueError, KeyError, TypeError):
        return None
    return numbers or None


def _mistakes_of_order(numbers: Mapping[str, float]) -> dict[str, str]:
    names, counted = list(numbers), list(numbers.values())
    if counted[0] <= 0:
        return {names[0]: "Full agreement must count more than 0"}
    if counted[-1] >= 0:
        return {names[-1]: "What does not agree must count less than 0"}
    return {
        name: f"Enter at most {before:g}: what agrees less can't count more"
        for name, before, number in zip(names[1:], counted, counted[1:], strict=False)
        if number > before
    }


def _sum_of_same(weights: IdentityWeights) -> float:
    return weights.prior + weights.levels["name"]["exact_match"] + weights.levels["birth_date"]["exact_match"]


def _room(weights: IdentityWeights, *, alone: bool) -> str:
    if alone:
        return f"two strangers begin at {weights.prior:.1f}, and {weights.likely_from:g} proposes"
    return f"they sum up to {_sum_of_same(weights):.1f}, and {weights.likely_from:g} proposes"
