"""E-mails that were sent to nobody: the folder in which the stand-in for a mail server keeps them for a page.

Each is a file that only this account can read, because a link or a code in it lets its reader in. They are few and
young: what is too old, or one too many, is removed whenever one comes and every minute.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from uuid import uuid4

MOST_KEPT = 100
KEPT_FOR = timedelta(days=7)
# The longest text that is shown of one e-mail.
MOST_CHARACTERS = 20_000
_FOLDER = "mail-stand-in"


@dataclass(frozen=True, slots=True)
class KeptMail:
    """One e-mail as its recipient would have read it."""

    kept_at: datetime
    recipient: str
    subject: str
    body: str


class MailFolder:
    """The kept e-mails of one GATEWAY_HOME."""

    def __init__(self, home: Path) -> None:
        """`home`: GATEWAY_HOME; the folder below it is made with the first e-mail."""
        self._path = home / _FOLDER

    def keep_mail(self, recipient: str, content: bytes, *, at: datetime) -> None:
        """Keep an e-mail as it came over the line. Raises OSError when it can't be written."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        document = _read_message(recipient, content, at)
        name = f"{at:%Y%m%dT%H%M%S%f}-{uuid4().hex}"
        unfinished = self._path / f"{name}.part"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
            json.dump(asdict(document) | {"kept_at": at.isoformat()}, target)
        unfinished.replace(self._path / f"{name}.json")
        self.remove_surplus(at=at)

    def list_mails(self, *, at: datetime) -> list[KeptMail]:
        """The e-mails that are not too old, the newest first. A damaged file is left out."""
        found = [_read_file(path) for path in self._files()[:MOST_KEPT]]
        return [mail for mail in found if mail is not None and mail.kept_at > at - KEPT_FOR]

    def remove_surplus(self, *, at: datetime) -> None:
        """Remove what is too old, too many, damaged, or was left half written by a kill."""
        for number, path in enumerate(self._files()):
            mail = _read_file(path) if number < MOST_KEPT else None
            if mail is None or mail.kept_at <= at - KEPT_FOR:
                path.unlink(missing_ok=True)
        for path in self._path.glob("*.part"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < (at - timedelta(minutes=1)).timestamp():
                    path.unlink()

    def _files(self) -> list[Path]:
        return sorted(self._path.glob("*.json"), reverse=True)


def _read_message(recipient: str, content: bytes, at: datetime) -> KeptMail:
    message = message_from_bytes(content, policy=policy.default)
    part = message.get_body(("plain",))
    try:
        body = str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
    except (LookupError, ValueError):  # a character set that does not exist, or text that is not in it
        body = ""
    return KeptMail(at, recipient, str(message["Subject"] or ""), body[:MOST_CHARACTERS])


def _read_file(path: Path) -> KeptMail | None:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kept_at = datetime.fromisoformat(document["kept_at"])
        if kept_at.tzinfo is None:
            return None
        return KeptMail(kept_at, str(document["recipient"]), str(document["subject"]), str(document["body"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
