"""What is kept of a form that was not sent yet, and how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from victim_gateway.errors import InvalidInput
from victim_gateway.vocabulary import DraftKind, ReferralState

DRAFT_DAYS = 90
KEPT_FOR = timedelta(days=DRAFT_DAYS)
MOST_DRAFTS = 100
# More than any of the forms lets through when it is sent, and little enough to be saved every few seconds.
MOST_BYTES = 300_000
MOST_ANSWERS = 400
# What belongs to one page or one sending, or is no answer at all.
NOT_KEPT = frozenset(
    "csrf_token submission_id draft_id draft_revision put_aside step match show what password code".split()
)
# Which indicators of a DASH are ticked speaks of the suspect: as in an assessment, only how many is kept.
_DASH_TICKED, _DASH_SCORE = "dash_ticked", "dash_score"
Answers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DraftPlace:
    """The form that a draft is of: which one, about which referral, for which service, about which known person."""

    kind: DraftKind
    referral_id: UUID | None = None
    service_id: UUID | None = None
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class DraftStanding:
    """What became of what a draft is about since it was begun."""

    is_out_of_sight: bool = False
    is_erased: bool = False
    is_changed: bool = False
    state: ReferralState | None = None

    @property
    def can_be_opened(self) -> bool:
        """Whether its author may still read it."""
        return not (self.is_out_of_sight or self.is_erased)

    def describe(self) -> str | None:
        """What its author is told, or None where nothing happened."""
        if self.is_erased:
            return "The person’s record was erased, so this draft can’t be opened."
        if self.is_out_of_sight:
            return "You can no longer open this referral, so the draft can’t be opened."
        if self.state is ReferralState.CLOSED:
            return "The referral is closed now."
        if self.state is ReferralState.ENTERED_IN_ERROR:
            return "The referral was marked as entered in error."
        return "The referral has changed since you began." if self.is_changed else None


def kept_answers(sent: Iterable[tuple[str, str]]) -> Answers:
    """What a draft keeps of what a form sent. Raises InvalidInput for more than any form of ours holds."""
    kept = _without_indicators([(name, value) for name, value in sent if name not in NOT_KEPT])
    size = sum(len(name.encode()) + len(value.encode()) for name, value in kept)
    if len(kept) > MOST_ANSWERS or size > MOST_BYTES:
        raise InvalidInput("This is too long to be kept as a draft. Shorten it, or send it now.")
    return kept


def _without_indicators(answers: list[tuple[str, str]]) -> Answers:
    ticked = sum(name == _DASH_TICKED for name, _ in answers)
    kept = [(name, value) for name, value in answers if name != _DASH_TICKED]
    if ticked:
        # The higher of the two: a score that was entered before must not hide what was ticked since.
        entered = max((_number(value) for name, value in kept if name == _DASH_SCORE), default=0)
        kept = [(name, value) for name, value in kept if name != _DASH_SCORE]
        kept.append((_DASH_SCORE, str(max(ticked, entered))))
    return tuple(kept)


def _number(value: str) -> int:
    """A number as it was typed, 0 where it can't be read."""
    typed = value.strip()
    return int(typed) if typed.isdecimal() and len(typed) < 4 else 0
