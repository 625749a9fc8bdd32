"""ClamAV over its own socket: a file is sent in pieces (INSTREAM), the answer is clean or the name of what it found."""

from __future__ import annotations

import socket
import struct
from contextlib import closing
from urllib.parse import urlsplit

SCHEMES = ("tcp", "unix")
DEFAULT_PORT = 3310
CONNECT_TIMEOUT_S = 5.0
SCAN_TIMEOUT_S = 60.0
_BLOCK_BYTES = 1 << 16
_LONGEST_ANSWER = 4096


class ScannerUnavailable(Exception):
    """The scanner gave no answer that says whether the file is clean: it has to be asked again."""


def scan_for_viruses(scanner_url: str, content: bytes) -> str | None:
    """What was found in a file, by the scanner's name for it; None where it is clean.

    Raises ScannerUnavailable for anything else, an answer that is not understood too: never clean by default.
    """
    try:
        with closing(_connect(scanner_url)) as connection:
            connection.sendall(b"zINSTREAM\0")
            for start in range(0, len(content), _BLOCK_BYTES):
                block = content[start : start + _BLOCK_BYTES]
                connection.sendall(struct.pack("!L", len(block)) + block)
            connection.sendall(struct.pack("!L", 0))
            answer = _read_answer(connection)
    except OSError as error:
        raise ScannerUnavailable(f"the virus scanner can't be asked ({type(error).__name__})") from error
    return _read_verdict(answer)


def is_scanner_up(scanner_url: str) -> bool:
    """Whether the scanner answers."""
    try:
        with closing(_connect(scanner_url)) as connection:
            connection.sendall(b"zPING\0")
            return _read_answer(connection) == "PONG"
    except (OSError, ScannerUnavailable):
        return False


def _connect(scanner_url: str) -> socket.socket:
    parts = urlsplit(scanner_url)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(CONNECT_TIMEOUT_S)
        try:
            connection.connect(parts.path)
        except OSError:
            connection.close()
            raise
    else:
        address = (parts.hostname or "", parts.port or DEFAULT_PORT)
        connection = socket.create_connection(address, timeout=CONNECT_TIMEOUT_S)
    connection.settimeout(SCAN_TIMEOUT_S)
    return connection


def _read_answer(connection: socket.socket) -> str:
    answer = bytearray()
    while not answer.endswith(b"\0") and len(answer) < _LONGEST_ANSWER:
        read = connection.recv(_LONGEST_ANSWER)
        if not read:
            break
        answer += read
    return answer.decode("utf-8", "replace").rstrip("\0\n").strip()


def _read_verdict(answer: str) -> str | None:
    said = answer.removeprefix("stream:").strip()
    if answer.startswith("stream:") and said == "OK":
        return None
    if answer.startswith("stream:") and said.endswith(" FOUND"):
        return said.removesuffix(" FOUND")[:200]
    raise ScannerUnavailable("the virus scanner did not say whether the file is clean")
