"""What a row of the feed does to how a person may be reached: it can make it stricter, never looser."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.rules import safe_contact
from victim_gateway.rules.safe_contact import CHANNELS_OF_FIELD, CONTACT_CHANNELS
from victim_gateway.vocabulary import Channel, SafeAnswer

POLICE = "police_feed"


@dataclass(frozen=True, slots=True)
class OpenedPlan:
    """A safe-contact plan, opened. `checked_at` is when the person was asked."""

    safe: SafeAnswer
    document: Mapping[str, Any]
    stated_by: str
    checked_at: datetime | None


def first_plan(row: ReferralRow, person: Mapping[str, Any]) -> OpenedPlan:
    """The plan that a feed's answer amounts to where there was none.

    A yes covers the preferred channel only, and only the number or address it was said of: what nobody
    has said is safe is not.
    """
    safe = SafeAnswer(row.safe_to_contact or "unknown")
    preferred = row.preferred_contact if row.preferred_contact in tuple(Channel) else None
    other = SafeAnswer.NO if safe is SafeAnswer.NO else SafeAnswer.UNKNOWN
    channels = {
        way: (SafeAnswer.YES if safe is SafeAnswer.YES and way == preferred else other).value
        for way in CONTACT_CHANNELS
    }
    document = {"channels": channels, "number": person.get("phone"), "email": person.get("email")}
    if row.safe_contact_note:
        document["words"] = row.safe_contact_note
    asked_at = row.transferred_at or row.reported_at
    return OpenedPlan(safe, document, POLICE, asked_at if safe is SafeAnswer.YES else None)


def next_plan(
    held: OpenedPlan,
    row: ReferralRow,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    changed: Collection[str] | None,
) -> tuple[OpenedPlan | None, bool]:
    """The plan that follows, None where it stays, and whether a person must ask again.

    `before` and `after` are the person's document; `changed` names the columns that an update changed, None
    for a new referral: what an update only repeats is older than what was recorded since.
    """
    said = SafeAnswer(row.safe_to_contact or "unknown") if _told("safe_to_contact", changed) else None
    is_refused = said is SafeAnswer.NO and held.safe is not SafeAnswer.NO
    ways, replaced = _in_doubt(before, after)
    in_danger = _newly_in_danger(row, changed)
    if _taken_back(held, said, changed) or (
        in_danger and _on_their_word(held) and said is not SafeAnswer.YES
    ):
        ways, replaced = frozenset(CONTACT_CHANNELS), True
    note = row.safe_contact_note if _told("safe_contact_note", changed) else None
    safe, document = held.safe, safe_contact.drop_replaced_details(held.document, before, after)
    if is_refused:
        safe, document = SafeAnswer.NO, safe_contact.refuse_all_channels(document)
    elif ways:
        safe, document = safe_contact.mark_channels_unconfirmed(safe, document, ways)
    document = safe_contact.append_note(document, note)
    if document == dict(held.document) and safe is held.safe:
        plan = None
    else:
        asked_at = held.checked_at if safe is held.safe else None
        plan = OpenedPlan(safe, document, POLICE if is_refused else held.stated_by, asked_at)
    looser = said is SafeAnswer.YES and held.safe is not SafeAnswer.YES
    has_new_words = document.get("words") != held.document.get("words")
    must_ask = is_refused or replaced or looser or has_new_words or (plan is not None and bool(ways))
    return plan, must_ask or (in_danger and held.safe is SafeAnswer.YES)


def _told(column: str, changed: Collection[str] | None) -> bool:
    return changed is None or column in changed


def _taken_back(held: OpenedPlan, said: SafeAnswer | None, changed: Collection[str] | None) -> bool:
    """The force itself no longer says that it is safe."""
    return changed is not None and said is SafeAnswer.UNKNOWN and _on_their_word(held)


def _on_their_word(held: OpenedPlan) -> bool:
    """Whether it is only the force that called it safe."""
    return held.safe is SafeAnswer.YES and held.stated_by == POLICE


def _newly_in_danger(row: ReferralRow, changed: Collection[str] | None) -> bool:
    """The row tells of domestic abuse: whoever shares the house may read the telephone that was safe before."""
    return bool(row.domestic_abuse) and _told("domestic_abuse", changed)


def _in_doubt(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[frozenset[str], bool]:
    """The ways that the row puts in doubt, and whether something known was replaced or taken away.

    Another number or address than the one the yes was said of puts everything in doubt: the person may
    have moved out, or the telephone may have been taken. One that is new beside it, only its own ways.
    """
    names = {name for name in CHANNELS_OF_FIELD if before.get(name) != after.get(name)}
    if any(before.get(name) for name in names):
        return frozenset(CONTACT_CHANNELS), True
    return frozenset().union(*(CHANNELS_OF_FIELD[name] for name in names)), False
