"""Which step may follow which; the database holds the same table and refuses the rest."""

from __future__ import annotations

from victim_gateway.vocabulary import OnwardState, ReferralState, WithdrawReason

REFERRAL_TRANSITIONS: dict[ReferralState, frozenset[ReferralState]] = {
    ReferralState.RECEIVED: frozenset(
        {ReferralState.HELD, ReferralState.ASSIGNED, ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR}
    ),
    ReferralState.HELD: frozenset(
        {ReferralState.RECEIVED, ReferralState.ASSIGNED, ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR}
    ),
    ReferralState.ASSIGNED: frozenset(
        {
            ReferralState.RECEIVED,
            ReferralState.HELD,
            ReferralState.IN_CONTACT,
            ReferralState.CLOSED,
            ReferralState.ENTERED_IN_ERROR,
        }
    ),
    ReferralState.IN_CONTACT: frozenset(
        {ReferralState.HELD, ReferralState.TRIAGED, ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR}
    ),
    ReferralState.TRIAGED: frozenset(
        {ReferralState.SUPPORTED, ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR}
    ),
    ReferralState.SUPPORTED: frozenset(
        {ReferralState.TRIAGED, ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR}
    ),
    ReferralState.CLOSED: frozenset({ReferralState.REOPENED}),
    ReferralState.REOPENED: frozenset(
        {
            ReferralState.HELD,
            ReferralState.ASSIGNED,
            ReferralState.IN_CONTACT,
            ReferralState.TRIAGED,
            ReferralState.SUPPORTED,
            ReferralState.CLOSED,
            ReferralState.ENTERED_IN_ERROR,
        }
    ),
    ReferralState.ENTERED_IN_ERROR: frozenset(),
}

# Nothing happens on a referral in one of these any more.
OVER_STATES = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)

ONWARD_TRANSITIONS: dict[OnwardState, frozenset[OnwardState]] = {
    OnwardState.DRAFT: frozenset({OnwardState.OFFERED, OnwardState.ENTERED_IN_ERROR}),
    OnwardState.OFFERED: frozenset(
        {
            OnwardState.ACKNOWLEDGED,
            OnwardState.INFORMATION_REQUESTED,
            OnwardState.ACCEPTED,
            OnwardState.DECLINED,
            OnwardState.EXPIRED,
            OnwardState.WITHDRAWN,
            OnwardState.ENTERED_IN_ERROR,
        }
    ),
    OnwardState.ACKNOWLEDGED: frozenset(
        {
            OnwardState.INFORMATION_REQUESTED,
            OnwardState.ACCEPTED,
            OnwardState.DECLINED,
            OnwardState.EXPIRED,
            OnwardState.WITHDRAWN,
            OnwardState.ENTERED_IN_ERROR,
        }
    ),
    OnwardState.INFORMATION_REQUESTED: frozenset(
        {
            OnwardState.ACKNOWLEDGED,
            OnwardState.ACCEPTED,
            OnwardState.DECLINED,
            OnwardState.EXPIRED,
            OnwardState.WITHDRAWN,
            OnwardState.ENTERED_IN_ERROR,
        }
    ),
    OnwardState.ACCEPTED: frozenset(
        {
            OnwardState.IN_SERVICE,
            OnwardState.RETURNED,
            OnwardState.WITHDRAWN,
            OnwardState.ENDED_EARLY,
            OnwardState.ENTERED_IN_ERROR,
        }
    ),
    OnwardState.IN_SERVICE: frozenset(
        {
            OnwardState.CLOSED,
            OnwardState.RETURNED,
            OnwardState.WITHDRAWN,
            OnwardState.ENDED_EARLY,
            OnwardState.ENTERED_IN_ERROR,
        }
    ),
    # The Gateway may overturn a decline; the same offer then stands again.
    OnwardState.DECLINED: frozenset({OnwardState.OFFERED}),
    OnwardState.CLOSED: frozenset(),
    OnwardState.EXPIRED: frozenset(),
    OnwardState.WITHDRAWN: frozenset(),
    OnwardState.RETURNED: frozenset(),
    OnwardState.ENDED_EARLY: frozenset(),
    OnwardState.ENTERED_IN_ERROR: frozenset(),
}
LIVE_ONWARD_STATES = (
    OnwardState.OFFERED,
    OnwardState.ACKNOWLEDGED,
    OnwardState.INFORMATION_REQUESTED,
    OnwardState.ACCEPTED,
    OnwardState.IN_SERVICE,
)
UNANSWERED_ONWARD_STATES = (OnwardState.OFFERED, OnwardState.ACKNOWLEDGED, OnwardState.INFORMATION_REQUESTED)

# An offer nobody has taken up may be taken back freely; support that was promised only for the person's sake.
WITHDRAW_REASONS_BEFORE: tuple[WithdrawReason, ...] = (
    WithdrawReason.PERSON_SAID_NO,
    WithdrawReason.CONSENT_WITHDRAWN,
    WithdrawReason.ANOTHER_SERVICE_CHOSEN,
    WithdrawReason.NO_ANSWER,
    WithdrawReason.NO_LONGER_SAFE,
    WithdrawReason.TAKEN_OVER_ELSEWHERE,
    WithdrawReason.OTHER,
    WithdrawReason.SENT_BY_MISTAKE,
)
WITHDRAW_REASONS_AFTER: tuple[WithdrawReason, ...] = (
    WithdrawReason.PERSON_SAID_NO,
    WithdrawReason.CONSENT_WITHDRAWN,
    WithdrawReason.MOVED_AWAY,
    WithdrawReason.PERSON_CANNOT_BE_REACHED,
    WithdrawReason.SUPPORT_DOES_NOT_FIT,
    WithdrawReason.PROVIDER_CANNOT_GO_ON,
    WithdrawReason.NO_LONGER_SAFE,
    WithdrawReason.TAKEN_OVER_ELSEWHERE,
    WithdrawReason.OTHER,
    WithdrawReason.WENT_TO_WRONG_SERVICE,
)


def withdraw_reasons(state: OnwardState) -> tuple[WithdrawReason, ...]:
    """The reasons that fit an onward referral in this state; none where it can't be withdrawn."""
    if OnwardState.WITHDRAWN not in ONWARD_TRANSITIONS[state]:
        return ()
    return WITHDRAW_REASONS_BEFORE if state in UNANSWERED_ONWARD_STATES else WITHDRAW_REASONS_AFTER
