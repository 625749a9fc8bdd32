"""What of a handover is no longer right: the shared parts as they were told and as they are recorded now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

# What a caseworker wrote for this provider, and what the sharing itself was: nothing corrects it from elsewhere.
_OWN_TO_THE_SHARING = frozenset({"parts", "shared_on", "agreed", "what_happened", "wants", "words", "kind"})
# What keeps the person safe goes with every sharing: nobody can leave a change of it out.
ALWAYS_AMENDED = frozenset(
    {"risk", "risk_grounds", "harms", "domestic_abuse", "hate_strand", "is_child", "interpreter_needed"}
)
_LABELS = {
    "offence": "What was reported",
    "harms": "Kinds of harm",
    "hate_strand": "Hate crime strand",
    "is_child": "A child",
    "recorded_as": "Recorded as",
    "occurred_on": "When it happened",
    "risk_grounds": "Grounds for the risk",
    "interpreter_needed": "Interpreter",
    "communication_needs": "Help with communication",
}


@dataclass(frozen=True, slots=True)
class HandoverChange:
    """One field of a handover: what the provider was told, and what is recorded now."""

    field: str
    before: Any
    now: Any


def handover_changes(shared: Mapping[str, Any], current: Mapping[str, Any]) -> tuple[HandoverChange, ...]:
    """The fields that differ between a stored handover and the same parts composed again.

    Nothing and an empty value are the same: an older handover may lack a field that has no value.
    """
    names = dict.fromkeys((*current, *shared))
    return tuple(
        HandoverChange(name, shared.get(name), current.get(name))
        for name in names
        if name not in _OWN_TO_THE_SHARING and (shared.get(name) or None) != (current.get(name) or None)
    )


def keep_fields(
    shared: Mapping[str, Any], current: Mapping[str, Any], kept: Collection[str]
) -> dict[str, Any]:
    """A handover composed anew in which these fields stay as they were told: a caseworker did not choose them."""
    composed = {name: value for name, value in current.items() if name not in kept}
    return {**composed, **{name: shared[name] for name in kept if name in shared}}


def handover_field_label(field: str) -> str:
    """What a field of a handover is called on a page."""
    return _LABELS.get(field, field.replace("_", " ").capitalize())
