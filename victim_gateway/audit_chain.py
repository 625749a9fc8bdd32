"""The audit chain: the text of an entry, the keyed hash that chains it to the one before, and the check of both.

The audit is kept in lanes, so that writers need not wait for each other: each lane is a complete chain of its own.
The sequence of an entry holds its lane, and the hash covers the sequence, so an entry belongs to one place of one
lane. An entry that was changed, removed, inserted or moved breaks its lane at that place. A chain alone can't show
that its end was cut off: a seal, which is an entry that names the last entries of all lanes, shows it for everything
older than the seal, and a signed checkpoint kept outside the database for everything older than the checkpoint.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from victim_gateway.actors import Actor
from victim_gateway.crypto import Keyring, SealBroken

_CHAIN_PURPOSE = "audit chain"
# The sequences of a lane: lane 2 has 2,000,000,000,001 and on. Lane 0 is the one chain of earlier releases.
# Never changed: `claim_audit_lane()` of the database counts by it too.
LANE_SIZE = 10**12
SEAL_ACTION = "audit.sealed"


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
                **({"contact_link_id": str(actor.contact_link_id)} if actor.contact_link_id else {}),
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


class StoredEntry(NamedTuple):
    """One row of the audit, its ids as text."""

    sequence: int
    at: datetime
    actor_id: str | None
    action: str
    subject_type: str | None
    subject_id: str | None
    person_id: str | None
    entry: str
    key_id: str
    previous_hash: bytes
    hash: bytes


class LaneHead(NamedTuple):
    """The last entry of a lane at one moment."""

    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first entry of a lane that is wrong or missing, and the reason."""

    sequence: int
    problem: str


@dataclass(frozen=True, slots=True)
class VerifiedPart:
    """How far a part of one lane verifies; `sealed` are the entries that the seals in it name."""

    entries: int
    head: LaneHead
    sealed: dict[int, bytes]
    broken: ChainBreak | None = None


def lane_of(sequence: int) -> int:
    """The lane that an entry stands in."""
    return max(0, sequence // LANE_SIZE)


def lane_start(lane: int) -> LaneHead:
    """What the first entry of a lane is chained to."""
    return LaneHead(lane * LANE_SIZE, b"")


def describe_sequence(sequence: int) -> str:
    """The number of an entry as people read it: `17`, or `17 of lane 2`."""
    lane = lane_of(sequence)
    number = sequence - lane * LANE_SIZE
    return f"{number} of lane {lane}" if lane else str(number)


def seal_details(heads: Mapping[int, LaneHead]) -> dict[str, list[Any]]:
    """The details of an entry that seals the lanes: the last sequence and hash of each."""
    return {str(lane): [head.sequence, head.hash.hex()] for lane, head in sorted(heads.items())}


def read_seal(entry: str) -> dict[int, LaneHead]:
    """What the text of a seal names: the last entry of each lane when it was made."""
    heads = _parse(entry)["details"]["heads"]
    return {
        int(lane): LaneHead(sequence, bytes.fromhex(digest)) for lane, (sequence, digest) in heads.items()
    }


def verify_part(
    entries: Iterable[StoredEntry], keyring: Keyring, *, after: LaneHead, known: Mapping[int, bytes]
) -> VerifiedPart:
    """Check entries of one lane, which come in order of their sequence, up to the first that is wrong.

    `after` is the entry before them. `known` are the hashes of entries as a checkpoint or a seal has them.
    """
    count, sequence, digest = 0, *after
    keys: dict[str, bytes] = {}
    sealed: dict[int, bytes] = {}
    for entry in entries:
        parsed, problem = _read_entry(entry, sequence, digest, keyring, keys)
        if problem is None and known.get(entry.sequence, entry.hash) != entry.hash:
            problem = "it is not the entry that the checkpoint was made of: the chain was written anew"
        if problem is not None:
            broken_at = min(entry.sequence, sequence + 1) if "missing" in problem else entry.sequence
            return VerifiedPart(count, LaneHead(sequence, digest), sealed, ChainBreak(broken_at, problem))
        if entry.action == SEAL_ACTION:
            sealed.update(
                (number, bytes.fromhex(text)) for number, text in parsed["details"]["heads"].values()
            )
        count, sequence, digest = count + 1, entry.sequence, entry.hash
    return VerifiedPart(count, LaneHead(sequence, digest), sealed)


def find_cut_end(head: LaneHead, known: Mapping[int, bytes]) -> ChainBreak | None:
    """Whether a lane that verifies up to `head` once went on, as a checkpoint or a seal knows it."""
    lane = lane_of(head.sequence)
    last = max((sequence for sequence in known if lane_of(sequence) == lane), default=head.sequence)
    if last <= head.sequence:
        return None
    missing = f"entries {describe_sequence(head.sequence + 1)} to {describe_sequence(last)} are missing"
    return ChainBreak(head.sequence + 1, f"{missing}: the end was cut off")


def _read_entry(
    entry: StoredEntry, sequence: int, previous: bytes, keyring: Keyring, keys: dict[str, bytes]
) -> tuple[dict[str, Any], str | None]:
    """The parsed text of an entry, and what is wrong with it."""
    if entry.sequence != sequence + 1:
        return {}, f"entry {describe_sequence(sequence + 1)} is missing"
    if entry.previous_hash != previous:
        return {}, "it does not follow from the entry before it"
    if entry.key_id not in keys:
        try:
            keys[entry.key_id] = chain_key(keyring, entry.key_id)
        except SealBroken:
            return {}, f"its key {entry.key_id} is not in GATEWAY_DATA_KEYS"
    expected = chain_digest(keys[entry.key_id], entry.previous_hash, entry.entry)
    if not hmac.compare_digest(expected, entry.hash):
        return {}, "its text was changed"
    parsed = _parse(entry.entry)
    hashed = (
        parsed["sequence"],
        datetime.fromisoformat(parsed["at"]),
        parsed["actor"]["id"],
        parsed["action"],
        parsed["subject_type"],
        parsed["subject_id"],
        parsed["person_id"],
    )
    return parsed, None if hashed == entry[:7] else _columns_problem(entry, hashed)


def _parse(text: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = orjson.loads(text)
    except orjson.JSONDecodeError:
        # The standard library writes, and reads, numbers that JSON does not have.
        parsed = json.loads(text)
    return parsed


_COLUMNS = ("sequence", "time", "actor", "action", "kind of subject", "subject", "person")


def _columns_problem(entry: StoredEntry, hashed: tuple[Any, ...]) -> str:
    """Name the searchable columns that differ from the hashed text; a difference could hide an entry."""
    changed = [name for name, stored, text in zip(_COLUMNS, entry, hashed, strict=False) if stored != text]
    return f"its {' and '.join(changed)} was changed"
