"""Which channels may be used: one answer for caseworkers, providers and lists."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from victim_gateway.blueprints.onward_referrals.presenters import safe_panel
from victim_gateway.rules.handover import SafeContactSource, compose_safe_contact
from victim_gateway.rules.safe_contact import CONTACT_CHANNELS, safe_channels, usable_answers
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.vocabulary import SafeAnswer

YES, NO, UNKNOWN = SafeAnswer.YES, SafeAnswer.NO, SafeAnswer.UNKNOWN


@pytest.mark.parametrize(
    ("safe", "said", "counts"),
    [
        (YES, YES, YES),
        (YES, NO, NO),
        (YES, UNKNOWN, UNKNOWN),
        (UNKNOWN, YES, UNKNOWN),
        (UNKNOWN, NO, NO),
        (UNKNOWN, UNKNOWN, UNKNOWN),
        (NO, YES, NO),
        (NO, NO, NO),
        (NO, UNKNOWN, NO),
    ],
)
def test_no_channel_is_safer_than_contact_at_all(
    safe: SafeAnswer, said: SafeAnswer, counts: SafeAnswer
) -> None:
    assert usable_answers(safe, {"channels": {"phone": said.value}})["phone"] is counts


@pytest.mark.parametrize("safe", SafeAnswer)
def test_what_was_not_said_is_never_safe(safe: SafeAnswer) -> None:
    assert usable_answers(safe, {}).keys() == set(CONTACT_CHANNELS)
    assert safe_channels(safe, {}) == []


@pytest.mark.parametrize(("safe", "phone", "post"), list(product(SafeAnswer, SafeAnswer, SafeAnswer)))
def test_plan_answer_handover_and_provider_page_agree_on_the_safe_channels(
    safe: SafeAnswer, phone: SafeAnswer, post: SafeAnswer
) -> None:
    channels = {"phone": phone, "post": post}
    document = {"channels": {name: answer.value for name, answer in channels.items()}}
    details = {"number": "07700 900123", "address": "1 High Street"}
    wanted = safe_channels(safe, document)

    handed_over = compose_safe_contact(SafeContactSource(safe, None, "person", {**document, **details}))
    panel = safe_panel(handed_over, date(2026, 3, 10), shown=True)

    assert SafeContactAnswer(safe, channels).safe_channels == wanted
    assert [
        name for name, detail in (("phone", "number"), ("post", "address")) if detail in handed_over
    ] == wanted
    assert [channel["name"] for channel in panel.channels if channel["answer"] is YES] == [
        {"phone": "Phone", "post": "Post"}[name] for name in wanted
    ]
