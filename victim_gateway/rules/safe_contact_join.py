"""One safe-contact plan for two records of one person: stricter than either, never looser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from victim_gateway.rules.safe_contact import (
    CONTACT_CHANNELS,
    DETAIL_OF_CHANNEL,
    channel_answers,
    has_safe_channel,
    is_same_detail,
    known_details,
    merge_answers,
    usable_answers,
)
from victim_gateway.vocabulary import SafeAnswer

_STRICTEST_FIRST = (SafeAnswer.NO, SafeAnswer.UNKNOWN, SafeAnswer.YES)
Answers = tuple[SafeAnswer, Mapping[str, Any]]


def join_strictly(
    one: Answers, other: Answers, one_person: Mapping[str, Any], other_person: Mapping[str, Any]
) -> tuple[SafeAnswer, dict[str, Any]]:
    """Join the plans of two records: a way is safe only where both say so of the same number or address.

    Silence in either is not known to be safe: whoever put the records together has asked the person nothing.
    Each is the answer with its document, beside what is on record of that person.
    """
    known, other_known = known_details(one[1], one_person), known_details(other[1], other_person)
    pinned = other[0], {**other[1], **other_known}
    safe, document = merge_answers((one[0], {**one[1], **known}), pinned, one_person)
    said, other_said = _counting(one), _counting(other)
    joined = channel_answers(document)
    for channel in CONTACT_CHANNELS:
        detail = DETAIL_OF_CHANNEL[channel]
        answer = _strictest(joined[channel], said[channel], other_said[channel])
        if answer is SafeAnswer.YES and not is_same_detail(known.get(detail), other_known.get(detail)):
            answer = SafeAnswer.UNKNOWN
        joined[channel] = answer
    safe = _strictest(safe, one[0], other[0])
    if safe is SafeAnswer.YES and not has_safe_channel(joined):
        safe = SafeAnswer.UNKNOWN
    return safe, {**document, "channels": {channel: answer.value for channel, answer in joined.items()}}


def _counting(answers: Answers) -> Mapping[str, SafeAnswer]:
    safe, document = answers
    return channel_answers(document) if safe is SafeAnswer.NO else usable_answers(safe, document)


def _strictest(*answers: SafeAnswer) -> SafeAnswer:
    return min(answers, key=_STRICTEST_FIRST.index)
