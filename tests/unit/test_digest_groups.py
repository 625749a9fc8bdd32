"""Where each reminder stands in a digest, and when there is none."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from victim_gateway.rules.digest import DigestGroup, DigestLine, digest_group, group_digest
from victim_gateway.vocabulary import ReminderKind

TODAY = date(2026, 3, 2)


def line(
    reference: str = "SG-26-000001",
    *,
    kind: ReminderKind = ReminderKind.ACTION_DUE,
    rule: str | None = None,
    due: int | None = 10,
    is_new: bool = False,
    is_settled: bool = False,
) -> DigestLine:
    due_on = None if due is None else TODAY + timedelta(days=due)
    return DigestLine(reference, kind, rule, due_on, is_new, is_settled)


@pytest.mark.parametrize(
    ("reminder", "group"),
    [
        (line(due=-1), DigestGroup.OVERDUE),
        (line(due=-1, is_new=True), DigestGroup.OVERDUE),
        (line(due=0), DigestGroup.ENDING),
        (line(due=2), DigestGroup.ENDING),
        (line(due=3), None),
        (line(due=0, is_new=True), DigestGroup.NEW),
        (line(due=None, is_new=True), DigestGroup.NEW),
        (line(due=None), None),
        (line(rule="stalled", due=-3), DigestGroup.STALLED),
        (line(is_settled=True, due=-3), DigestGroup.CANCELLED),
        (line(kind=ReminderKind.NOTE_WRITTEN, due=None, is_new=True), DigestGroup.NOTE),
        (line(kind=ReminderKind.NOTE_WRITTEN, due=None), None),
        (line(kind=ReminderKind.NOTE_WRITTEN, due=None, is_settled=True), None),
    ],
)
def test_each_reminder_stands_in_one_part(reminder: DigestLine, group: DigestGroup | None) -> None:
    assert digest_group(reminder, TODAY) is group


def test_with_nothing_new_and_nothing_overdue_there_is_no_digest() -> None:
    assert group_digest([line(due=1), line(is_settled=True), line(rule="stalled")], TODAY) == {}


def test_one_overdue_or_new_brings_the_others_along_each_reference_once() -> None:
    lines = [
        line("B", due=-1),
        line("A", due=-2),
        line("B", due=-5),
        line("C", due=1),
        line("D", is_settled=True),
    ]
    assert group_digest(lines, TODAY) == {
        DigestGroup.OVERDUE: ["B", "A"],
        DigestGroup.ENDING: ["C"],
        DigestGroup.CANCELLED: ["D"],
    }
