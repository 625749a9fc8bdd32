"""The `gateway` command in processes that are forked from one that has read the program before.

Reading the program takes longer than most commands. Each command still has a process of its own, with its own
environment, files and exit status; what a command must read is therefore not tested here but by `test_up.py`
and `test_production_document.py`, which start it as a user does.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from tempfile import TemporaryDirectory

from tests.plumbing import ROOT
from victim_gateway.cli import main

_PRELOADED = (
    "tests.plumbing.forked_gateway",
    "victim_gateway.cli.audit",
    "victim_gateway.cli.compliance",
    "victim_gateway.cli.db",
    "victim_gateway.cli.demo",
    "victim_gateway.cli.doctor",
    "victim_gateway.cli.import_",
    "victim_gateway.cli.providers",
    "victim_gateway.cli.reminders",
    "victim_gateway.cli.users",
)


def run_forked_gateway(
    arguments: Sequence[str], *, environment: Mapping[str, str], timeout_s: float, typed: str = ""
) -> CompletedProcess[str]:
    """Run the command to its end; `typed` is its standard input. Raises TimeoutExpired after killing it."""
    with TemporaryDirectory() as folder:
        files = Path(folder)
        (files / "input").write_text(typed)
        process = _context().Process(target=_run_command, args=(list(arguments), dict(environment), files))
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutExpired(list(arguments), timeout_s)
        output, errors = (files / name for name in ("output", "errors"))
        # What it wrote is read as a text stream would be: no byte is lost, none stops the test.
        return CompletedProcess(
            list(arguments),
            process.exitcode,
            output.read_text(encoding="utf-8") if output.exists() else "",
            errors.read_text(encoding="utf-8") if errors.exists() else "",
        )


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    return context


def _run_command(arguments: list[str], environment: dict[str, str], files: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    for number, (name, flags) in enumerate(
        (
            ("input", os.O_RDONLY),
            ("output", os.O_WRONLY | os.O_CREAT),
            ("errors", os.O_WRONLY | os.O_CREAT),
        )
    ):
        opened = os.open(files / name, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - the process's own, until its end
    sys.argv = ["gateway", *arguments]
    main(prog_name="gateway")
