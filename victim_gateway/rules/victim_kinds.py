"""The kind of victim that a referral was recorded with by mistake: put right upwards, never down."""

from __future__ import annotations

from collections.abc import Mapping

from victim_gateway.compliance.victim_categories import WITHOUT_CODE_RIGHTS

VICTIM_KINDS: Mapping[str, str] = {
    "person": "The person themselves",
    "bereaved_relative": "A close relative of somebody who died",
    "parent_or_guardian": "A parent or guardian of a child",
    "witness": "A witness: they saw or heard it",
    "family_member": "Family of somebody who was harmed and is alive",
    "friend": "A friend of somebody who was harmed or who died",
    "business": "A business",
}
# A business is another record with other questions: it is recorded anew.
CORRECTABLE_TO = ("person", "bereaved_relative", "parent_or_guardian")
_KEPT = "This can't be changed here: the Victims' Code makes promises to them, and no correction takes those away."


def is_correctable_kind(victim_type: str) -> bool:
    """Whether the kind may be another: only where the Code promises nothing to the one that is recorded."""
    return victim_type in WITHOUT_CODE_RIGHTS


def refusal_of_kind(before: str, after: str | None) -> str | None:
    """Why one kind can't become another by a correction; None where it can, or where nothing changes.

    Downwards the time limits of the Code that run would end with nobody asked, and late ones with them.
    """
    if after == before:
        return None
    if not is_correctable_kind(before):
        return _KEPT
    return None if after in CORRECTABLE_TO else "Choose who was harmed"


def describe_new_kind(after: str, *, is_crime: bool) -> str:
    """What follows from another kind, in sentences for the page that asks before it is saved."""
    promised = (
        "The Victims' Code makes promises to them: its time limits are counted from the report to the police, where"
        " there was one, and some may have passed already."
        if is_crime
        else "The Victims' Code makes promises to them as soon as this is recorded as a crime."
    )
    relative = (
        " They have the shorter time limits, and where nobody has spoken to them yet, contact waits for their own yes."
        if after == "bereaved_relative"
        else ""
    )
    return f"{promised}{relative} This can't be taken back by a correction."
