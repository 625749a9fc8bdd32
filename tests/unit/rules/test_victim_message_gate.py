"""The gate opens only where everything is known and right: each fact flipped alone shuts it, and so does any doubt."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.rules.contact_windows import ContactWindow
from victim_gateway.rules.victim_message_gate import (
    GATE_CHECKS,
    JUDGED_LOW,
    OPEN_STATES,
    REFUSAL_TEXTS,
    VictimMessageFacts,
    needs_care,
    next_leaving,
    refuse_message,
)
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageKind
from victim_gateway.vocabulary import Channel, ReferralState, Risk, SafeAnswer

AT = datetime(2026, 3, 2, 11, tzinfo=UTC)
DAY = timedelta(days=1)
ALL_DAY = ContactWindow()
GOOD: dict[str, Any] = {name: wanted for name, wanted, _ in GATE_CHECKS}
# The facts that may be missing without harm: they only loosen what is refused without them.
LOOSENING = ("is_asked_by_hand", "is_warning_confirmed", "has_seniors_yes")


def facts(**overrides: Any) -> VictimMessageFacts:
    said: dict[str, Any] = {
        "kind": VictimMessageKind.TRIED_TO_REACH,
        "channel": Channel.SMS,
        "at": AT,
        "expires_at": AT + DAY,
        "window": ALL_DAY,
        "state": ReferralState.ASSIGNED,
        "risk": Risk.STANDARD,
        "is_protected": False,
        **GOOD,
    }
    return VictimMessageFacts(**(said | overrides))


def wrong_values(name: str, wanted: Any) -> list[Any]:
    if isinstance(wanted, SafeAnswer):
        return [None, *(answer for answer in SafeAnswer if answer is not wanted)]
    return [None, not wanted]


FLIPS = [
    (name, value, refusal) for name, wanted, refusal in GATE_CHECKS for value in wrong_values(name, wanted)
]


def test_everything_known_and_right_opens_it() -> None:
    assert refuse_message(facts()) is None


@pytest.mark.parametrize("kind", VictimMessageKind)
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL, Channel.POST])
@pytest.mark.parametrize(("name", "value", "refusal"), FLIPS)
def test_each_fact_alone_shuts_it(
    name: str, value: Any, refusal: MessageRefusal, kind: VictimMessageKind, channel: Channel
) -> None:
    asked = {"is_asked_by_hand": True, "is_warning_confirmed": True, "has_seniors_yes": True}
    assert refuse_message(facts(kind=kind, channel=channel, **{name: value})) is refusal
    assert refuse_message(facts(kind=kind, channel=channel, **asked, **{name: value})) is refusal


def test_every_fact_is_asked_about() -> None:
    asked = {name for name, _, _ in GATE_CHECKS}
    others = {"kind", "channel", "at", "expires_at", "window", "state", "risk", "is_protected", *LOOSENING}
    assert {field.name for field in fields(VictimMessageFacts)} == asked | others


@pytest.mark.parametrize("state", [None, *(state for state in ReferralState if state not in OPEN_STATES)])
def test_a_referral_that_is_new_held_or_ended_shuts_it(state: ReferralState | None) -> None:
    assert refuse_message(facts(state=state)) is MessageRefusal.REFERRAL_NOT_OPEN


@pytest.mark.parametrize("protected", [None, True, False])
@pytest.mark.parametrize("risk", [None, *Risk])
@pytest.mark.parametrize("by_hand", [None, False, True])
@pytest.mark.parametrize("warned", [None, False, True])
@pytest.mark.parametrize("senior", [None, False, True])
def test_in_danger_nothing_leaves_by_itself_and_at_high_risk_nothing_without_a_senior(
    protected: bool | None, risk: Risk | None, by_hand: bool | None, warned: bool | None, senior: bool | None
) -> None:
    said = facts(
        is_protected=protected,
        risk=risk,
        is_asked_by_hand=by_hand,
        is_warning_confirmed=warned,
        has_seniors_yes=senior,
    )
    calm = protected is False and risk in JUDGED_LOW
    agreed = senior is True or risk not in (None, Risk.HIGH)
    is_open = calm or (by_hand is True and warned is True and agreed)
    assert (refuse_message(said) is None) is is_open
    assert needs_care(is_protected=protected, risk=risk) is not calm
    survey = replace(said, kind=VictimMessageKind.SURVEY)
    assert (refuse_message(survey) is None) is calm


@pytest.mark.parametrize("expires_at", [None, AT, AT - DAY])
def test_what_is_past_does_not_leave(expires_at: datetime | None) -> None:
    assert refuse_message(facts(expires_at=expires_at)) is MessageRefusal.EXPIRED


def test_outside_the_window_it_waits_but_a_letter_does_not() -> None:
    evening = ContactWindow(from_time=time(18), until_time=time(20))
    assert refuse_message(facts(window=evening)) is MessageRefusal.OUTSIDE_WINDOW
    assert refuse_message(facts(window=None)) is MessageRefusal.OUTSIDE_WINDOW
    assert refuse_message(facts(window=evening, channel=Channel.POST)) is None


_BOOLS = st.sampled_from([None, True, False])
_FACTS = st.builds(
    VictimMessageFacts,
    kind=st.sampled_from(list(VictimMessageKind)),
    channel=st.sampled_from([Channel.SMS, Channel.EMAIL, Channel.POST]),
    at=st.just(AT),
    expires_at=st.sampled_from([None, AT - DAY, AT + DAY]),
    window=st.sampled_from([None, ALL_DAY, ContactWindow(from_time=time(18))]),
    state=st.sampled_from([None, *ReferralState]),
    risk=st.sampled_from([None, *Risk]),
    safe=st.sampled_from([None, *SafeAnswer]),
    channel_safe=st.sampled_from([None, *SafeAnswer]),
    **{field.name: _BOOLS for field in fields(VictimMessageFacts) if field.type == "bool | None"},
)
_OPTIONAL = [
    field.name for field in fields(VictimMessageFacts) if field.name not in ("kind", "channel", "at")
]


@given(_FACTS, st.sets(st.sampled_from(_OPTIONAL), min_size=1))
def test_adding_doubt_never_opens_it(said: VictimMessageFacts, unknown: set[str]) -> None:
    less_known = replace(said, **dict.fromkeys(unknown))
    if refuse_message(said) is not None:
        assert refuse_message(less_known) is not None


@given(st.sets(st.sampled_from(_OPTIONAL), min_size=1), st.booleans())
def test_from_an_open_gate_every_missing_fact_but_what_loosens_shuts_it(
    unknown: set[str], by_hand: bool
) -> None:
    loosened = dict.fromkeys(LOOSENING, by_hand)
    less_known = replace(facts(**loosened), **dict.fromkeys(unknown))
    is_only_loosening = unknown <= set(LOOSENING) or (
        by_hand and unknown <= {"is_protected"} and less_known.is_asked_by_hand is True
    )
    assert (refuse_message(less_known) is None) is (is_only_loosening or _is_covered(unknown, by_hand))


def _is_covered(unknown: set[str], by_hand: bool) -> bool:
    """A danger that is not known is covered by the three confirmations, where all of them were given."""
    return by_hand and unknown <= {"is_protected", "risk"}


def test_each_refusal_has_its_words() -> None:
    assert set(REFUSAL_TEXTS) == set(MessageRefusal)
    for text in REFUSAL_TEXTS.values():
        assert text.reason.endswith((".", "first."))
        assert text.instead


@pytest.mark.parametrize(
    ("moment", "leaves"),
    [
        # The clocks go forward on 29 March 2026 at 01:00 UTC: 09:00 is 08:00 UTC from then on.
        ("2026-03-28T21:00+00:00", "2026-03-29T08:00+00:00"),
        ("2026-03-27T21:00+00:00", "2026-03-28T09:00+00:00"),
        # They go back on 25 October 2026 at 01:00 UTC.
        ("2026-10-24T21:00+01:00", "2026-10-25T09:00+00:00"),
        ("2026-10-23T21:00+01:00", "2026-10-24T08:00+00:00"),
    ],
)
def test_the_next_window_is_an_instant_by_the_clock_in_london(moment: str, leaves: str) -> None:
    window = ContactWindow(from_time=time(9), until_time=time(17))
    at = datetime.fromisoformat(moment)
    assert next_leaving(window, Channel.SMS, at, before=at + 3 * DAY) == datetime.fromisoformat(leaves)
    assert next_leaving(window, Channel.SMS, at, before=at + timedelta(hours=1)) is None
    assert next_leaving(window, Channel.POST, at, before=at + DAY) == at
    assert next_leaving(None, Channel.SMS, at, before=at + DAY) is None
