"""Measures the service at the volume of the founding documents against anchors taken in the same run.

Builds what volumes are missing, keeps them under var/bench, prints one JSON line for each figure, and writes
docs/performance.md. BENCH_SIZE=2190920 takes another size.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from bench.bench_run import SMALL, BenchRun
from bench.measurement import ResultFile
from bench.measures import GROUPS
from bench.performance_document import write_document
from bench.volumes import KEPT, build_volume, code_digest, named_volume

SIZE = 219_092


def main() -> int:
    """Run the measures; exit status 1 when a target is not met."""
    options = _options()
    began, code = time.perf_counter(), code_digest()
    results = ResultFile(options.folder / f"results-{options.size}.json")
    large = named_volume(options.size, seed=options.seed, under=options.folder)
    small = named_volume(SMALL, seed=options.seed, under=options.folder)
    for volume in (small, large):
        build_volume(volume, tell=lambda line: print(line, file=sys.stderr, flush=True))
    if options.build:
        return 0
    are_met = True
    with BenchRun(large, small, rounds=options.rounds) as run:
        for name in options.only or GROUPS:
            if options.resume and results.is_new(name, code):
                continue
            group_began, found = time.perf_counter(), []
            try:
                for each in GROUPS[name](run):
                    found.append(each)
                    are_met = are_met and each.met is not False
                    print(json.dumps(_line(asdict(each)), ensure_ascii=False), flush=True)
            except Exception as failure:
                # One page that does not answer must not cost the figures of all others.
                are_met = False
                traceback.print_exception(failure)
            results.add(name, found, seconds=time.perf_counter() - group_began, commit=code)
    if not options.no_document:
        write_document(results, large, _commit())
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    return 0 if are_met else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    size = int(os.environ.get("BENCH_SIZE") or SIZE)
    parser.add_argument("--size", type=int, default=size, help=f"referrals of the large volume ({size})")
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--resume", action="store_true", help="leave out what was measured on this very code")
    parser.add_argument("--rounds", type=int, default=30, help="requests of each page at each size (30)")
    parser.add_argument("--build", action="store_true", help="build the volumes and stop")
    parser.add_argument("--no-document", action="store_true", help="leave docs/performance.md as it is")
    parser.add_argument("--seed", type=int, default=1, help="another number gives other people (1)")
    parser.add_argument("--folder", type=Path, default=KEPT, help="where volumes and results are kept")
    return parser.parse_args()


def _line(each: dict[str, object]) -> dict[str, object]:
    """The figure as it is printed: the seven fields first, then what is told beside them."""
    more = each.pop("more")
    return {**each, **(more if isinstance(more, dict) else {})}


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
