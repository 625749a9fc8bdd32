"""A small mail server on this machine that sends nothing on: it gives what it takes to a function.

The stand-in of `gateway up --demo` and the tests share it; a test changes `Behaviour` to make it misbehave.
"""

from __future__ import annotations

import base64
import socketserver
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"
# An e-mail of the service has a few kilobytes.
MOST_BYTES = 512 * 1024
_LONGEST_LINE = 2000
# Sender, recipient, and the e-mail as it came over the line.
KeepMail = Callable[[str, str, bytes], None]


@dataclass
class Behaviour:
    """What the server answers; a test changes it while the server runs."""

    greeting: str = "220 stand-in"
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


class LoopbackMailServer(socketserver.ThreadingTCPServer):
    """Takes every e-mail that a program of this machine hands over; `keep` gets each."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, keep: KeepMail, behaviour: Behaviour | None = None) -> None:
        """Listens on this machine alone; `port` 0 is a free one."""
        super().__init__((HOST, port), _Conversation)
        self.keep = keep
        self.behaviour = behaviour or Behaviour()
        self.connections = 0
        self.encrypted = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed, or does not trust us, is nothing to report."""


class _Conversation(socketserver.StreamRequestHandler):
    server: LoopbackMailServer
    # seconds that a client may be silent
    timeout = 120

    def handle(self) -> None:
        server = self.server
        server.connections += 1
        if server.behaviour.tls_at_once:
            self._encrypt()
        self._say(server.behaviour.greeting)
        self.sender = self.recipient = ""
        while line := self.rfile.readline(_LONGEST_LINE):
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
        behaviour = self.server.behaviour
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
        behaviour, content = self.server.behaviour, self._read_content()
        if content is None:
            self._say("552 too long")
            return True
        if behaviour.after_data.startswith("2"):
            try:
                self.server.keep(self.sender, self.recipient, content)
            except OSError:
                self._say("452 not kept")
                return True
        time.sleep(behaviour.thinks_s)
        if behaviour.hangs_up:
            return False
        self._say(behaviour.after_data)
        return True

    def _read_content(self) -> bytes | None:
        """The e-mail up to the line of one dot; None when it is too long."""
        lines, size = [], 0
        while (line := self.rfile.readline(MOST_BYTES)) not in (b".\r\n", b""):
            size += len(line)
            if size <= MOST_BYTES:
                lines.append(line[1:] if line.startswith(b".") else line)
        if not line:
            # The client is gone before its end, so nothing was handed over.
            raise ConnectionError
        return b"".join(lines) if size <= MOST_BYTES else None

    def _offer(self) -> None:
        lines = ["stand-in"]
        if self.server.behaviour.tls and not isinstance(self.connection, ssl.SSLSocket):
            lines.append("STARTTLS")
        if self.server.behaviour.password:
            lines.append("AUTH PLAIN")
        for line in lines[:-1]:
            self._say(f"250-{line}")
        self._say(f"250 {lines[-1]}")

    def _encrypt(self) -> None:
        context = self.server.behaviour.tls
        if context is None:
            raise ConnectionError
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.server.encrypted += 1

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
