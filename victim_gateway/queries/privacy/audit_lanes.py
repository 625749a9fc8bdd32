"""The audit as lanes: which are in use, where each ends, its entries in order, and how far they were verified."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from victim_gateway.audit_chain import LANE_SIZE, LaneHead, StoredEntry, lane_of
from victim_gateway.audit_checkpoints import Checkpoint, CheckpointForged, CheckpointKind, read_checkpoint
from victim_gateway.crypto import Keyring
from victim_gateway.models import AuditCheckpoint

# One step through the index for each lane. What stands before the first place of lane 0 is counted with it.
_LANES = f"""WITH RECURSIVE found AS (
    (SELECT sequence FROM audit_entry ORDER BY sequence LIMIT 1)
    UNION ALL SELECT (
        SELECT e.sequence FROM audit_entry e
        WHERE e.sequence >= (greatest(found.sequence, 0) / {LANE_SIZE} + 1) * {LANE_SIZE}
        ORDER BY e.sequence LIMIT 1) FROM found WHERE found.sequence IS NOT NULL
), lanes AS (SELECT greatest(sequence, 0) / {LANE_SIZE} AS lane FROM found WHERE sequence IS NOT NULL)"""  # noqa: S608 - made of constants
_HEADS = text(
    f"""{_LANES} SELECT last.sequence, last.hash, last.at, last.action FROM lanes CROSS JOIN LATERAL (
        SELECT e.sequence, e.hash, e.at, e.action FROM audit_entry e
        WHERE e.sequence < (lanes.lane + 1) * {LANE_SIZE} ORDER BY e.sequence DESC LIMIT 1) last
    ORDER BY last.sequence"""  # noqa: S608 - made of constants
)
_COLUMNS = (
    "sequence, at, actor_id::text, action, subject_type, subject_id::text, person_id::text, entry, key_id,"
    " previous_hash, hash"
)
_READ = f"SELECT {_COLUMNS} FROM audit_entry WHERE sequence > %s AND sequence < %s ORDER BY sequence LIMIT %s"  # noqa: S608
_READ_FROM = f"SELECT {_COLUMNS} FROM audit_entry WHERE sequence < %s ORDER BY sequence LIMIT %s"  # noqa: S608
_NEWEST = f"SELECT {_COLUMNS} FROM audit_entry WHERE sequence >= %s AND sequence < %s ORDER BY sequence DESC LIMIT %s"  # noqa: S608


@dataclass(frozen=True, slots=True)
class LaneEnd:
    """The last entry of a lane, with what it is and when it was written."""

    head: LaneHead
    at: datetime
    action: str

    @property
    def lane(self) -> int:
        return lane_of(self.head.sequence)


def lane_ends(session: Session) -> list[LaneEnd]:
    """The last entry of every lane that has one, in order of the lanes."""
    return [
        LaneEnd(LaneHead(row.sequence, bytes(row.hash)), row.at, row.action)
        for row in session.execute(_HEADS)
    ]


def read_lane(session: Session, *, after: int, lane: int, size: int) -> list[StoredEntry]:
    """The next entries of a lane in order; `after` a sequence, or the start of the lane."""
    if after == 0:
        # A forged entry may stand before the first place.
        return _read(session, _READ_FROM, (LANE_SIZE, size))
    first = after if after > lane * LANE_SIZE else after - 1
    return _read(session, _READ, (first, (lane + 1) * LANE_SIZE, size))


def newest_of_lane(session: Session, *, lane: int, size: int) -> list[StoredEntry]:
    """The last entries of a lane, in order."""
    bounds = (lane * LANE_SIZE, (lane + 1) * LANE_SIZE, size)
    return _read(session, _NEWEST, bounds)[::-1]


def stored_hashes(session: Session, sequences: Collection[int]) -> dict[int, bytes]:
    """The hashes of those of the entries that exist."""
    if not sequences:
        return {}
    rows = session.execute(
        text("SELECT sequence, hash FROM audit_entry WHERE sequence = ANY(:sequences)"),
        {"sequences": list(sequences)},
    )
    return {row.sequence: bytes(row.hash) for row in rows}


def stored_checkpoint(session: Session, kind: CheckpointKind, keyring: Keyring) -> Checkpoint | None:
    """The checkpoint of a kind of walk. Raises CheckpointForged, also for what is no checkpoint at all."""
    stored = session.get(AuditCheckpoint, kind.value)
    try:
        return None if stored is None else read_checkpoint(stored.signed, keyring, kind=kind)
    except ValueError as error:
        raise CheckpointForged("what is stored is no checkpoint") from error


def _read(session: Session, statement: str, bounds: tuple[int, ...]) -> list[StoredEntry]:
    # Read through the driver: millions of entries are read, and nothing of them is mapped.
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the transaction has no connection")
    with connection.cursor(binary=True) as cursor:
        cursor.execute(statement, bounds)
        return list(map(StoredEntry._make, cursor))
