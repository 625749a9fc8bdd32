"""The audit chain: the text of an entry, the keyed hash that chains it to the one before, and the check of both.

An entry that was changed, removed, inserted or moved breaks the chain at its place. A chain alone can't show
that its end was cut off or that all of it was rewritten: a signed checkpoint kept outside the database does.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from victim_gateway.actors import Actor
from victim_gateway.crypto import Keyring, SealBroken

_CHAIN_PURPOSE = "audit chain"
_CHECKPOINT_PURPOSE = "audit checkpoint"


@dataclass
class AuditRecord:
    """The content of one audit entry, before it is chained."""

    action: str
    subject_type: str | None
    subject_id: UUID | None
    person_id: UUID | None
    details: dict[str, Any]


def audit_entry_text(sequence: int, at: datetime, actor: Actor, record: AuditRecord) -> str:
    """The canonical text of an entry: what the chain covers, escaped so that nothing can forge a second one."""
    return json.dumps(
        {
            "sequence": sequence,
            "at": at.isoformat(),
            "actor": {
                "id": str(actor.user_id) if actor.user_id else None,
                "name": actor.name,
                "role": actor.role.value if actor.role else actor.database_role.value,
                "organisation_id": str(actor.organisation_id) if actor.organisation_id else None,
                "address": actor.address,
            },
            "action": record.action,
            "subject_type": record.subject_type,
            "subject_id": str(record.subject_id) if record.subject_id else None,
            "person_id": str(record.person_id) if record.person_id else None,
            "correlation_id": str(actor.correlation_id),
            "details": record.details,
        },
        ensure_ascii=True,
        sort_keys=True,
        default=str,
    )


def chain_key(keyring: Keyring, key_id: str) -> bytes:
    """The key of the chain under one key of the keyring. Raises SealBroken when the keyring lacks it."""
    return keyring.derive_key(key_id, _CHAIN_PURPOSE)


def chain_digest(key: bytes, previous: bytes, entry: str) -> bytes:
    """The hash of an entry's text, chained to the hash of the entry before (empty for the first)."""
    return hmac.digest(key, previous + entry.encode(), "sha256")


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One row of the audit."""

    sequence: int
    at: datetime
    actor_id: UUID | None
    action: str
    subject_type: str | None
    subject_id: UUID | None
    person_id: UUID | None
    entry: str
    key_id: str
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed record of the chain's last entry at one moment."""

    sequence: int
    hash: bytes
    key_id: str
    signature: bytes

    @classmethod
    def sign_chain_end(cls, sequence: int, digest: bytes, keyring: Keyring) -> Self:
        """Sign the end of a chain that has just been verified."""
        key_id = keyring.current_id
        return cls(sequence, digest, key_id, _signature(keyring, key_id, sequence, digest))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a checkpoint from the output of `to_json`. Raises ValueError for anything else."""
        try:
            document = json.loads(text)
            digests = bytes.fromhex(document["hash"]), bytes.fromhex(document["signature"])
            return cls(int(document["sequence"]), digests[0], str(document["key_id"]), digests[1])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("this is not a checkpoint of the audit") from error

    def to_json(self) -> str:
        """The checkpoint as one line of JSON."""
        digests = {"hash": self.hash.hex(), "signature": self.signature.hex()}
        return json.dumps({"sequence": self.sequence, "key_id": self.key_id, **digests}, sort_keys=True)

    def is_signed(self, keyring: Keyring) -> bool:
        """Whether one of our keys signed it."""
        try:
            expected = _signature(keyring, self.key_id, self.sequence, self.hash)
        except SealBroken:
            return False
        return hmac.compare_digest(expected, self.signature)


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far the chain verifies. `broken_at` is the first entry that is wrong or missing, `problem` the reason."""

    entries: int
    last_sequence: int
    last_hash: bytes
    broken_at: int | None = None
    problem: str | None = None

    @property
    def is_whole(self) -> bool:
        return self.broken_at is None


def verify_chain(
    entries: Iterable[StoredEntry],
    keyring: Keyring,
    *,
    checkpoint: Checkpoint | None = None,
    after: StoredEntry | None = None,
) -> ChainState:
    """Walk the entries, which come in order of their sequence, up to the first that is wrong.

    `after` is the entry before the first one, for a part of the chain; without it the chain must begin at 1.
    """
    if checkpoint is not None and not checkpoint.is_signed(keyring):
        return ChainState(0, 0, b"", checkpoint.sequence, "the checkpoint is not signed by a key of ours")
    count, sequence, digest = 0, after.sequence if after else 0, after.hash if after else b""
    keys: dict[str, bytes] = {}
    for entry in entries:
        problem = _problem(entry, sequence, digest, keyring, keys)
        if problem is None and checkpoint is not None and entry.sequence == checkpoint.sequence:
            if entry.hash != checkpoint.hash:
                problem = "it is not the entry that the checkpoint was made of: the chain was written anew"
        if problem is not None:
            broken_at = min(entry.sequence, sequence + 1) if "missing" in problem else entry.sequence
            return ChainState(count, sequence, digest, broken_at, problem)
        count, sequence, digest = count + 1, entry.sequence, entry.hash
    if checkpoint is not None and sequence < checkpoint.sequence:
        missing = f"entries {sequence + 1} to {checkpoint.sequence} are missing: the end was cut off"
        return ChainState(count, sequence, digest, sequence + 1, missing)
    return ChainState(count, sequence, digest)


def _problem(
    entry: StoredEntry, sequence: int, previous: bytes, keyring: Keyring, keys: dict[str, bytes]
) -> str | None:
    if entry.sequence != sequence + 1:
        return f"entry {sequence + 1} is missing"
    if entry.previous_hash != previous:
        return "it does not follow from the entry before it"
    if entry.key_id not in keys:
        try:
            keys[entry.key_id] = chain_key(keyring, entry.key_id)
        except SealBroken:
            return f"its key {entry.key_id} is not in GATEWAY_DATA_KEYS"
    expected = chain_digest(keys[entry.key_id], entry.previous_hash, entry.entry)
    if not hmac.compare_digest(expected, entry.hash):
        return "its text was changed"
    return _columns_problem(entry, json.loads(entry.entry))


def _columns_problem(entry: StoredEntry, parsed: dict[str, Any]) -> str | None:
    """Compare the searchable columns with the hashed text; a difference could hide an entry from searches."""
    columns = {
        "sequence": (entry.sequence, parsed["sequence"]),
        "time": (entry.at, datetime.fromisoformat(parsed["at"])),
        "actor": (_text(entry.actor_id), parsed["actor"]["id"]),
        "action": (entry.action, parsed["action"]),
        "kind of subject": (entry.subject_type, parsed["subject_type"]),
        "subject": (_text(entry.subject_id), parsed["subject_id"]),
        "person": (_text(entry.person_id), parsed["person_id"]),
    }
    changed = [name for name, (stored, expected) in columns.items() if stored != expected]
    return f"its {' and '.join(changed)} was changed" if changed else None


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None


def _signature(keyring: Keyring, key_id: str, sequence: int, digest: bytes) -> bytes:
    key = keyring.derive_key(key_id, _CHECKPOINT_PURPOSE)
    return hmac.digest(key, str(sequence).encode() + b":" + digest, "sha256")
