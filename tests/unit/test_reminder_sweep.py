"""The sweep of every minute: each step by itself, and what failed is not lost."""

from __future__ import annotations

import pytest

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.services.shared.command import Command
from workers.reminders import STEPS, run_separately


def test_a_step_that_fails_stops_none_after_it_and_is_raised_at_the_end() -> None:
    ran: list[str] = []

    def fail(_: Command) -> None:
        ran.append("failed")
        raise ValueError("a record that can not be opened")

    def go_on(_: Command) -> None:
        ran.append("went on")

    with pytest.raises(ExceptionGroup) as raised:
        run_separately((fail, go_on, fail, go_on), Command(Actor.worker("tests"), times.now()))

    assert ran == ["failed", "went on", "failed", "went on"]
    assert [type(error) for error in raised.value.exceptions] == [ValueError, ValueError]
    assert len(STEPS) == len(set(STEPS))
