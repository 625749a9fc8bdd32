"""The `gateway` command. Each file of this folder is one of its commands and is read only when it is called.

`police_feed.py` would be `gateway police-feed`; a trailing `_` avoids Python's keywords
(`import_.py` is `gateway import`); a leading `_` marks what the commands share. The file defines
`command` or `group`; the first line of its docstring is what `gateway --help` says of it.
"""

from __future__ import annotations

import ast
import gc
import importlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

import click

from config import SettingsError
from victim_gateway.database.failures import explain_database_failure
from victim_gateway.errors import GatewayError

_FOLDER = Path(__file__).parent
DONE, FAILED, WRONG_USE, SET_ASIDE = 0, 1, 2, 3


class Failed(Exception):
    """The command failed: one line on standard error, exit status 1."""


@cache
def _modules() -> dict[str, Path]:
    """Command names and their files."""
    files = sorted(path for path in _FOLDER.glob("*.py") if not path.stem.startswith("_"))
    packages = sorted(path.parent for path in _FOLDER.glob("[!_]*/__init__.py"))
    return {path.stem.rstrip("_").replace("_", "-"): path for path in (*files, *packages)}


class _LazyGroup(click.Group):
    """A group that finds commands by file name and imports only the one called, to start quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_modules())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        path = _modules().get(cmd_name)
        if path is None:
            return None
        module = importlib.import_module(f"{__name__}.{path.stem}")
        found = getattr(module, "group", None) or getattr(module, "command", None)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_line(path)) for name, path in sorted(_modules().items())])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; wrong use, refusals and failures become one line and an exit status."""
        # It reads some thousand modules, which all stay: looking for cycles in them after each 700 objects, as
        # Python does by itself, takes an eighth of the time in which it starts.
        gc.set_threshold(20_000, 10, 10)
        try:
            sys.exit(super().main(*args, **{**kwargs, "standalone_mode": False}) or DONE)
        except click.exceptions.NoArgsIsHelpError as help_wanted:
            help_wanted.show()
            sys.exit(WRONG_USE)
        except click.UsageError as wrong:
            called = wrong.ctx.command_path if wrong.ctx else "gateway"
            _complain(f"{wrong.format_message()} Try '{called} --help'.")
            sys.exit(WRONG_USE)
        except click.Abort:
            _complain("stopped")
            sys.exit(FAILED)
        except (SettingsError, GatewayError) as error:
            _complain(str(error))
            sys.exit(WRONG_USE)
        except Failed as error:
            _complain(str(error))
            sys.exit(FAILED)
        except Exception as error:
            known = _known_failure(error)
            if known is None:
                raise
            _complain(known)
            sys.exit(FAILED)


def _known_failure(error: Exception) -> str | None:
    """The message for a failure outside the program; None for a defect, which shows its traceback.

    By name and place: to import SQLAlchemy, Redis and the rest here would slow every command down.
    """
    where, name = type(error).__module__.split(".")[0], type(error).__name__
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else name
    if name in {"EmbeddedServerError", "AuditNotWritten"}:
        return first_line
    if where in {"sqlalchemy", "psycopg"}:
        reason = explain_database_failure(error)
        return f"the database: {reason}" if reason else None
    if (where, name) in {
        ("kombu", "OperationalError"),
        ("redis", "ConnectionError"),
        ("redis", "TimeoutError"),
    }:
        return f"the broker: {first_line}"
    return None


def _complain(message: str) -> None:
    click.echo(f"gateway: {' '.join(message.split())}", err=True)


def _first_line(path: Path) -> str:
    source = path / "__init__.py" if path.is_dir() else path
    described = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return described.partition("\n")[0]


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The Victim Gateway's commands.

    Exit status: 0 done, 1 failed, 2 wrong use or unusable input (nothing changed),
    3 done but some rows were set aside.
    """
