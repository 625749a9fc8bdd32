"""Detect a file's text encoding strictly: an ambiguous file is refused, not guessed.

UTF-8 with or without a byte-order mark; otherwise Windows-1252, if the whole file is that. A file that
isn't UTF-8 but holds some UTF-8 letters mixes both, and either reading would corrupt names.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from victim_gateway.errors import UnusableFile

UTF_8 = "utf-8"
UTF_8_BOM = "utf-8-sig"
WINDOWS_1252 = "cp1252"

CHUNK = 1 << 16
MEBIBYTE = 1 << 20

KINDS = (
    (b"PK\x03\x04", "a spreadsheet or zip file"),
    (b"PK\x05\x06", "a zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "a Rich Text document"),
)
UTF_16_OR_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
# A UTF-8 letter of two to four bytes, seen inside bytes that as a whole are not UTF-8.
UTF_8_LETTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|\xe0[\xa0-\xbf][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{3}"
)
NOT_WINDOWS_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


@dataclass(frozen=True, slots=True)
class EncodingFound:
    """The encoding and size that a first pass over a file found."""

    encoding: str
    size: int


def detect_encoding(stream: BinaryIO, *, max_bytes: int, size: int | None = None) -> EncodingFound:
    """Read the stream once from its start; constant memory.

    Raises UnusableFile when it is empty, over `max_bytes` (told by `size` before anything is read,
    where that is known), not text, UTF-16, or in no single encoding.
    """
    if size is not None:
        _check_size(size, max_bytes)
    stream.seek(0)
    head = stream.read(CHUNK)
    _check_kind(head)
    scan = _Scan()
    total = 0
    chunk = head
    while chunk:
        total += len(chunk)
        _check_size(total, max_bytes)
        scan.read_chunk(chunk)
        chunk = stream.read(CHUNK)
    return EncodingFound(scan.detected_encoding(has_bom=head.startswith(codecs.BOM_UTF8)), total)


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise UnusableFile(
            f"The file is larger than the limit of {max_bytes / MEBIBYTE:g} MB; send it in parts."
        )


def _check_kind(head: bytes) -> None:
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise UnusableFile("The file is empty; a feed starts with a row of column names.")
    for magic, kind in KINDS:
        if head.startswith(magic):
            raise UnusableFile(f"The file is {kind}, not CSV; save or export it as CSV (UTF-8).")
    if head.startswith(UTF_16_OR_32) or b"\0" in head[:4]:
        raise UnusableFile("The file is in UTF-16 or is not text; save it as CSV in UTF-8.")


class _Scan:
    """A scan in chunks; a letter cut by the end of a chunk is checked with the next one."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder(UTF_8)("strict")
        self._is_utf_8 = True
        self._line = 1
        self._utf_8_letter_line: int | None = None
        self._undefined_line: int | None = None
        self._tail = b""

    def read_chunk(self, chunk: bytes) -> None:
        if self._is_utf_8:
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError:
                self._is_utf_8 = False
        if not chunk.isascii() or self._tail:
            self._look_for_mixture(chunk)
        self._line += chunk.count(b"\n")

    def _look_for_mixture(self, chunk: bytes) -> None:
        block = self._tail + chunk
        if self._utf_8_letter_line is None and (found := UTF_8_LETTER.search(block)):
            self._utf_8_letter_line = self._line + block.count(b"\n", 0, found.start())
        if self._undefined_line is None and (found := NOT_WINDOWS_1252.search(block)):
            self._undefined_line = self._line + block.count(b"\n", 0, found.start())
        self._tail = re.sub(rb"\A.*[\x00-\x7f]", b"", block[-3:], flags=re.DOTALL)

    def detected_encoding(self, *, has_bom: bool) -> str:
        if self._is_utf_8:
            try:
                self._decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                self._is_utf_8 = False
        if self._is_utf_8:
            return UTF_8_BOM if has_bom else UTF_8
        # The mark itself is a UTF-8 letter, so a marked file with broken letters counts as mixed too.
        line = self._utf_8_letter_line or self._undefined_line
        if line is not None:
            raise UnusableFile(
                f"The file mixes encodings or is not text (line {line}); save the whole file as CSV in UTF-8."
            )
        return WINDOWS_1252
