"""Output of commands: results on standard output, as text or as one JSON document, the rest on standard error."""

from __future__ import annotations

import codecs
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from victim_gateway.cli import Failed

F = TypeVar("F", bound=Callable[..., Any] | click.Command)

# Shown only for work that lasts longer than this.
_SHOW_AFTER_S = 1.0


def json_option(function: F) -> F:
    """The `--json` switch; the command gets it as `as_json`."""
    switch = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    return switch(function)


def emit_json(document: Any) -> None:
    """Print the result as one JSON document, alone on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def emit_fields(fields: Mapping[str, Any]) -> None:
    """Print the result for a person: one line per field, names aligned."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
        click.echo(f"{name.replace('_', ' '):<{width}}  {shown}")


def emit_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print the result for a person as a table, columns as wide as their content."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(headings))]
    for row in texts:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def write_out(chunks: Iterable[bytes]) -> None:
    """Write a file to standard output: without the byte-order mark, which only spreadsheets want."""
    for number, chunk in enumerate(chunks):
        sys.stdout.buffer.write(chunk if number else chunk.removeprefix(codecs.BOM_UTF8))
    sys.stdout.buffer.flush()


def write_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that only this account can read (0600), whole or not at all.

    It is written beside its place and moved there at the end, so a command that is killed leaves an earlier
    file as it was. A device or a pipe, which can't be replaced, is written to as it is. Raises Failed.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as target:
                target.writelines(chunks)
        else:
            _replace_file(path.resolve(), chunks)
    except OSError as error:
        raise Failed(f"{click.format_filename(path)}: {error.strerror}") from error


def _replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    # mkstemp opens with 0600, whatever the umask
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(descriptor, "wb") as target:
            target.writelines(chunks)
            target.flush()
            os.fsync(target.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def print_diagnostic(message: str) -> None:
    """Print a diagnostic on standard error, so that it never mixes with a result."""
    click.echo(message, err=True)


class ProgressBar:
    """Progress of a long operation. Shown on a terminal after a second; silent elsewhere."""

    def __init__(self, title: str, total: int | None) -> None:
        """`total` None: how much there is to do is not known."""
        self._title, self._total, self._done = title, total, 0
        self._begun = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._on_terminal = sys.stderr.isatty()

    def advance(self, steps: int = 1) -> None:
        """Count further steps as done."""
        self.update(self._done + steps)

    def update(self, done: int, total: int | None = None) -> None:
        """Set how many steps are done in all, and `total` once it is known."""
        self._done, self._total = done, total if total is not None else self._total
        if self._bar is None and self._on_terminal and time.monotonic() - self._begun > _SHOW_AFTER_S:
            self._show()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, total=self._total)

    def close(self) -> None:
        """Remove the bar from the terminal."""
        if self._bar is not None:
            self._bar.stop()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self._title, total=self._total)
        self._bar.start()


@contextmanager
def progress_bar(title: str, total: int | None = None) -> Iterator[ProgressBar]:
    """`with progress_bar("Importing", total=8000) as bar: bar.advance()`."""
    bar = ProgressBar(title, total)
    try:
        yield bar
    finally:
        bar.close()
