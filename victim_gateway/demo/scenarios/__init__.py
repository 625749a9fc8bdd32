"""The scenarios, one generator each: what is yielded is the moment of the next action.

All of them run side by side, whatever is earliest first, so that the demonstration comes about in the order
in which it is said to have happened.
"""

from __future__ import annotations

from victim_gateway.demo import casework, example_cases
from victim_gateway.demo.case import DemoCase
from victim_gateway.demo.scenarios.alone import ALONE, NOTHING_HAPPENS, Moments
from victim_gateway.demo.scenarios.with_provider import WITH_PROVIDER


def play_scenario(case: DemoCase) -> Moments:
    """Run the scenario of a case, from the moment its referral was received."""
    if case.planned.scenario.source is not None:
        yield case.on(0, 9)
        casework.record_case(case)
    names_adult = case.planned.scenario.name == example_cases.CHILD_WITH_AUNT
    if case.planned.scenario.name not in NOTHING_HAPPENS and not names_adult and casework.is_child(case):
        # Before anything else: without an adult who is safe to speak to, nobody may act.
        yield case.on(0, 9)
        casework.name_safe_adult(case)
    name, _, to = case.planned.scenario.name.partition(":")
    yield from WITH_PROVIDER[name](case, to) if to else ALONE[name](case)
