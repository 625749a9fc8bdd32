"""The order of a provider's inbox as SQL over the columns of `onward_referral`, for the statement and for its index.

PostgreSQL uses an index on an expression only where a statement has the same expression, so both are built here. All
values are members of our own enums. CASE and no coalesce or least, which PostgreSQL does not trust under row-level
security. A change of these texts needs a migration that builds the index anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from victim_gateway.rules.provider_inbox import STATES_OF_SECTION
from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES


def build_live_condition() -> str:
    """What stands in the inbox at all."""
    return f"state IN ({_quoted(state for states in STATES_OF_SECTION.values() for state in states)})"


def build_section_key() -> str:
    """The section in which it stands, as `STATES_OF_SECTION` has it."""
    parts = " ".join(
        f"WHEN state IN ({_quoted(states)}) THEN '{section}'" for section, states in STATES_OF_SECTION.items()
    )
    return f"(CASE {parts} END)"


def build_due_key() -> str:
    """`provider_inbox.provider_due_on` of what has an open clock; a day after all others for what has no day."""
    return (
        "(CASE WHEN provider_clock_on IS NULL THEN 'infinity'::date"
        f" WHEN state IN ({_quoted(UNANSWERED_ONWARD_STATES)})"
        " AND answer_due_on < provider_clock_on THEN answer_due_on"
        " ELSE provider_clock_on END)"
    )


def build_planned_key() -> str:
    """The day for which the first contact is planned, and a day after all others where none is."""
    return (
        "(CASE WHEN first_contact_planned_on IS NULL THEN 'infinity'::date ELSE first_contact_planned_on END)"
    )


def _quoted(states: Iterable[str]) -> str:
    return ", ".join(f"'{state}'" for state in states)
