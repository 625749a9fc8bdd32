"""On whose side the reason lies for which an onward referral is taken back: forms group by it, figures count by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from victim_gateway.offer_vocabulary import WithdrawGroup
from victim_gateway.vocabulary import WithdrawReason

WITHDRAW_GROUPS: Mapping[WithdrawReason, WithdrawGroup] = {
    WithdrawReason.PERSON_SAID_NO: WithdrawGroup.PERSON,
    WithdrawReason.CONSENT_WITHDRAWN: WithdrawGroup.PERSON,
    WithdrawReason.MOVED_AWAY: WithdrawGroup.PERSON,
    WithdrawReason.PERSON_CANNOT_BE_REACHED: WithdrawGroup.PERSON,
    WithdrawReason.ANOTHER_SERVICE_CHOSEN: WithdrawGroup.GATEWAY,
    WithdrawReason.SUPPORT_DOES_NOT_FIT: WithdrawGroup.GATEWAY,
    WithdrawReason.NO_ANSWER: WithdrawGroup.PROVIDER,
    WithdrawReason.PROVIDER_CANNOT_GO_ON: WithdrawGroup.PROVIDER,
    WithdrawReason.NO_LONGER_SAFE: WithdrawGroup.OUTSIDE,
    WithdrawReason.TAKEN_OVER_ELSEWHERE: WithdrawGroup.OUTSIDE,
    WithdrawReason.OTHER: WithdrawGroup.OUTSIDE,
    WithdrawReason.SENT_BY_MISTAKE: WithdrawGroup.ERROR,
    WithdrawReason.WENT_TO_WRONG_SERVICE: WithdrawGroup.ERROR,
}
WITHDRAW_GROUP_HEADINGS: Mapping[WithdrawGroup, str] = {
    WithdrawGroup.PERSON: "The person",
    WithdrawGroup.GATEWAY: "Us",
    WithdrawGroup.PROVIDER: "The provider",
    WithdrawGroup.OUTSIDE: "Something outside",
    WithdrawGroup.ERROR: "An error",
}
# With these the next service of a ranked group is asked. All others say something of the person, their safety or what
# was recorded, so a caseworker decides first.
GOES_ON_AFTER = frozenset(
    {
        WithdrawReason.NO_ANSWER,
        WithdrawReason.SUPPORT_DOES_NOT_FIT,
        WithdrawReason.PROVIDER_CANNOT_GO_ON,
        WithdrawReason.WENT_TO_WRONG_SERVICE,
    }
)


def grouped_reasons(
    reasons: Sequence[WithdrawReason],
) -> tuple[tuple[WithdrawGroup, tuple[WithdrawReason, ...]], ...]:
    """The reasons by group, in the order of the groups; groups without one are left out."""
    found = (
        (group, tuple(reason for reason in reasons if WITHDRAW_GROUPS[reason] is group))
        for group in WithdrawGroup
    )
    return tuple((group, members) for group, members in found if members)
