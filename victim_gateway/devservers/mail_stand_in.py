"""A stand-in for a mail server: it takes every e-mail on this machine, keeps it for the page Outbox, sends none.

python -m victim_gateway.devservers.mail_stand_in --port 8026 --home var
"""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from victim_gateway.devservers.smtp_server import LoopbackMailServer
from victim_gateway.kept_mail import MailFolder

_REMOVE_EVERY_S = 60.0


class MailStandIn(LoopbackMailServer):
    """Keeps what it takes in the folder of a GATEWAY_HOME, and removes there what is too old."""

    def __init__(self, port: int, folder: MailFolder) -> None:
        """See LoopbackMailServer."""
        super().__init__(port, self._keep)
        self._folder = folder
        self._removed_at = 0.0

    def service_actions(self) -> None:
        """Called between connections."""
        if time.monotonic() - self._removed_at >= _REMOVE_EVERY_S:
            self._removed_at = time.monotonic()
            with suppress(OSError):
                self._folder.remove_surplus(at=datetime.now(UTC))

    def _keep(self, sender: str, recipient: str, content: bytes) -> None:
        self._folder.keep_mail(recipient, content, at=datetime.now(UTC))


def main() -> None:
    """Serve until the end of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    chosen = parser.parse_args()
    MailStandIn(chosen.port, MailFolder(chosen.home)).serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
