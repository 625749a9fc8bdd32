"""A file-like store for the body of an upload: little memory, and nothing readable on the disk."""

from __future__ import annotations

import io
import os
import tempfile
from typing import Any

from victim_gateway.crypto import decrypt_bytes, encrypt_bytes, new_data_key

CHUNK_BYTES = 1 << 20


class SealedSpool(io.RawIOBase):
    """Bytes that are written once, in order, and read from the start as often as needed.

    The last, incomplete chunk is in memory. Full chunks are encrypted under a key that only this object has, in
    a temporary file without a name: victims' names have no place in a temporary folder, and what a killed
    process leaves on the disk can't be read.
    """

    def __init__(self) -> None:
        self._key = new_data_key()
        self._sealed = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed with this object
        self._places: list[tuple[int, int]] = []
        self._last = bytearray()
        self._position = 0
        self._opened: tuple[int, bytes] | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to the start, or to a place counted from it. Raises UnsupportedOperation for any other."""
        if whence != os.SEEK_SET or offset < 0:
            raise io.UnsupportedOperation("only places counted from the start")
        self._position = offset
        return offset

    def write(self, data: Any, /) -> int:
        """Append, wherever the reading place is; the place moves to the end."""
        self._last += data
        while len(self._last) >= CHUNK_BYTES:
            self._seal(bytes(self._last[:CHUNK_BYTES]))
            del self._last[:CHUNK_BYTES]
        self._position = len(self._places) * CHUNK_BYTES + len(self._last)
        return len(data)

    def readinto(self, buffer: Any, /) -> int:
        """Read on from the place, at most to the end of a chunk."""
        number, offset = divmod(self._position, CHUNK_BYTES)
        found = self._chunk(number)[offset : offset + len(buffer)]
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def close(self) -> None:
        if not self.closed:
            self._sealed.close()
            self._last.clear()
        super().close()

    def _seal(self, chunk: bytes) -> None:
        sealed = encrypt_bytes(self._key, chunk, str(len(self._places)))
        place = self._sealed.seek(0, os.SEEK_END)
        left = memoryview(sealed)
        while left:
            left = left[self._sealed.write(left) :]
        self._places.append((place, len(sealed)))

    def _chunk(self, number: int) -> bytes:
        if number == len(self._places):
            return bytes(self._last)
        if number > len(self._places):
            return b""
        if self._opened is None or self._opened[0] != number:
            place, length = self._places[number]
            sealed = os.pread(self._sealed.fileno(), length, place)
            self._opened = (number, decrypt_bytes(self._key, sealed, str(number)))
        return self._opened[1]
