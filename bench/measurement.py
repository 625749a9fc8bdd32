"""What a measure gives, what is asked of it, and where the results are kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked of a value and of its ratio to the anchor: all of it, or one of the two with `either`."""

    most: float | None = None
    least_ratio: float | None = None
    most_ratio: float | None = None
    either: bool = False

    def is_met(self, value: float, ratio: float | None) -> bool:
        """Whether the target is met; a ratio that is missing meets none."""
        checks = []
        if self.most is not None:
            checks.append(value < self.most)
        if self.most_ratio is not None:
            checks.append(ratio is not None and ratio <= self.most_ratio)
        if self.least_ratio is not None:
            checks.append(ratio is not None and ratio >= self.least_ratio)
        return any(checks) if self.either else all(checks)

    def describe(self, unit: str) -> str:
        """The target in words."""
        parts = []
        if self.most_ratio is not None:
            parts.append(f"ratio ≤ {self.most_ratio:g}")
        if self.least_ratio is not None:
            parts.append(f"ratio ≥ {self.least_ratio:g}")
        if self.most is not None:
            parts.append(f"< {self.most:g} {unit}")
        return (" or " if self.either else " and ").join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One figure. `anchor` says what it was compared with in the same run, `ratio` is value to anchor, or its inverse
    where more is better; `target` is empty for figures without one.
    """

    measure: str
    value: float
    unit: str
    anchor: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    more: dict[str, Any] = field(default_factory=dict)


def measured(
    name: str,
    value: float,
    unit: str,
    *,
    anchor: str = "",
    ratio: float | None = None,
    target: Target | None = None,
    **more: Any,
) -> Measurement:
    """A measurement, rounded, with its target judged."""
    return Measurement(
        measure=name,
        value=round(value, 3),
        unit=unit,
        anchor=anchor,
        ratio=None if ratio is None else round(ratio, 4),
        target=target.describe(unit) if target else "",
        met=target.is_met(value, ratio) if target else None,
        more=more,
    )


def compared_line(
    measure: str, value: float, unit: str, anchor: float | None, target: float | None
) -> dict[str, Any]:
    """A figure as the benches with anchors of their own print it: the more of the anchor it is, the better."""
    ratio = value / anchor if anchor else None
    return {
        "measure": measure,
        "value": round(value, 2),
        "unit": unit,
        "anchor": round(anchor, 2) if anchor else None,
        "ratio": round(ratio, 3) if ratio is not None else None,
        "target": target,
        "met": ratio >= target if ratio is not None and target is not None else None,
    }


class ResultFile:
    """The newest figure of each measure at one size, kept so that a run may do only some of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def add(self, group: str, found: list[Measurement], *, seconds: float, commit: str) -> None:
        """Replace the figures of a group."""
        self._kept[group] = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit,
            "seconds": round(seconds, 1),
            "found": [asdict(each) for each in found],
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".tmp")
        beside.write_text(json.dumps(self._kept, indent=1, ensure_ascii=False))
        beside.replace(self._path)

    def is_new(self, group: str, commit: str) -> bool:
        """Whether the group was measured on this very code."""
        return self._kept.get(group, {}).get("commit") == commit

    @property
    def groups(self) -> dict[str, dict[str, Any]]:
        return self._kept
