"""Using a value of the feed that a caseworker has understood: a correction that settles what was asked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from victim_gateway.database import encrypted_rows
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.queries.referrals.feed_differences import readable_row
from victim_gateway.queries.referrals.given_values import last_sent_row
from victim_gateway.rules.feed_conflicts import may_take_over
from victim_gateway.services.referrals import corrections, given_values
from victim_gateway.services.shared.case_action import ReferralAction, referral_action
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command


def use_feed_value(
    command: Command, referral_id: UUID, column: str, value: Any, *, reason: str | None = None
) -> None:
    """Record a value for a column that could not be read, or that differs from what the force now says.

    Raises TransitionNotAllowed when nothing asks about the column any more, and where the force's row may be
    about another person: one person is never written over another.
    """
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        _refuse_unless_asked(action, column)
        corrections.correct_in_action(action, {column: value}, reason=reason, settles=(column,))


def _refuse_unless_asked(action: ReferralAction, column: str) -> None:
    if column in given_values.unread_columns(action):
        return
    conflicting = given_values.conflicting_columns(action)
    if column not in conflicting:
        raise TransitionNotAllowed(given_values.SETTLED_ALREADY)
    person, referral_id = action.person, action.referral.id
    recorded = encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed)
    sent = readable_row(last_sent_row(action.session, referral_id, action.key).values)
    if not may_take_over(column, conflicting, recorded, sent):
        raise TransitionNotAllowed(
            "What the police sent may be about another person, so it can't be taken over here."
        )
