"""Which step may follow which; the database holds the same table and refuses the rest."""

from __future__ import annotations

from victim_gateway.vocabulary import OnwardState as O
from victim_gateway.vocabulary import ReferralState as R
from victim_gateway.vocabulary import WithdrawReason as W

REFERRAL_TRANSITIONS: dict[R, frozenset[R]] = {
    R.RECEIVED: frozenset({R.HELD, R.ASSIGNED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.HELD: frozenset({R.RECEIVED, R.ASSIGNED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.ASSIGNED: frozenset({R.RECEIVED, R.HELD, R.IN_CONTACT, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.IN_CONTACT: frozenset({R.HELD, R.TRIAGED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.TRIAGED: frozenset({R.SUPPORTED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.SUPPORTED: frozenset({R.TRIAGED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.CLOSED: frozenset({R.REOPENED}),
    R.REOPENED: frozenset(
        {R.HELD, R.ASSIGNED, R.IN_CONTACT, R.TRIAGED, R.SUPPORTED, R.CLOSED, R.ENTERED_IN_ERROR}
    ),
    R.ENTERED_IN_ERROR: frozenset(),
}

ONWARD_TRANSITIONS: dict[O, frozenset[O]] = {
    O.DRAFT: frozenset({O.OFFERED, O.ENTERED_IN_ERROR}),
    O.OFFERED: frozenset(
        {
            O.ACKNOWLEDGED,
            O.INFORMATION_REQUESTED,
            O.ACCEPTED,
            O.DECLINED,
            O.EXPIRED,
            O.WITHDRAWN,
            O.ENTERED_IN_ERROR,
        }
    ),
    O.ACKNOWLEDGED: frozenset(
        {O.INFORMATION_REQUESTED, O.ACCEPTED, O.DECLINED, O.EXPIRED, O.WITHDRAWN, O.ENTERED_IN_ERROR}
    ),
    O.INFORMATION_REQUESTED: frozenset(
        {O.ACKNOWLEDGED, O.ACCEPTED, O.DECLINED, O.EXPIRED, O.WITHDRAWN, O.ENTERED_IN_ERROR}
    ),
    O.ACCEPTED: frozenset({O.IN_SERVICE, O.RETURNED, O.WITHDRAWN, O.ENDED_EARLY, O.ENTERED_IN_ERROR}),
    O.IN_SERVICE: frozenset({O.CLOSED, O.RETURNED, O.WITHDRAWN, O.ENDED_EARLY, O.ENTERED_IN_ERROR}),
    # The Gateway may overturn a decline; the same offer then stands again.
    O.DECLINED: frozenset({O.OFFERED}),
    O.CLOSED: frozenset(),
    O.EXPIRED: frozenset(),
    O.WITHDRAWN: frozenset(),
    O.RETURNED: frozenset(),
    O.ENDED_EARLY: frozenset(),
    O.ENTERED_IN_ERROR: frozenset(),
}
LIVE_ONWARD_STATES = (O.OFFERED, O.ACKNOWLEDGED, O.INFORMATION_REQUESTED, O.ACCEPTED, O.IN_SERVICE)
UNANSWERED_ONWARD_STATES = (O.OFFERED, O.ACKNOWLEDGED, O.INFORMATION_REQUESTED)

# An offer nobody has taken up may be taken back freely; support that was promised only for the person's sake.
WITHDRAW_REASONS_BEFORE: tuple[W, ...] = (
    W.PERSON_SAID_NO,
    W.CONSENT_WITHDRAWN,
    W.NO_LONGER_SAFE,
    W.NO_ANSWER,
    W.ANOTHER_SERVICE_CHOSEN,
    W.SENT_BY_MISTAKE,
    W.OTHER,
)
WITHDRAW_REASONS_AFTER: tuple[W, ...] = (
    W.PERSON_SAID_NO,
    W.CONSENT_WITHDRAWN,
    W.NO_LONGER_SAFE,
    W.MOVED_AWAY,
    W.SUPPORT_DOES_NOT_FIT,
    W.PERSON_CANNOT_BE_REACHED,
    W.OTHER,
)


def withdraw_reasons(state: O) -> tuple[W, ...]:
    """The reasons that fit an onward referral in this state; none where it can't be withdrawn."""
    if O.WITHDRAWN not in ONWARD_TRANSITIONS[state]:
        return ()
    return WITHDRAW_REASONS_BEFORE if state in UNANSWERED_ONWARD_STATES else WITHDRAW_REASONS_AFTER
