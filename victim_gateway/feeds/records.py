"""Split lines of text into CSV records (RFC 4180) in bounded memory; a fault affects only its own row.

The standard reader in strict mode finds the faults; this module finds the place to go on from. A quotation
mark that is never closed would swallow every row after it, so after a fault only the first line of the
record is given up and reading goes on with the next line.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from victim_gateway.errors import UnusableFile

MAX_RECORD_CHARACTERS = 1 << 18
MAX_BROKEN_RECORDS = 200
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `number` counts from 1 for the header, blank lines included. No cells: a blank line."""

    number: int
    cells: list[str]
    is_broken: bool = False


def read_records(stream: BinaryIO, encoding: str) -> Iterator[Record]:
    """The records of a CSV stream from its start.

    A broken record (quotation marks that don't pair) has its first line as its only cell. Raises
    UnusableFile for a line or record beyond any sense, or when broken records are the rule.
    """
    stream.seek(0)
    lines = _Lines(_decoded_lines(stream, encoding))
    reader = csv.reader(lines, strict=True)
    broken = 0
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error:
            broken += 1
            if broken > MAX_BROKEN_RECORDS:
                raise UnusableFile(
                    f"The quotation marks of more than {MAX_BROKEN_RECORDS} rows do not pair; "
                    "export the file again with every quotation mark inside a cell doubled."
                ) from None
            yield Record(number, [lines.give_back_all_but_first().rstrip("\r\n")], is_broken=True)
            # After an error the reader starts afresh with the next line, so the same one can go on.
            continue
        if cells is None:
            return
        lines.drop_record()
        yield Record(number, cells)


class _Lines:
    """An iterator that keeps the lines of the current record, so that they can be read again."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._again: deque[str] = deque()
        self._current: list[str] = []
        self._characters = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        self._current.append(line)
        self._characters += len(line)
        if self._characters > MAX_RECORD_CHARACTERS:
            raise csv.Error("record too long")
        return line

    def drop_record(self) -> None:
        self._current.clear()
        self._characters = 0

    def give_back_all_but_first(self) -> str:
        first, *rest = self._current
        self._again.extendleft(reversed(rest))
        self.drop_record()
        return first


def _decoded_lines(stream: BinaryIO, encoding: str) -> Iterator[str]:
    r"""Lines with their ends (`\n`, `\r\n` or `\r`), without ever holding more than one line and a chunk."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    rest = ""
    while chunk := stream.read(_CHUNK):
        *whole, rest = _split(rest + decoder.decode(chunk))
        yield from whole
        if len(rest) > MAX_RECORD_CHARACTERS:
            raise UnusableFile(
                f"The file has a line of more than {MAX_RECORD_CHARACTERS} characters; "
                "it is not a feed, or its line ends are lost."
            )
    yield from (part for part in _split(rest + decoder.decode(b"", final=True)) if part)


def _split(text: str) -> list[str]:
    """Lines and, last, what may be continued; str.splitlines would also cut at form feeds and the like."""
    text_without_cr = text.replace("\r\n", "\n")
    if "\r" not in text_without_cr:
        parts = [part + "\n" for part in text_without_cr.split("\n")]
    else:
        # A carriage return at the very end may be half of a pair: it stays with the rest.
        body, carriage_return = (
            (text_without_cr[:-1], "\r") if text_without_cr.endswith("\r") else (text_without_cr, "")
        )
        parts = [part + "\n" for part in body.replace("\r", "\n").split("\n")]
        parts[-1] = parts[-1][:-1] + carriage_return + "\n"
    parts[-1] = parts[-1][:-1]
    return parts
