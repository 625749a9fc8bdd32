"""CPU time and memory of processes, read from /proc: those of a PostgreSQL cluster, and a command's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """CPU seconds of a process itself and of its ended children, and the most memory it ever had."""

    own_s: float
    children_s: float
    peak_mb: float


def process_use(pid: int) -> ProcessUse | None:
    """What a process has used so far; None where it has ended."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # Fields 14 to 17 of proc(5); the first after the name is field 3.
    user, system, children_user, children_system = (int(field) for field in after_name[11:15])
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return ProcessUse(
        (user + system) / _TICKS_PER_S,
        (children_user + children_system) / _TICKS_PER_S,
        int(peak.split()[1]) / 1024,
    )


def cluster_cpu_s(data_folder: Path) -> float:
    """CPU seconds that all processes of a PostgreSQL cluster have used since it started, ended ones included."""
    postmaster = int((data_folder / "postmaster.pid").read_text().splitlines()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    used = process_use(postmaster)
    total = used.own_s + used.children_s if used else 0.0
    return total + sum(child.own_s for pid in children if (child := process_use(int(pid))))
