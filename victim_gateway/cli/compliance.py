"""How the clocks of the Victims' Code stand."""

from __future__ import annotations

import json
from pathlib import Path

import click

from victim_gateway.cli._output import progress, say
from victim_gateway.compliance.answer import Answer, answer
from victim_gateway.compliance.document import read_json
from victim_gateway.errors import CalendarExhausted, InvalidInput, UnusableFile


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command()
@click.argument("file", type=click.Path(path_type=Path))
def evaluate(file: Path) -> None:
    """Print the clocks that the events in FILE open, as JSON.

    FILE holds one JSON document, or a list of them for a list of answers. Needs no database.
    """
    name = click.format_filename(file)
    try:
        found = _answer(file)
    except OSError as error:
        raise UnusableFile(f"{name}: {error.strerror}") from error
    except (InvalidInput, CalendarExhausted) as refusal:
        raise UnusableFile(f"{name}: {refusal.message}") from refusal
    for remark in found.remarks:
        say(f"{name}: {remark}")
    # Escaped, because a subject may hold what standard output has no characters for.
    click.echo(json.dumps(found.clocks, indent=2))


def _answer(file: Path) -> Answer:
    value = read_json(file.read_bytes())
    with progress("Evaluating", total=len(value) if isinstance(value, list) else 1) as bar:
        return answer(value, after_each=bar.advance)
