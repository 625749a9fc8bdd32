"""Which step may follow which; the database holds the same table and refuses the rest."""

from __future__ import annotations

from victim_gateway.vocabulary import OnwardState as O
from victim_gateway.vocabulary import ReferralState as R

REFERRAL_TRANSITIONS: dict[R, frozenset[R]] = {
    R.RECEIVED: frozenset({R.HELD, R.ASSIGNED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.HELD: frozenset({R.RECEIVED, R.ASSIGNED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.ASSIGNED: frozenset({R.RECEIVED, R.HELD, R.IN_CONTACT, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.IN_CONTACT: frozenset({R.HELD, R.TRIAGED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.TRIAGED: frozenset({R.SUPPORTED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.SUPPORTED: frozenset({R.TRIAGED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.CLOSED: frozenset({R.REOPENED}),
    R.REOPENED: frozenset({R.ASSIGNED, R.IN_CONTACT, R.TRIAGED, R.SUPPORTED, R.CLOSED, R.ENTERED_IN_ERROR}),
    R.ENTERED_IN_ERROR: frozenset(),
}

ONWARD_TRANSITIONS: dict[O, frozenset[O]] = {
    O.DRAFT: frozenset({O.OFFERED, O.ENTERED_IN_ERROR}),
    O.OFFERED: frozenset(
        {O.ACKNOWLEDGED, O.INFORMATION_REQUESTED, O.ACCEPTED, O.DECLINED, O.EXPIRED, O.WITHDRAWN, O.ENTERED_IN_ERROR}
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
