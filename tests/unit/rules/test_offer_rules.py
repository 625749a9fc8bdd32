"""Groups of offers, what follows from a decline, reasons by their side: the rules alone."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from victim_gateway.errors import InvalidInput, TransitionNotAllowed, UnsafeContact
from victim_gateway.offer_vocabulary import (
    DeclineConsequence,
    OfferGroupMode,
    OfferHindrance,
    WithdrawGroup,
)
from victim_gateway.rules.decline_consequences import (
    ALWAYS_ASKED,
    CONSEQUENCE_PHRASES,
    SHIPPED_DECLINE_RULES,
    DeclineRule,
    last_day_of_pause,
    read_decline_rule,
    write_decline_rule,
)
from victim_gateway.rules.handover_changes import keep_fields
from victim_gateway.rules.offer_groups import (
    HINDRANCE_PHRASES,
    OfferPlace,
    check_chosen_services,
    has_accepted,
    hindrance_of,
    is_exhausted,
    next_place,
)
from victim_gateway.rules.service_pauses import PauseInForce, explain_pause
from victim_gateway.rules.transitions import WITHDRAW_REASONS_AFTER, WITHDRAW_REASONS_BEFORE
from victim_gateway.rules.withdraw_groups import (
    GOES_ON_AFTER,
    WITHDRAW_GROUP_HEADINGS,
    WITHDRAW_GROUPS,
    grouped_reasons,
)
from victim_gateway.vocabulary import DeclineReason, OnwardState, WithdrawReason

RANKED, AT_ONCE = OfferGroupMode.RANKED, OfferGroupMode.SIMULTANEOUS


def places(*states: OnwardState | None) -> list[OfferPlace]:
    return [OfferPlace(uuid4(), state) for state in states]


@pytest.mark.parametrize("state", [OnwardState.OFFERED, OnwardState.ACCEPTED, OnwardState.IN_SERVICE])
def test_nobody_is_asked_next_while_one_is_asked_or_helps(state: OnwardState) -> None:
    assert next_place(places(OnwardState.DECLINED, state, None)) is None


def test_the_first_that_was_not_asked_comes_next_and_then_there_is_none() -> None:
    waiting = places(OnwardState.DECLINED, None, None)
    assert next_place(waiting) is waiting[1]
    assert next_place(places(OnwardState.DECLINED, OnwardState.EXPIRED)) is None


def test_a_group_is_exhausted_when_nobody_has_to_answer_and_nobody_is_left() -> None:
    assert is_exhausted(RANKED, places(OnwardState.DECLINED, OnwardState.WITHDRAWN))
    assert not is_exhausted(RANKED, places(OnwardState.DECLINED, None))
    assert not is_exhausted(AT_ONCE, places(OnwardState.ACCEPTED, OnwardState.OFFERED))
    assert is_exhausted(AT_ONCE, places(OnwardState.ACCEPTED, OnwardState.DECLINED))
    assert has_accepted(places(OnwardState.DECLINED, OnwardState.IN_SERVICE))
    assert not has_accepted(places(OnwardState.WITHDRAWN, OnwardState.OFFERED))


def test_two_to_five_services_are_asked_and_none_twice() -> None:
    one, other = uuid4(), uuid4()
    check_chosen_services([one, other])
    for wrong in ([one], [one, one], [uuid4() for _ in range(6)]):
        with pytest.raises(InvalidInput):
            check_chosen_services(wrong)


def test_why_the_next_is_not_asked_is_a_code_with_a_sentence() -> None:
    assert hindrance_of(UnsafeContact("x")) is OfferHindrance.NOT_SAFE
    assert hindrance_of(InvalidInput("x", fields={"agreed": "x"})) is OfferHindrance.NO_CONSENT
    assert hindrance_of(InvalidInput("x", fields={"share": "x"})) is OfferHindrance.NO_CONSENT
    assert hindrance_of(InvalidInput("x", fields={"service": "x"})) is OfferHindrance.DOES_NOT_FIT
    assert hindrance_of(TransitionNotAllowed("x")) is OfferHindrance.STOPPED
    assert set(HINDRANCE_PHRASES) == set(OfferHindrance)


def test_each_reason_to_decline_has_a_consequence_that_can_be_kept_and_read_again() -> None:
    assert set(SHIPPED_DECLINE_RULES) == set(DeclineReason)
    assert set(CONSEQUENCE_PHRASES) == set(DeclineConsequence)
    rule = DeclineRule(DeclineConsequence.NOT_ELIGIBLE, is_at_once=True)
    assert read_decline_rule(DeclineReason.OTHER, write_decline_rule(rule)) == rule
    for unreadable in (None, "", "whatever", "at_once"):
        assert (
            read_decline_rule(DeclineReason.OTHER, unreadable) == SHIPPED_DECLINE_RULES[DeclineReason.OTHER]
        )


@pytest.mark.parametrize("reason", ALWAYS_ASKED)
def test_whatever_is_kept_the_person_is_asked_first_after_their_no_and_where_it_was_not_safe(
    reason: DeclineReason,
) -> None:
    kept = write_decline_rule(DeclineRule(DeclineConsequence.OFFER_NEXT, is_at_once=True))
    assert read_decline_rule(reason, kept) == DeclineRule(DeclineConsequence.ASK_PERSON)
    assert not read_decline_rule(reason, kept).goes_on


def test_nothing_is_asked_at_once_where_the_person_is_asked() -> None:
    kept = write_decline_rule(DeclineRule(DeclineConsequence.ASK_PERSON, is_at_once=True))
    assert not read_decline_rule(DeclineReason.OTHER, kept).is_at_once


@pytest.mark.parametrize(
    ("confirmed", "last"),
    [(date(2026, 7, 14), date(2026, 9, 12)), (date(2026, 12, 1), date(2027, 1, 30))],
)
def test_a_pause_is_of_sixty_days(confirmed: date, last: date) -> None:
    assert last_day_of_pause(confirmed) == last
    assert f"{last.day} {last:%B %Y}" in explain_pause(PauseInForce(uuid4(), last))
    assert "until after" not in explain_pause(PauseInForce(uuid4(), None))


def test_every_reason_to_take_back_has_its_side_before_and_after_an_acceptance() -> None:
    assert set(WITHDRAW_GROUPS) == set(WithdrawReason)
    assert set(WITHDRAW_GROUP_HEADINGS) == set(WithdrawGroup)
    assert set(WITHDRAW_REASONS_BEFORE) | set(WITHDRAW_REASONS_AFTER) == set(WithdrawReason)
    for reasons in (WITHDRAW_REASONS_BEFORE, WITHDRAW_REASONS_AFTER):
        grouped = grouped_reasons(reasons)
        assert tuple(reason for _, members in grouped for reason in members) == reasons
        assert [group for group, _ in grouped] == list(WithdrawGroup)


def test_nothing_goes_on_by_itself_after_a_reason_that_is_the_persons() -> None:
    assert not any(WITHDRAW_GROUPS[reason] is WithdrawGroup.PERSON for reason in GOES_ON_AFTER)
    assert WithdrawReason.NO_LONGER_SAFE not in GOES_ON_AFTER


def test_a_field_that_was_not_chosen_stays_as_it_was_told() -> None:
    shared, current = {"name": "A", "language": "Welsh"}, {"name": "B", "language": "Polish", "age": 30}
    assert keep_fields(shared, current, ["language", "age"]) == {"name": "B", "language": "Welsh"}
