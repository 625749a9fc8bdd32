"""Times the real commands on two generated months, in a folder that is removed afterwards."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.feed import write_month
from config import load_settings
from victim_gateway import devservers

_GATEWAY = "from victim_gateway.cli import main; main(prog_name='gateway')"
# The time allowed for two months of 8,000 rows, in seconds on two cores.
IMPORT_S, RECOMPUTE_S, REPORT_S = 10.0, 5.0, 5.0


def main() -> int:
    """Run the benchmark; exit status 1 when a command fails or exceeds its time limit."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=8000, help="referrals in a month (8000)")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="victim-gateway-bench-") as folder:
        settings = replace(load_settings(), home=Path(folder) / "home", database_url=None, redis_url=None)
        october, november = Path(folder) / "2018-10.csv", Path(folder) / "2018-11.csv"
        for file, month in ((october, 10), (november, 11)):
            write_month(file, rows=rows, month=month, districts=settings.area.districts)
        period = ["--from", "2018-10-01", "--to", "2018-11-30"]
        with devservers.embedded_servers(settings) as filled:
            environment = {
                **os.environ,
                "DATABASE_URL": str(filled.database_url),
                "DATABASE_OWNER_URL": str(filled.database_owner_url),
                "REDIS_URL": str(filled.redis_url),
            }
            steps: list[tuple[str, list[str], float | None]] = [
                ("migrate", ["db", "upgrade"], None),
                ("import a month", ["import", "police-feed", str(october), "--history", "--json"], IMPORT_S),
                ("the same again", ["import", "police-feed", str(october), "--history", "--json"], IMPORT_S),
                ("the next month", ["import", "police-feed", str(november), "--history", "--json"], IMPORT_S),
                ("recompute", ["compliance", "recompute"], RECOMPUTE_S),
                (
                    "report",
                    ["compliance", "report", *period, "--by", "district", "--format", "csv"],
                    REPORT_S,
                ),
            ]
            right = [_step(*step, environment) for step in steps]
        return 0 if all(right) else 1


def _step(title: str, arguments: list[str], within_s: float | None, environment: dict[str, str]) -> bool:
    """Run a command, the start of Python included, and print how long it took."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _GATEWAY, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - begun
    is_right = done.returncode == 0 and (within_s is None or seconds <= within_s)
    limit = f"of {within_s:.0f}" if within_s else ""
    print(
        f"{title:<16} {seconds:6.2f} s {limit:<6} {'' if is_right else 'TOO LONG' if not done.returncode else ''}"
    )
    if done.returncode != 0:
        print(f"  exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    return is_right


if __name__ == "__main__":
    sys.exit(main())
