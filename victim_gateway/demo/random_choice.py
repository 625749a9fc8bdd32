"""Chance that can be repeated: each question has a stream of its own, so one more draw here moves nothing there."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import TypeVar

T = TypeVar("T")


def random_stream(seed: int, *question: str | int) -> Random:
    """The same numbers for the same seed and question, on every machine."""
    return Random(":".join(map(str, (seed, *question))))  # noqa: S311  nothing here is a secret


def weighted_choice(chance: Random, weights: Mapping[T, float]) -> T:
    """One of the keys, each as likely as its weight says."""
    return chance.choices(list(weights), list(weights.values()))[0]
