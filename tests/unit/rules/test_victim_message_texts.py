"""Approved wordings say nothing of what they are about, and a template that differs is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from victim_gateway.rules.victim_message_states import (
    FINAL_STATES,
    MESSAGE_STEPS,
    NOTIFY_STATUSES,
    may_follow,
    read_status,
)
from victim_gateway.rules.victim_message_texts import (
    APPROVED_TEXTS,
    BETRAYING_TERMS,
    NOTIFY_TYPES,
    TEXTS_BY_CODE,
    ApprovedText,
    TemplateAtNotify,
    compare_template,
)
from victim_gateway.victim_message_vocabulary import VictimMessageState
from victim_gateway.vocabulary import Channel

ALLOWED_PLACEHOLDERS = {"number", "date", "time", "link"}


def at_notify(text: ApprovedText) -> TemplateAtNotify:
    return TemplateAtNotify("t", NOTIFY_TYPES[text.channel], 3, text.body, text.subject)


@pytest.mark.parametrize("text", APPROVED_TEXTS, ids=lambda text: text.code)
def test_a_wording_betrays_nothing_and_has_listed_placeholders_only(text: ApprovedText) -> None:
    said = f"{text.subject or ''} {text.body}".lower()
    assert [word for word in BETRAYING_TERMS if word in said] == []
    assert text.placeholders <= ALLOWED_PLACEHOLDERS
    assert "http" not in said
    assert (text.subject is None) is (text.channel is Channel.SMS)
    assert TEXTS_BY_CODE[text.code] is text


@pytest.mark.parametrize("text", APPROVED_TEXTS, ids=lambda text: text.code)
def test_only_an_equal_template_is_approved(text: ApprovedText) -> None:
    template = at_notify(text)
    assert compare_template(text, template) is None
    assert compare_template(text, replace(template, body=text.body.replace("\n", "\r\n") + "\n")) is None
    for changed in (
        replace(template, body=text.body + " Call Victim Gateway."),
        replace(template, body=text.body.replace(".", "!", 1).replace(":", ";", 1)),
        replace(template, body=text.body + " ((name))"),
        replace(template, type="letter" if template.type == "sms" else "sms"),
    ):
        assert compare_template(text, changed)
    if text.subject:
        assert compare_template(text, replace(template, subject="About your case"))
        assert compare_template(text, replace(template, subject=None))


def test_a_wording_is_filled_by_value_and_never_twice() -> None:
    text = TEXTS_BY_CODE["appointment_tomorrow.sms"]
    assert text.fill({"date": "Tuesday 3 March", "time": "((date))"})[1].endswith(
        "Tuesday 3 March at ((date))."
    )
    with pytest.raises(KeyError):
        text.fill({"date": "Tuesday"})


def test_states_go_forward_only() -> None:
    assert set(MESSAGE_STEPS) == set(VictimMessageState)
    for state in FINAL_STATES:
        assert not any(may_follow(state, other) for other in VictimMessageState)
    assert not any(may_follow(state, state) for state in VictimMessageState)
    assert not may_follow(VictimMessageState.ACCEPTED, VictimMessageState.QUEUED)
    for status, reported in NOTIFY_STATUSES.items():
        assert read_status(status) is reported
        assert reported.needs_person is (reported.state is VictimMessageState.FAILED)
    assert read_status("anything") is None
