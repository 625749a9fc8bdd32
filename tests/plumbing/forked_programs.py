"""Our programs in processes that are forked from one that has read their code before.

Reading the code takes longer than most of what they do. Each program still has a process of its own, with its own
environment, files and exit status; what it must read is therefore not tested here but by `test_up.py`,
`test_another_area.py` and `test_production_document.py`, which start programs as a user does.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from tempfile import TemporaryDirectory
from typing import Any, Self

from tests.plumbing import ROOT


class ForkedProgram:
    """A running program, used like a `Popen` whose output goes to a file."""

    def __init__(
        self,
        program: Callable[[Sequence[str]], None],
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: Path,
        errors: Path | None = None,
        typed: Path | None = None,
    ) -> None:
        """Start `program(arguments)`, leading a session of its own. Both outputs go to `output` unless told apart."""
        self.args = list(arguments)
        files = (typed or Path(os.devnull), output, errors or output)
        self._process = _context().Process(
            target=_run_program, args=(program, self.args, dict(environment), files)
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status; minus the signal's number after a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit status, once it has ended. Raises TimeoutExpired."""
        self._process.join(timeout_s)
        if self._process.exitcode is None:
            raise TimeoutExpired(self.args, timeout_s or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()


def run_forked_gateway(
    arguments: Sequence[str], *, environment: Mapping[str, str], timeout_s: float, typed: str = ""
) -> CompletedProcess[str]:
    """Run the command to its end; `typed` is its standard input. Raises TimeoutExpired after killing it."""
    with TemporaryDirectory() as folder:
        given, output, errors = (Path(folder, name) for name in ("input", "output", "errors"))
        given.write_text(typed)
        process = ForkedProgram(
            run_gateway_command, arguments, environment=environment, output=output, errors=errors, typed=given
        )
        try:
            process.wait(timeout_s)
        except TimeoutExpired:
            process.kill()
            process.wait()
            raise
        # What it wrote is read as a text stream would be: no byte is lost, none stops the test.
        said = [file.read_text(encoding="utf-8") if file.exists() else "" for file in (output, errors)]
        return CompletedProcess(list(arguments), process.wait(), *said)


def run_gateway_command(arguments: Sequence[str]) -> None:
    """`gateway ...`."""
    from victim_gateway.cli import main

    sys.argv = ["gateway", *arguments]
    main(prog_name="gateway")


def run_celery_command(arguments: Sequence[str]) -> None:
    """`celery ...`."""
    from celery.__main__ import main

    sys.argv = ["celery", *arguments]
    main()


def run_gunicorn_command(arguments: Sequence[str]) -> None:
    """`gunicorn ...`."""
    from gunicorn.app.wsgiapp import run

    sys.argv = ["gunicorn", *arguments]
    run()


def run_scheduler(_: Sequence[str] = ()) -> None:
    """`python -m workers.beat`."""
    from workers.beat import run_beat

    run_beat()


def run_code(arguments: Sequence[str]) -> None:
    """`python -c CODE`."""
    sys.argv = ["-c"]
    exec(compile(arguments[0], "<code of a test>", "exec"), {"__name__": "__main__"})  # noqa: S102


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.plumbing.before_forking"])
    return context


def _run_program(
    program: Callable[[Sequence[str]], Any],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    files: tuple[Path, Path, Path],
) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    for number, (file, flags) in enumerate(zip(files, (os.O_RDONLY, *[_TO_THE_END] * 2), strict=True)):
        opened = os.open(file, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - the process's own, until its end
    try:
        program(arguments)
    finally:
        # A forked process ends without them.
        atexit._run_exitfuncs()


_TO_THE_END = os.O_WRONLY | os.O_CREAT | os.O_APPEND
