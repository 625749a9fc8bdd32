"""A real mail server of a test's own: it speaks SMTP over TCP, keeps what it is given, misbehaves when told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import pytest

from victim_gateway.devservers.smtp_server import Behaviour, LoopbackMailServer


class Sink:
    """The running server: its port, what it was given, and who signed in."""

    def __init__(self, port: int, behaviour: Behaviour | None) -> None:
        self.received: list[EmailMessage] = []
        self.envelopes: list[tuple[str, str]] = []
        self.server = LoopbackMailServer(port, self._keep, behaviour)
        self.port = int(self.server.server_address[1])
        self.behaviour = self.server.behaviour

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return self.server.connections

    @property
    def encrypted(self) -> int:
        return self.server.encrypted

    def subjects(self) -> list[str]:
        return sorted(str(message["Subject"]) for message in self.received)

    def _keep(self, sender: str, recipient: str, content: bytes) -> None:
        self.received.append(cast("EmailMessage", message_from_bytes(content, policy=policy.SMTP)))
        self.envelopes.append((sender, recipient))


@contextmanager
def smtp_sink(behaviour: Behaviour | None = None, port: int = 0) -> Iterator[Sink]:
    """A server that runs for the block, at a free port unless one is named."""
    sink = Sink(port, behaviour)
    thread = threading.Thread(target=sink.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        sink.server.shutdown()
        sink.server.server_close()
        thread.join(10)


@pytest.fixture
def smtp() -> Iterator[Sink]:
    """A mail server that takes everything."""
    with smtp_sink() as sink:
        yield sink
