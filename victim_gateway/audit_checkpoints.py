"""Checkpoints of the audit: how far it was verified and with what last entries, signed so that none can be forged."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from victim_gateway.audit_chain import LaneHead, lane_start, seal_details
from victim_gateway.crypto import Keyring, SealBroken

_PURPOSE = "audit checkpoint"
_PURPOSE_OF_LANES = "audit checkpoint of lanes"


class CheckpointForged(Exception):
    """A checkpoint carries no signature of ours, or stands in another's place."""


class CheckpointKind(StrEnum):
    """`NEWEST` goes on each night; `WHOLE` starts at the first entry each week; `KEPT` is for another place."""

    NEWEST = "newest"
    WHOLE = "whole"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All entries up to these heads have been verified, in a walk that began at `began_at`.

    `is_complete`: the walk has come to the end of every lane.
    """

    kind: CheckpointKind
    began_at: datetime | None
    recorded_at: datetime | None
    entries: int = 0
    is_complete: bool = False
    heads: Mapping[int, LaneHead] = field(default_factory=dict)

    def head_of(self, lane: int) -> LaneHead:
        """The last verified entry of a lane, or the place before its first."""
        return self.heads.get(lane, lane_start(lane))

    def known_hashes(self) -> dict[int, bytes]:
        """The hashes that the last verified entries must have for ever."""
        return {head.sequence: head.hash for head in self.heads.values() if head.hash}


def sign_checkpoint(checkpoint: Checkpoint, keyring: Keyring) -> str:
    """The checkpoint as one signed line of JSON."""
    document = {
        "kind": checkpoint.kind.value,
        "began_at": checkpoint.began_at.isoformat() if checkpoint.began_at else None,
        "recorded_at": checkpoint.recorded_at.isoformat() if checkpoint.recorded_at else None,
        "entries": checkpoint.entries,
        "is_complete": checkpoint.is_complete,
        "heads": seal_details(checkpoint.heads),
        "key_id": keyring.current_id,
    }
    signature = _signature(keyring, keyring.current_id, _canonical(document))
    return _canonical({**document, "signature": signature.hex()})


def read_checkpoint(signed: str, keyring: Keyring, *, kind: CheckpointKind) -> Checkpoint:
    """Read a signed checkpoint. Raises ValueError for something else, CheckpointForged for one that is not ours."""
    try:
        document = json.loads(signed)
        if "heads" not in document:
            return _read_of_one_chain(document, keyring)
        signature, key_id = bytes.fromhex(document.pop("signature")), str(document["key_id"])
        checkpoint = Checkpoint(
            CheckpointKind(document["kind"]),
            _moment(document["began_at"]),
            _moment(document["recorded_at"]),
            int(document["entries"]),
            bool(document["is_complete"]),
            {
                int(lane): LaneHead(int(sequence), bytes.fromhex(digest))
                for lane, (sequence, digest) in document["heads"].items()
            },
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("this is not a checkpoint of the audit") from error
    if checkpoint.kind is not kind or not _is_signed(keyring, key_id, _canonical(document), signature):
        raise CheckpointForged("the checkpoint is not signed by a key of ours")
    return checkpoint


def _read_of_one_chain(document: dict[str, Any], keyring: Keyring) -> Checkpoint:
    """Read a file of a release that kept one chain, which is lane 0 now."""
    head = LaneHead(int(document["sequence"]), bytes.fromhex(document["hash"]))
    signature, key_id = bytes.fromhex(document["signature"]), str(document["key_id"])
    try:
        key = keyring.derive_key(key_id, _PURPOSE)
    except SealBroken:
        key = b""
    expected = hmac.digest(key, str(head.sequence).encode() + b":" + head.hash, "sha256")
    if not key or not hmac.compare_digest(expected, signature):
        raise CheckpointForged("the checkpoint is not signed by a key of ours")
    return Checkpoint(CheckpointKind.KEPT, None, None, head.sequence, True, {0: head})


def _is_signed(keyring: Keyring, key_id: str, text: str, signature: bytes) -> bool:
    try:
        expected = _signature(keyring, key_id, text)
    except SealBroken:
        return False
    return hmac.compare_digest(expected, signature)


def _signature(keyring: Keyring, key_id: str, text: str) -> bytes:
    return hmac.digest(keyring.derive_key(key_id, _PURPOSE_OF_LANES), text.encode(), "sha256")


def _canonical(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
