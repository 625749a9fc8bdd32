"""What providers are told at once: by when, and whether it is still so when it leaves."""

from __future__ import annotations

from datetime import date

import pytest

from victim_gateway.rules.provider_notices import (
    ENDINGS,
    NOTICE_TEXTS,
    describe_deadline,
    describe_to_do,
    is_still_true,
)
from victim_gateway.vocabulary import NoticeKind, OnwardState

TODAY = date(2026, 7, 14)


def test_every_kind_says_what_happened_what_to_do_and_by_when() -> None:
    assert NOTICE_TEXTS.keys() == set(NoticeKind)
    assert all(text.title and text.to_do and text.by_when for text in NOTICE_TEXTS.values())


@pytest.mark.parametrize(
    ("telephone", "said"),
    [
        ("01632 960100", "If something is already planned, ring the Gateway first: 01632 960100."),
        (None, "If something is already planned, ask your contact at the Gateway first."),
    ],
)
def test_what_was_taken_back_says_whom_to_ask_about_a_planned_contact(
    telephone: str | None, said: str
) -> None:
    assert describe_to_do(NoticeKind.WITHDRAWN, telephone).endswith(said)
    assert "planned" not in describe_to_do(NoticeKind.NEW_OFFER, telephone)


def test_no_ending_says_why() -> None:
    texts = " ".join(f"{NOTICE_TEXTS[kind].title} {NOTICE_TEXTS[kind].to_do}" for kind in ENDINGS).lower()
    assert not [
        word for word in ("consent", "safe", "said no", "moved", "mistake", "because") if word in texts
    ]


@pytest.mark.parametrize(
    ("kind", "due_on", "said"),
    [
        (NoticeKind.NEW_OFFER, date(2026, 7, 16), "Thursday 16 July 2026"),
        (NoticeKind.NEW_OFFER, None, "As soon as you can"),
        (
            NoticeKind.ANSWERED,
            date(2026, 7, 13),
            "As soon as you can: it was due on Monday 13 July 2026",
        ),
        (
            NoticeKind.SHARED_AGAIN,
            date(2026, 7, 15),
            "Before you contact the person again, and by Wednesday 15 July 2026",
        ),
        (NoticeKind.WITHDRAWN, None, "At once"),
    ],
)
def test_the_deadline_is_a_day_or_a_moment_in_the_work(
    kind: NoticeKind, due_on: date | None, said: str
) -> None:
    assert describe_deadline(kind, due_on, TODAY) == said


@pytest.mark.parametrize(
    ("kind", "state", "is_open", "still"),
    [
        (NoticeKind.NEW_OFFER, OnwardState.OFFERED, True, True),
        (NoticeKind.NEW_OFFER, OnwardState.ACKNOWLEDGED, True, True),
        (NoticeKind.NEW_OFFER, OnwardState.ACCEPTED, True, False),
        (NoticeKind.NEW_OFFER, OnwardState.WITHDRAWN, False, False),
        (NoticeKind.OFFERED_AGAIN, OnwardState.DECLINED, False, False),
        (NoticeKind.ANSWERED, OnwardState.INFORMATION_REQUESTED, True, True),
        (NoticeKind.ANSWERED, OnwardState.DECLINED, False, False),
        (NoticeKind.SAFE_CONTACT_CHANGED, OnwardState.IN_SERVICE, True, True),
        (NoticeKind.SAFE_CONTACT_CHANGED, OnwardState.CLOSED, False, False),
        (NoticeKind.SHARED_AGAIN, OnwardState.ACCEPTED, True, True),
        (NoticeKind.SHARED_AGAIN, OnwardState.WITHDRAWN, False, False),
        (NoticeKind.WITHDRAWN, OnwardState.WITHDRAWN, False, True),
        (NoticeKind.EXPIRED, OnwardState.EXPIRED, False, True),
        (NoticeKind.EXPIRED, OnwardState.OFFERED, True, False),
    ],
)
def test_a_notice_leaves_only_while_it_is_so(
    kind: NoticeKind, state: OnwardState, is_open: bool, still: bool
) -> None:
    assert is_still_true(kind, state, is_open=is_open) is still
