"""Reproducible random choices: each question has a stream of its own, so that one more draw does not shift another."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import TypeVar

T = TypeVar("T")


def random_stream(seed: int, *question: str | int) -> Random:
    """The same numbers for the same seed and question, on every machine."""
    return Random(":".join(map(str, (seed, *question))))  # noqa: S311  nothing here is a secret


def weighted_choice(chance: Random, weights: Mapping[T, float]) -> T:
    """Choose one of the keys with the probability of its weight."""
    return chance.choices(list(weights), list(weights.values()))[0]
