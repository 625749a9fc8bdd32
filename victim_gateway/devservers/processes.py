"""Child processes that don't outlive their parent, and processes left over from an earlier run."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_LOG_LIMIT_BYTES = 10 * 1024 * 1024


def dies_with_parent(parent_pid: int, with_signal: signal.Signals) -> Callable[[], None]:
    """A function to run in a child before its program: the kernel then signals it when its parent ends."""

    def ask_the_kernel() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
            if os.getppid() != parent_pid:  # the parent ended before we asked
                os._exit(1)

    return ask_the_kernel


def start_child(
    command: Sequence[object],
    *,
    log: Path | None,
    at_parents_end: signal.Signals,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, which Ctrl-C does not reach.

    Its output is appended to `log`, or shown when that is None. `keep_open` are descriptors that it inherits.
    """
    output = _open_log(log) if log else None
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            cwd=cwd,
            env=dict(environment) if environment is not None else None,
            start_new_session=True,
            pass_fds=keep_open,
            preexec_fn=dies_with_parent(os.getpid(), at_parents_end),
        )
    finally:
        if output is not None:
            os.close(output)


def stop_child(child: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> None:
    """Send the signals in turn, giving each its seconds, until the child has ended; at last kill it."""
    for number, patience_s in (*signals, (signal.SIGKILL, 5.0)):
        if child.poll() is not None:
            return
        child.send_signal(number)
        try:
            child.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue


def command_line(pid: int) -> str:
    """The command line of a running process; empty when there is none, or a zombie."""
    process = _process(pid)
    return _command_line_of(process) if process else ""


def end_leftover(pid: int, marks: str, with_signal: signal.Signals, patience_s: float) -> bool:
    """Signal a process of an earlier run, recognised by `marks` in its command line, and wait for its end.

    True when it has ended, or when `pid` belongs to another program by now.
    """
    process = _process(pid)
    if process is None or marks not in _command_line_of(process):
        return True
    # An ended process is the goal; one that may not be signalled is waited for as well.
    with suppress(psutil.Error):
        process.send_signal(with_signal)
    ends = time.monotonic() + patience_s
    # Not process.wait(): a zombie that no parent collects would never end.
    while marks in _command_line_of(process):
        if time.monotonic() >= ends:
            return False
        time.sleep(0.05)
    return True


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except (psutil.Error, ValueError):  # negative, as PostgreSQL writes its pid in single-user mode
        return None


def _command_line_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) if process.is_running() else ""
    except psutil.Error:
        return ""


def _open_log(log: Path) -> int:
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
