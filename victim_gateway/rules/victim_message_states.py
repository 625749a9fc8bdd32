"""How a message to a person goes on: only forward. What has ended never changes again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from victim_gateway.victim_message_vocabulary import VictimMessageState

_STATE = VictimMessageState
# The database holds the same steps (a trigger of migration 0044).
MESSAGE_STEPS: Mapping[VictimMessageState, frozenset[VictimMessageState]] = {
    # A receipt may say of what was put back that it was accepted after all: then it is not sent again.
    _STATE.QUEUED: frozenset(
        {
            _STATE.SENDING,
            _STATE.ACCEPTED,
            _STATE.DELIVERED,
            _STATE.FAILED,
            _STATE.REFUSED,
            _STATE.EXPIRED,
            _STATE.CANCELLED,
            _STATE.PARKED,
        }
    ),
    # Back to the queue only where it surely was not accepted: Notify was asked by reference, or never reached.
    _STATE.SENDING: frozenset(
        {
            _STATE.QUEUED,
            _STATE.ACCEPTED,
            _STATE.DELIVERED,
            _STATE.FAILED,
            _STATE.PERHAPS_SENT,
            _STATE.PARKED,
            _STATE.EXPIRED,
            _STATE.CANCELLED,
        }
    ),
    _STATE.ACCEPTED: frozenset({_STATE.DELIVERED, _STATE.FAILED}),
    # A person decides: it did arrive, send it again, or leave it.
    _STATE.PERHAPS_SENT: frozenset({_STATE.ACCEPTED, _STATE.QUEUED, _STATE.CANCELLED}),
    # By Notify a parked message may have been accepted after all: a receipt says so.
    _STATE.PARKED: frozenset(
        {_STATE.QUEUED, _STATE.CANCELLED, _STATE.ACCEPTED, _STATE.DELIVERED, _STATE.FAILED}
    ),
    _STATE.DELIVERED: frozenset(),
    _STATE.FAILED: frozenset(),
    _STATE.REFUSED: frozenset(),
    _STATE.EXPIRED: frozenset(),
    _STATE.CANCELLED: frozenset(),
}
FINAL_STATES = frozenset(state for state, following in MESSAGE_STEPS.items() if not following)
# What has left, or may have.
LEFT_STATES = frozenset({_STATE.ACCEPTED, _STATE.DELIVERED, _STATE.FAILED, _STATE.PERHAPS_SENT})


@dataclass(frozen=True, slots=True)
class ReportedStatus:
    """What a status of Notify means: where the message stands then, and whether a person must do something."""

    state: VictimMessageState
    needs_person: bool = False


_ACCEPTED = ReportedStatus(_STATE.ACCEPTED)
_DELIVERED = ReportedStatus(_STATE.DELIVERED)
_FAILED = ReportedStatus(_STATE.FAILED, needs_person=True)
NOTIFY_STATUSES: Mapping[str, ReportedStatus] = {
    "created": _ACCEPTED,
    "sending": _ACCEPTED,
    "pending": _ACCEPTED,
    # Abroad no network says more than this.
    "sent": _ACCEPTED,
    "accepted": _ACCEPTED,
    "pending-virus-check": _ACCEPTED,
    "delivered": _DELIVERED,
    # A letter has no other end: it was printed and given to the post.
    "received": _DELIVERED,
    "permanent-failure": _FAILED,
    # Notify has tried for days and stopped; nobody else tries again.
    "temporary-failure": _FAILED,
    "technical-failure": _FAILED,
    "virus-scan-failed": _FAILED,
    "validation-failed": _FAILED,
    "cancelled": _FAILED,
}


def may_follow(state: VictimMessageState, following: VictimMessageState) -> bool:
    """Whether a message may go from one state to another."""
    return following in MESSAGE_STEPS[state]


def read_status(status: str) -> ReportedStatus | None:
    """What a status of Notify means; None for one that is not known: nothing follows from it."""
    return NOTIFY_STATUSES.get(status)
