"""Whether an attempt was safe: one row a case of channel, number, day, hour and last check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from victim_gateway.rules.attempt_safety import (
    SafeContactFacts,
    channels_of_attempt,
    explain_unsafe_attempt,
    was_recorded_by,
)
from victim_gateway.vocabulary import AttemptOutcome, Channel, SafeAnswer

YES, NO, UNKNOWN = SafeAnswer.YES, SafeAnswer.NO, SafeAnswer.UNKNOWN
MONDAY = datetime(2026, 7, 13, 10, 0, tzinfo=UTC)  # 11:00 in London
DAYS = 28
PHONE = {"channels": {"phone": "yes", "post": "yes"}}
AT_NOON = {"days": ["monday"], "from_time": "12:00", "until_time": "14:00"}
PERSON = {"phone": "07700 900123", "email": "w@example.org", "address_line_1": "1 High Street"}
ASK = "Find a safe way first"


def facts(
    safe: SafeAnswer, document: dict[str, Any], person: dict[str, Any] | None = None
) -> SafeContactFacts:
    return SafeContactFacts(safe, document, PERSON if person is None else person, MONDAY)


@pytest.mark.parametrize(
    ("known", "channel", "after", "refusal"),
    [
        (facts(YES, PHONE), "phone", timedelta(), None),
        (facts(YES, PHONE), "sms", timedelta(), "Safe is a phone call or a letter."),
        (facts(YES, PHONE), "voicemail", timedelta(), "not recorded as safe"),
        (facts(NO, PHONE), "phone", timedelta(), "said that contact is not safe. Wait for them"),
        (facts(UNKNOWN, PHONE), "phone", timedelta(), ASK),
        (facts(UNKNOWN, {}), "phone", timedelta(), "Nobody has said that contact is safe."),
        (facts(YES, {"channels": {"sms": "yes"}}, {}), "phone", timedelta(), ASK),
        # A yes to a number that nobody has.
        (facts(YES, PHONE, {}), "phone", timedelta(), "Record the one that is safe first."),
        (facts(YES, {**PHONE, "number": "07700 900999"}, {}), "phone", timedelta(), None),
        (facts(YES, PHONE, {"town": "Stafford"}), "post", timedelta(), "No number or address is recorded"),
        # The last check.
        (facts(YES, PHONE), "phone", timedelta(days=DAYS), None),
        (facts(YES, PHONE), "phone", timedelta(days=DAYS, minutes=1), "more than 28 days ago"),
        (SafeContactFacts(YES, PHONE, PERSON, None), "phone", timedelta(), "more than 28 days ago"),
        # The safe days and times; a letter comes when the post comes.
        (facts(YES, {**PHONE, **AT_NOON}), "phone", timedelta(), "Monday at 11:00 is not a safe time"),
        (facts(YES, {**PHONE, **AT_NOON}), "phone", timedelta(hours=1), None),
        (
            facts(YES, {**PHONE, **AT_NOON}),
            "phone",
            timedelta(hours=3),
            "Safe is Monday between 12:00 and 14:00",
        ),
        (
            facts(YES, {**PHONE, **AT_NOON}),
            "phone",
            timedelta(days=1, hours=1),
            "Tuesday at 12:00 is not a safe",
        ),
        (facts(YES, {**PHONE, **AT_NOON}), "post", timedelta(), None),
    ],
)
def test_an_attempt_that_is_not_safe_says_what_to_do_instead(
    known: SafeContactFacts, channel: str, after: timedelta, refusal: str | None
) -> None:
    said = explain_unsafe_attempt(known, channel, attempted_at=MONDAY + after, recheck_days=DAYS)
    assert said is None if refusal is None else refusal in (said or "")


@pytest.mark.parametrize(
    ("known", "at", "offered"),
    [
        (facts(YES, PHONE), MONDAY, [Channel.PHONE, Channel.POST]),
        (facts(YES, PHONE, {"phone": "07700 900123"}), MONDAY, [Channel.PHONE]),
        (facts(YES, PHONE, {}), MONDAY, []),
        (facts(YES, PHONE), MONDAY + timedelta(days=DAYS + 1), []),
        (facts(YES, {"channels": {"voicemail": "yes"}}), MONDAY, []),
        (facts(NO, PHONE), MONDAY, []),
        (facts(UNKNOWN, PHONE), MONDAY, []),
    ],
)
def test_the_form_offers_safe_channels_with_a_number_and_no_other(
    known: SafeContactFacts, at: datetime, offered: list[Channel]
) -> None:
    assert known.offered_channels(at, DAYS) == offered
    for channel in set(Channel) - set(offered):
        assert explain_unsafe_attempt(known, channel.value, attempted_at=at, recheck_days=DAYS)


@pytest.mark.parametrize(
    ("channel", "outcome", "used"),
    [
        (Channel.PHONE, AttemptOutcome.VOICEMAIL_LEFT, ("phone", "voicemail")),
        (Channel.PHONE, AttemptOutcome.NO_ANSWER, ("phone",)),
        (Channel.EMAIL, AttemptOutcome.SENT, ("email",)),
    ],
)
def test_a_message_is_safe_only_where_the_call_was_too(
    channel: Channel, outcome: AttemptOutcome, used: tuple[str, ...]
) -> None:
    assert channels_of_attempt(channel, outcome) == used


@pytest.mark.parametrize(
    ("after", "is_known"),
    [
        (timedelta(minutes=-1), False),
        # Half a minute later, which is within the minute that was written down.
        (timedelta(), True),
        (timedelta(hours=1), True),
    ],
)
def test_an_attempt_is_judged_by_what_was_recorded_before_it(after: timedelta, is_known: bool) -> None:
    assert was_recorded_by(MONDAY + timedelta(seconds=30), MONDAY + after) is is_known
