"""A stand-in for GOV.UK Notify: the part of its API that the gate uses, on this machine, reaching nobody.

    python -m victim_gateway.devservers.notify_stand_in --port 8125 --file taken.jsonl

It keeps what it took in a file, one JSON object a line, and reads it again when it starts. `POST /stand-in/behaviour`
changes what it answers: `delay_s` waits before an answer, `refuse` answers with that status and takes nothing,
`fault_after` answers with that status although it took the message, `cut_after` ends the connection although it took
it, `cut_before` ends it and took nothing, `forget` is deaf to what it took. `GET /stand-in/taken` lists what it took.
The templates are the approved wordings under the ids of the area's profile, unless `templates` says otherwise.
"""

from __future__ import annotations

import argparse
import json
import re
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from config.area_profile import load_area
from victim_gateway.rules.victim_message_texts import NOTIFY_TYPES, TEXTS_BY_CODE

HOST = "127.0.0.1"
# Looks like a key of Notify; it opens nothing.
STAND_IN_KEY = "stand_in-00000000-0000-4000-8000-000000000001-00000000-0000-4000-8000-000000000002"
_RECIPIENTS = {"sms": "phone_number", "email": "email_address", "letter": "personalisation"}
_PLACEHOLDER = re.compile(r"\(\(([^()]+)\)\)")


def approved_templates(area: str) -> dict[str, dict[str, Any]]:
    """The templates of an area as they should be at Notify, by id."""
    profile = load_area(area).messages
    return {
        template_id: {
            "id": template_id,
            "name": code,
            "type": NOTIFY_TYPES[TEXTS_BY_CODE[code].channel],
            "version": 1,
            "body": TEXTS_BY_CODE[code].body,
            "subject": TEXTS_BY_CODE[code].subject,
        }
        for code, template_id in profile.templates
        if code in TEXTS_BY_CODE
    }


@dataclass
class StandInState:
    """What it took, and what it was asked to do wrong."""

    file: Path
    templates: dict[str, dict[str, Any]]
    behaviour: dict[str, Any] = field(default_factory=dict)
    taken: list[dict[str, Any]] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    # Requests whose client was gone before the message was taken, and after it.
    gone_before: int = 0
    gone_after: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.file.exists():
            lines = self.file.read_text(encoding="utf-8").splitlines()
            self.taken = [json.loads(line) for line in lines if line.strip()]

    def take_message(self, kind: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Keep a message as if it were sent."""
        template = self.templates[asked["template_id"]]
        values = asked.get("personalisation") or {}
        body = _PLACEHOLDER.sub(lambda found: str(values.get(found[1], "")), template["body"])
        record = {
            "id": str(uuid4()),
            "type": kind,
            "reference": asked.get("reference"),
            "recipient": asked[_RECIPIENTS[kind]],
            "template": {"id": template["id"], "version": template["version"]},
            "subject": template["subject"],
            "body": body,
            "status": "created",
            "begun": asked["begun"],
            "created_at": datetime.now(UTC).isoformat(),
        }
        with self.lock:
            self.taken.append(record)
            with self.file.open("a", encoding="utf-8") as kept:
                kept.write(json.dumps(record) + "\n")
                kept.flush()
        return record


class StandInServer(ThreadingHTTPServer):
    """Serves one state."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, state: StandInState) -> None:
        """Listens on this machine alone."""
        super().__init__((HOST, port), StandInHandler)
        self.state = state

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is nothing to report."""


class StandInHandler(BaseHTTPRequestHandler):
    """One request."""

    server: StandInServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what is asked for names numbers."""

    def do_GET(self) -> None:
        """Templates and messages, and what a test asks."""
        state, parts = self.server.state, urlsplit(self.path)
        if parts.path == "/stand-in/taken":
            document = {
                "taken": state.taken,
                "begun": state.begun,
                "gone": [state.gone_before, state.gone_after],
            }
            return self._answer(200, document)
        if not self._is_signed():
            return self._answer(403, _fault("AuthError", "Invalid token"))
        time.sleep(float(state.behaviour.get("delay_reading_s", 0)))
        if state.behaviour.get("refuse_reading"):
            return self._answer(int(state.behaviour["refuse_reading"]), _fault("Exception", "Refused"))
        if parts.path == "/v2/notifications":
            reference = parse_qs(parts.query).get("reference", [None])[0]
            is_deaf = state.behaviour.get("forget")
            found = (
                [] if is_deaf else [each for each in state.taken if reference in (None, each["reference"])]
            )
            return self._answer(200, {"notifications": found[::-1], "links": {"current": self.path}})
        if parts.path == "/v2/templates":
            return self._answer(200, {"templates": list(state.templates.values())})
        template = state.templates.get(parts.path.removeprefix("/v2/template/"))
        if template is None:
            return self._answer(404, _fault("NoResultFound", "No result found"))
        return self._answer(200, template)

    def do_POST(self) -> None:
        """A message, or what it shall do wrong from now on."""
        state, began = self.server.state, time.time()
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/stand-in/behaviour":
            state.templates = {**state.templates, **asked.pop("templates", {})}
            state.behaviour = asked
            return self._answer(200, {})
        if not self._is_signed():
            return self._answer(403, _fault("AuthError", "Invalid token"))
        state.begun.append(began)
        return self._take(asked | {"begun": began}, self.path.rpartition("/")[2])

    def _take(self, asked: dict[str, Any], kind: str) -> None:
        state, behaviour = self.server.state, dict(self.server.state.behaviour)
        if behaviour.get("cut_before"):
            return self._cut()
        if behaviour.get("refuse"):
            return self._answer(int(behaviour["refuse"]), _fault("BadRequestError", "Refused"))
        if kind not in _RECIPIENTS or asked.get("template_id") not in state.templates:
            return self._answer(400, _fault("BadRequestError", "Template not found"))
        time.sleep(float(behaviour.get("delay_before_s", 0)))
        if self._is_client_gone():
            # Its process died before the message was taken.
            state.gone_before += 1
            return self._cut()
        record = state.take_message(kind, asked)
        time.sleep(float(behaviour.get("delay_s", 0)))
        if self._is_client_gone():
            state.gone_after += 1
            return self._cut()
        if behaviour.get("cut_after"):
            return self._cut()
        if behaviour.get("fault_after"):
            return self._answer(int(behaviour["fault_after"]), _fault("Exception", "Fault"))
        content = {"body": record["body"], "subject": record["subject"]}
        return self._answer(201, {**record, "content": content})

    def _is_signed(self) -> bool:
        return self.headers.get("Authorization", "").startswith("Bearer ")

    def _is_client_gone(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return True

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _fault(kind: str, message: str) -> dict[str, Any]:
    return {"errors": [{"error": kind, "message": message}]}


def main() -> None:
    """Serve until the end of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--area", default="staffordshire")
    chosen = parser.parse_args()
    chosen.file.parent.mkdir(parents=True, exist_ok=True)
    state = StandInState(chosen.file, approved_templates(chosen.area))
    StandInServer(chosen.port, state).serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
