"""Targets of the bench, and the figures that are kept from one run to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.measurement import ResultFile, Target, compared_line, measured
from bench.measures.imports import tenth_rates


@pytest.mark.parametrize(
    ("target", "value", "ratio", "is_met"),
    [
        (Target(most=100, most_ratio=1.3), 99, 1.3, True),
        (Target(most=100, most_ratio=1.3), 101, 1.0, False),
        (Target(most=100, most_ratio=1.3), 99, 1.4, False),
        (Target(most=100, most_ratio=1.3, either=True), 300, 1.2, True),
        (Target(most=100, most_ratio=1.3, either=True), 300, 1.4, False),
        (Target(least_ratio=0.9), 5, 0.89, False),
        (Target(least_ratio=0.9), 5, None, False),
    ],
)
def test_a_target_asks_for_all_of_it_or_for_either(
    target: Target, value: float, ratio: float | None, is_met: bool
) -> None:
    assert target.is_met(value, ratio) is is_met


def test_a_run_of_one_group_keeps_the_figures_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    first = ResultFile(path)
    first.add("queues", [measured("mine", 12.3456, "ms", target=Target(most=100))], seconds=1, commit="a")
    first.add("search", [measured("name", 9, "ms")], seconds=1, commit="a")
    again = ResultFile(path)
    again.add("search", [measured("name", 8, "ms")], seconds=1, commit="b")
    kept = ResultFile(path)
    assert kept.groups["queues"]["found"][0]["value"] == 12.346
    assert kept.groups["search"]["found"][0]["value"] == 8
    assert kept.is_new("search", "b")
    assert not kept.is_new("queues", "b")


def test_the_tenths_of_an_import_leave_out_the_start_of_the_program_and_its_end() -> None:
    # Ten seconds to start, then ten rows a second, slower in the last tenth, and five seconds for the end.
    marks = [(0.01, 10.1), *((number / 10, 10 + number) for number in range(1, 10)), (1.0, 21.0)]
    found = {"rows": 100, "tenths": marks, "own_cpu_s": 20.0, "server_cpu_s": 6.0}

    first, last = tenth_rates(found)

    assert (first, last) == (pytest.approx(10), pytest.approx(5))


def test_a_compared_line_meets_its_target_as_a_share_of_the_anchor() -> None:
    assert compared_line("commits", 70, "1/s", 100, 0.6)["met"] is True
    assert compared_line("commits", 50, "1/s", 100, 0.6)["met"] is False
    assert compared_line("bytes", 50, "kB", None, None)["met"] is None
