"""A real mail server of a test's own: it speaks SMTP over TCP, keeps what it is given, misbehaves when told."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import pytest


@dataclass
class Behaviour:
    """What the server answers; a test changes it while the server runs."""

    greeting: str = "220 sink"
    recipient: str = "250 fine"
    after_data: str = "250 taken"
    # seconds before the answer to the recipient's address
    hesitates_s: float = 0.0
    # seconds before the answer to an e-mail that was handed over; the e-mail is kept before them
    thinks_s: float = 0.0
    # end the connection instead of answering an e-mail that was handed over
    hangs_up: bool = False
    password: str | None = None
    tls: ssl.SSLContext | None = None
    tls_at_once: bool = False


@dataclass
class Sink:
    """The running server: its port, what it was given, and who signed in."""

    port: int
    behaviour: Behaviour
    received: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0
    encrypted: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def subjects(self) -> list[str]:
        return sorted(str(message["Subject"]) for message in self.received)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    sink: Sink


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        sink = self.server.sink
        sink.connections += 1
        if sink.behaviour.tls_at_once:
            self._encrypt()
        self._say(sink.behaviour.greeting)
        self.sender = self.recipient = ""
        while line := self.rfile.readline(2000):
            command = line.decode("latin-1").strip()
            word = command.upper()
            if word == "QUIT":
                self._say("221 bye")
                return
            if word == "DATA":
                self._say("354 go ahead")
                if not self._take():
                    return
            else:
                self._answer(command, word)

    def _answer(self, command: str, word: str) -> None:
        behaviour = self.server.sink.behaviour
        address = command.partition("<")[2].partition(">")[0]
        if word.startswith(("EHLO", "HELO")):
            self._offer()
        elif word == "STARTTLS":
            self._say("220 go ahead")
            self._encrypt()
        elif word.startswith("AUTH"):
            given = base64.b64decode(command.split()[-1]).decode().split("\0")[-1]
            self._say("235 welcome" if given == behaviour.password else "535 no")
        elif word.startswith("RCPT"):
            self.recipient = address
            time.sleep(behaviour.hesitates_s)
            self._say(behaviour.recipient)
        else:
            self.sender = address or self.sender
            self._say("250 fine")

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _take(self) -> bool:
        sink, lines = self.server.sink, []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        if sink.behaviour.after_data.startswith("2"):
            parsed = message_from_bytes(b"".join(lines), policy=policy.SMTP)
            sink.received.append(cast("EmailMessage", parsed))
            sink.envelopes.append((self.sender, self.recipient))
        time.sleep(sink.behaviour.thinks_s)
        if sink.behaviour.hangs_up:
            return False
        self._say(sink.behaviour.after_data)
        return True

    def _offer(self) -> None:
        lines = ["sink"]
        if self.server.sink.behaviour.tls and not isinstance(self.connection, ssl.SSLSocket):
            lines.append("STARTTLS")
        if self.server.sink.behaviour.password:
            lines.append("AUTH PLAIN")
        for line in lines[:-1]:
            self._say(f"250-{line}")
        self._say(f"250 {lines[-1]}")

    def _encrypt(self) -> None:
        context = self.server.sink.behaviour.tls
        assert context is not None
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)  # type: ignore[assignment]
        self.server.sink.encrypted += 1

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class _Quiet(_Server):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed, or does not trust us, is what some tests are about."""


@contextmanager
def smtp_sink(behaviour: Behaviour | None = None, port: int = 0) -> Iterator[Sink]:
    """A server that runs for the block, at a free port unless one is named."""
    server = _Quiet(("127.0.0.1", port), _Conversation)
    server.sink = Sink(server.server_address[1], behaviour or Behaviour())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def smtp() -> Iterator[Sink]:
    """A mail server that takes everything."""
    with smtp_sink() as sink:
        yield sink
