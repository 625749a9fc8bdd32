"""The safe-contact plan after a row of the feed: a row can make it stricter, never looser."""

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

    A yes covers the preferred channel only, and only the number or address it was said of: every other
    channel is not known to be safe. Nobody writes to a person who has died.
    """
    safe = SafeAnswer.NO if row.deceased else SafeAnswer(row.safe_to_contact or "unknown")
    preferred = row.preferred_contact if row.preferred_contact in tuple(Channel) else None
    other = SafeAnswer.NO if safe is SafeAnswer.NO else SafeAnswer.UNKNOWN
    channels = {
        channel: (SafeAnswer.YES if safe is SafeAnswer.YES and channel == preferred else other).value
        for channel in CONTACT_CHANNELS
    }
    document = {"channels": channels, "number": person.get("phone"), "email": person.get("email")}
    if row.safe_contact_note:
        document["words"] = row.safe_contact_note
    asked_at = row.transferred_at or row.reported_at
    return OpenedPlan(safe, document, POLICE, asked_at if safe is SafeAnswer.YES else None)


def next_plan(
    current: OpenedPlan,
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
    said = SafeAnswer(row.safe_to_contact or "unknown") if _is_given("safe_to_contact", changed) else None
    has_died = bool(row.deceased) and _is_given("deceased", changed)
    is_refused = (has_died or said is SafeAnswer.NO) and current.safe is not SafeAnswer.NO
    channels, replaced = _unconfirmed_channels(before, after)
    reports_abuse = _newly_reports_abuse(row, changed)
    if _is_withdrawn_by_force(current, said, changed) or (
        reports_abuse and _is_stated_by_police_only(current) and said is not SafeAnswer.YES
    ):
        channels, replaced = frozenset(CONTACT_CHANNELS), True
    note = row.safe_contact_note if _is_given("safe_contact_note", changed) else None
    safe, document = current.safe, safe_contact.drop_replaced_details(current.document, before, after)
    if is_refused:
        safe, document = SafeAnswer.NO, safe_contact.refuse_all_channels(document)
    elif channels:
        safe, document = safe_contact.mark_channels_unconfirmed(safe, document, channels)
    document = safe_contact.append_note(document, note)
    if document == dict(current.document) and safe is current.safe:
        plan = None
    else:
        asked_at = current.checked_at if safe is current.safe else None
        plan = OpenedPlan(safe, document, POLICE if is_refused else current.stated_by, asked_at)
    looser = said is SafeAnswer.YES and current.safe is not SafeAnswer.YES
    has_new_note = document.get("words") != current.document.get("words")
    must_ask = is_refused or replaced or looser or has_new_note or (plan is not None and bool(channels))
    must_ask = must_ask or (reports_abuse and current.safe is SafeAnswer.YES)
    return plan, must_ask and not has_died


def _is_given(column: str, changed: Collection[str] | None) -> bool:
    return changed is None or column in changed


def _is_withdrawn_by_force(
    current: OpenedPlan, said: SafeAnswer | None, changed: Collection[str] | None
) -> bool:
    """Whether the force withdraws the yes that only it gave."""
    return changed is not None and said is SafeAnswer.UNKNOWN and _is_stated_by_police_only(current)


def _is_stated_by_police_only(current: OpenedPlan) -> bool:
    """Whether contact counts as safe on the word of the force alone."""
    return current.safe is SafeAnswer.YES and current.stated_by == POLICE


def _newly_reports_abuse(row: ReferralRow, changed: Collection[str] | None) -> bool:
    """The row reports domestic abuse: a person in the same house may read the phone that was safe before."""
    return bool(row.domestic_abuse) and _is_given("domestic_abuse", changed)


def _unconfirmed_channels(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[frozenset[str], bool]:
    """The channels that are no longer known to be safe, and whether something known was replaced or taken away.

    Another number or address than the one the yes was said of leaves no channel confirmed: the person may
    have moved out, or the phone may have been taken. One that is new beside it concerns only its own channels.
    """
    names = {name for name in CHANNELS_OF_FIELD if before.get(name) != after.get(name)}
    if any(before.get(name) for name in names):
        return frozenset(CONTACT_CHANNELS), True
    return frozenset().union(*(CHANNELS_OF_FIELD[name] for name in names)), False
