"""Each reason of a hold as a page shows it: what ends it, who owes that, and the links that lead there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for

from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.hold import HOLD_RULES, HoldParty
from victim_gateway.services.shared.referral_holds import AS_GIVEN, unread_protective_columns
from victim_gateway.vocabulary import HeldReason
from victim_gateway.web.labels import label_of

_CONSENT = ("referrals.consent", "Record what the person says")
_CLOSE = ("referrals.close", "Close the referral")
_SAFE_ADULT = ("referrals.safe_adult", "Name a safe adult")
_LINKS: dict[HeldReason, tuple[tuple[str, str], ...]] = {
    HeldReason.CONSENT_REFUSED: (_CONSENT, _CLOSE),
    HeldReason.PERSON_DIED: (("referrals.after_death", "Decide what happens"),),
    HeldReason.WITHDRAWN_BY_FORCE: (("referrals.after_withdrawal", "Decide what happens"),),
    HeldReason.UNREADABLE_ANSWERS: (("referrals.overview", "Say what each value means"),),
    HeldReason.EXPLICIT_CONSENT_NEEDED: (_CONSENT, _CLOSE),
    HeldReason.CHILD_WITHOUT_SAFE_ADULT: (
        _SAFE_ADULT,
        ("referrals.capacity", "Record that the child may decide"),
    ),
    HeldReason.NO_CONTACT_DETAILS: (("referrals.correct", "Add a way to reach them"), _CLOSE),
    HeldReason.OUT_OF_SCOPE: (("referrals.close", "Close as out of area"),),
}
# The part of the page that a link leads to.
_ANCHORS = {"referrals.overview": "as-given"}
_SENIOR_LINKS: dict[HeldReason, tuple[tuple[str, str], ...]] = {
    HeldReason.OUT_OF_SCOPE: (("referrals.take_out_of_scope", "Take it all the same"),),
}
_PARTIES = {
    HoldParty.FORCE: "the police or the agency that sent it",
    HoldParty.CASEWORKER: "us",
    HoldParty.SENIOR: "a senior caseworker",
    HoldParty.PERSON: "the person themselves",
}


@dataclass(frozen=True, slots=True)
class HoldLine:
    """One reason.

    `given` are the answers that could not be read, each after its column's name; `links` are text and address.
    """

    reason: HeldReason
    label: str
    ends_with: str
    owed_by: str
    given: Sequence[tuple[str, str]]
    links: Sequence[tuple[str, str]]


def hold_lines(head: ReferralHeader, *, is_senior: bool) -> list[HoldLine]:
    """Every reason for which the referral is held, the gravest first."""
    return [_line(reason, head, is_senior=is_senior) for reason in head.referral.standing_reasons]


def _line(reason: HeldReason, head: ReferralHeader, *, is_senior: bool) -> HoldLine:
    rule, referral_id = HOLD_RULES[reason], head.referral.id
    links = (*(_SENIOR_LINKS.get(reason, ()) if is_senior else ()), *_LINKS[reason])
    owed_by = "; ".join(_PARTIES[party] for party in rule.owed_by)
    return HoldLine(
        reason=reason,
        label=label_of(reason),
        ends_with=rule.ends_with,
        owed_by=owed_by[:1].upper() + owed_by[1:],
        given=_unread_answers(head) if reason is HeldReason.UNREADABLE_ANSWERS else (),
        links=[
            (text, url_for(endpoint, referral_id=referral_id, _anchor=_ANCHORS.get(endpoint)))
            for endpoint, text in links
        ],
    )


def _unread_answers(head: ReferralHeader) -> list[tuple[str, str]]:
    given = head.details.get(AS_GIVEN) or {}
    return [
        (column.replace("_", " ").capitalize(), given[column])
        for column in sorted(unread_protective_columns(head.details))
    ]
