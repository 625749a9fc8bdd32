"""Check the tamper-evident audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from victim_gateway.audit_chain import describe_sequence
from victim_gateway.cli import Failed
from victim_gateway.cli._context import gateway_app
from victim_gateway.cli._output import emit_json, json_option, progress_bar, write_file
from victim_gateway.errors import UnusableFile

if TYPE_CHECKING:
    from victim_gateway.services.privacy.audit_verification import AuditVerification


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
    """Walk every lane of the audit from its first entry; exit status 1 names the first that is broken."""
    written = _read(checkpoint_file)
    with gateway_app():
        done, renewed = _verify(written, checkpoint_file)
    if checkpoint_file is not None and renewed is not None:
        write_file(checkpoint_file, [renewed.encode() + b"\n"])
    broken = done.broken
    if as_json:
        emit_json(
            {
                "whole": done.is_whole,
                "entries": done.entries,
                "lanes": len(done.checkpoint.heads),
                "last": max((head.sequence for head in done.checkpoint.heads.values()), default=0),
                "broken_at": broken.sequence if broken else None,
                "problem": broken.problem if broken else None,
            }
        )
    elif broken is None:
        click.echo(f"The audit is whole: {done.entries:,} entries.")
    if broken is not None:
        raise Failed(f"the audit is broken at entry {describe_sequence(broken.sequence)}: {broken.problem}")


def _verify(written: str | None, path: Path | None) -> tuple[AuditVerification, str | None]:
    """Verify the audit against the file; gives what the file is to hold now where all is whole."""
    # imported here so that other commands start without the database's modules
    from dataclasses import replace

    from victim_gateway import times
    from victim_gateway.actors import Actor
    from victim_gateway.audit_checkpoints import (
        CheckpointForged,
        CheckpointKind,
        read_checkpoint,
        sign_checkpoint,
    )
    from victim_gateway.database.current import current_keyring
    from victim_gateway.queries.privacy.audit_log import audit_length
    from victim_gateway.services.privacy.audit_verification import Verifier, verify_whole_audit

    actor, keyring = Actor.worker("audit verify"), current_keyring()
    try:
        kept = read_checkpoint(written, keyring, kind=CheckpointKind.KEPT) if written is not None else None
    except ValueError:
        raise UnusableFile(f"{path} is not a checkpoint of the audit: nothing was checked") from None
    except CheckpointForged as error:
        raise Failed(f"the audit can't be compared with {path}: {error}") from None
    with progress_bar("Checking the audit", total=audit_length(actor=actor)) as bar:
        verifier = Verifier(actor, keyring, times.now(), progress=bar.advance)
        done = verify_whole_audit(verifier, kept=kept)
    if not done.is_whole or not done.checkpoint.heads:
        return done, None
    return done, sign_checkpoint(replace(done.checkpoint, kind=CheckpointKind.KEPT), keyring)


def _read(path: Path | None) -> str | None:
    if path is None or not path.exists():
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise UnusableFile(f"{path} is not a checkpoint of the audit: nothing was checked") from None
