"""A socket server of a test's own that speaks ClamAV's INSTREAM: it finds EICAR's text, or misbehaves when told."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# Split, so that no scanner takes this file for the test virus itself.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass
class Scanner:
    """The running server: where it is, what it was sent, and an answer that it gives whatever it was sent."""

    url: str
    received: list[bytes] = field(default_factory=list)
    answer: bytes | None = None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    scanner: Scanner


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        command = self._command()
        if command == b"PING":
            self.wfile.write(b"PONG\0")
            return
        assert command == b"INSTREAM"
        content = bytearray()
        while size := struct.unpack("!L", self.rfile.read(4))[0]:
            content += self.rfile.read(size)
        scanner = self.server.scanner
        scanner.received.append(bytes(content))
        found = b"stream: Eicar-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
        self.wfile.write(found if scanner.answer is None else scanner.answer)

    def _command(self) -> bytes:
        command = bytearray()
        while (byte := self.rfile.read(1)) not in (b"\0", b""):
            command += byte
        return bytes(command).removeprefix(b"z")


@contextmanager
def virus_scanner() -> Iterator[Scanner]:
    """A scanner that runs for the block, at a free port."""
    server = _Server(("127.0.0.1", 0), _Conversation)
    server.scanner = Scanner(f"tcp://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.scanner
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
