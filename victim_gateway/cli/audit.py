"""Check the tamper-evident audit."""

from __future__ import annotations

from pathlib import Path

import click

from victim_gateway.audit_chain import ChainState, Checkpoint, verify_chain
from victim_gateway.cli import Failed
from victim_gateway.cli._context import gateway_app
from victim_gateway.cli._output import emit_json, json_option, progress_bar, write_file
from victim_gateway.errors import UnusableFile


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command(name="verify")
@click.option(
    "--checkpoint",
    "checkpoint_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file outside the database: compared if it is there, and written anew when all is whole. "
    "With it a tail that was cut off is found too.",
)
@json_option
def verify_(checkpoint_file: Path | None, as_json: bool) -> None:
    """Walk the chain of the audit from its first entry; exit status 1 names the first that is broken."""
    checkpoint = _read(checkpoint_file)
    with gateway_app():
        state, renewed = _verify(checkpoint)
    if checkpoint_file is not None and renewed is not None:
        write_file(checkpoint_file, [renewed.to_json().encode() + b"\n"])
    if as_json:
        emit_json(
            {
                "whole": state.is_whole,
                "entries": state.entries,
                "last": state.last_sequence,
                "broken_at": state.broken_at,
                "problem": state.problem,
            }
        )
    elif state.is_whole:
        click.echo(f"The audit is whole: {state.entries:,} entries.")
    if not state.is_whole:
        raise Failed(f"the audit is broken at entry {state.broken_at}: {state.problem}")


def _verify(checkpoint: Checkpoint | None) -> tuple[ChainState, Checkpoint | None]:
    # imported here so that other commands start without the database's modules
    from victim_gateway.actors import Actor
    from victim_gateway.database.current import current_keyring
    from victim_gateway.queries.privacy import audit_log

    actor = Actor.worker("audit verify")
    with progress_bar("Checking the audit", total=audit_log.audit_length(actor=actor)) as bar:
        state = verify_chain(
            audit_log.read_audit_chain(actor=actor, progress=bar.advance),
            current_keyring(),
            checkpoint=checkpoint,
        )
    audit_log.record_verification(state, actor=actor)
    if not state.is_whole or not state.last_sequence:
        return state, None
    return state, Checkpoint.sign_chain_end(state.last_sequence, state.last_hash, current_keyring())


def _read(path: Path | None) -> Checkpoint | None:
    if path is None or not path.exists():
        return None
    try:
        return Checkpoint.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UnusableFile(f"{path} is not a checkpoint of the audit: nothing was checked") from None
