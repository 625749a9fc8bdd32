"""The stories, each told act by act: what is yielded is the moment of what comes next.

All of them are told at once, whatever is earliest first, so that the demonstration comes about in the order
in which it is said to have happened.
"""

from __future__ import annotations

from victim_gateway.demo import casework
from victim_gateway.demo.case import DemoCase
from victim_gateway.demo.stories.alone import ALONE, Moments
from victim_gateway.demo.stories.with_provider import WITH_PROVIDER


def tell_story(case: DemoCase) -> Moments:
    """The story of a case, from the moment its referral has come."""
    if case.planned.story.source is not None:
        yield case.on(0, 9)
        casework.record_case(case)
    name, _, to = case.planned.story.name.partition(":")
    yield from WITH_PROVIDER[name](case, to) if to else ALONE[name](case)
