"""The broker's list of queue items that no task can be made of. It says what they looked like, never what they said.

A worker's main process only notes them here, since it must never wait for the database; the sweep moves the
notes into the table `parked_message`. Whoever can write to the queues can write to this list too, so nothing
in it is relied on.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import redis

from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import ParkReason

PARKED_ITEMS_KEY = "gateway:parked"
# A flood of rubbish must not fill the broker: the oldest notes go first.
MAX_WAITING = 10_000
HASHED_BYTES = 256
HASH_BYTES = 32
LONGEST_NAME = 100
_LARGEST_SIZE = 1 << 40
_PURPOSE = b"the first bytes of a parked queue item"


@dataclass(frozen=True, slots=True)
class ParkedItem:
    """One item: the queue it was in, why it is no task, its size, and a keyed hash of its first bytes.

    The hash tells whether two items are alike. Without the key nobody can look for a number or a name by it.
    """

    item_id: UUID
    queue: str
    reason: ParkReason
    size: int
    first_bytes_hash: bytes
    parked_at: datetime

    def to_json(self) -> str:
        """The note as it stands in the broker."""
        fields = {
            "id": str(self.item_id),
            "queue": self.queue,
            "reason": self.reason.value,
            "size": self.size,
            "hash": self.first_bytes_hash.hex(),
            "at": self.parked_at.isoformat(),
        }
        return json.dumps(fields)

    @classmethod
    def from_json(cls, note: bytes) -> ParkedItem:
        """Read a note. Raises ValueError for anything that `to_json` would not write."""
        try:
            fields = json.loads(note)
            read = cls(
                item_id=UUID(fields["id"]),
                queue=str(fields["queue"]),
                reason=ParkReason(fields["reason"]),
                size=fields["size"],
                first_bytes_hash=bytes.fromhex(fields["hash"]),
                parked_at=datetime.fromisoformat(fields["at"]),
            )
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("no note of a parked item") from error
        if not (
            type(read.size) is int
            and 0 <= read.size <= _LARGEST_SIZE
            and read.queue.isprintable()
            and len(read.queue) <= LONGEST_NAME
            and len(read.first_bytes_hash) == HASH_BYTES
            and read.parked_at.tzinfo is not None
        ):
            raise ValueError("no note of a parked item")
        return read


def describe_item(
    item: bytes, queue: str, reason: ParkReason, *, secret_key: str, at: datetime, size: int | None = None
) -> ParkedItem:
    """What is noted of an item; `size` where the item is not held whole."""
    return ParkedItem(
        item_id=new_row_id(),
        queue=queue if queue.isprintable() else ascii(queue),
        reason=reason,
        size=len(item) if size is None else size,
        first_bytes_hash=hmac.digest(secret_key.encode() + _PURPOSE, item[:HASHED_BYTES], "sha256"),
        parked_at=at,
    )


def note_parked_item(broker: redis.Redis, item: ParkedItem) -> None:
    """Add a note to the list. Raises RedisError when the broker is away."""
    with broker.pipeline() as pipe:
        pipe.rpush(PARKED_ITEMS_KEY, item.to_json())
        pipe.ltrim(PARKED_ITEMS_KEY, -MAX_WAITING, -1)
        pipe.execute()


def waiting_notes(broker: redis.Redis, limit: int) -> list[bytes]:
    """The oldest notes that no sweep has stored yet. Something else at their place is removed."""
    if broker.type(PARKED_ITEMS_KEY) not in (b"list", b"none"):
        broker.delete(PARKED_ITEMS_KEY)
    return cast("list[bytes]", broker.lrange(PARKED_ITEMS_KEY, 0, limit - 1))


def remove_notes(broker: redis.Redis, notes: list[bytes]) -> None:
    """Remove notes that are stored now; those that came meanwhile stay."""
    with broker.pipeline() as pipe:
        for note in notes:
            pipe.lrem(PARKED_ITEMS_KEY, 1, cast("str", note))
        pipe.execute()
