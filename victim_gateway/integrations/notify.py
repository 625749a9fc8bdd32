"""GOV.UK Notify through its official client, with one exception for each possible reaction to a failure.

A request to send begins only before its moment is over: the last thing that is asked before the first byte leaves an
open connection, so that no time spent connecting lets it begin too late. Nothing here writes a number or an address
into a message, a log or an exception.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import requests
from notifications_python_client.errors import APIError, InvalidResponse
from notifications_python_client.notifications import NotificationsAPIClient
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from victim_gateway.boot_clock import clock_s
from victim_gateway.rules.victim_message_texts import TemplateAtNotify
from victim_gateway.vocabulary import Channel

# To connect, and for each answer: together under ten seconds.
TIMEOUTS_S = (2.0, 7.0)
_TOO_MANY = 429
_REFUSALS = frozenset({400, 413, 422})
_OWN_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
# The client's own log repeats what Notify says of a request, which may name a number.
logging.getLogger("notifications_python_client").setLevel(logging.CRITICAL + 1)
_START_BEFORE: ContextVar[float | None] = ContextVar("start_before", default=None)


@dataclass(frozen=True, slots=True)
class NotifyMessage:
    """What is handed over: `recipient` is a number, an e-mail address, or the lines of a postal address."""

    channel: Channel
    recipient: str | tuple[str, ...]
    template_id: str
    reference: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NotifyRecord:
    """What Notify has of a message. `template_version` is the one it was written by."""

    notify_id: UUID
    reference: str
    status: str
    template_version: int | None = None


class NotifyProblem(Exception):
    """Notify did not take a message; the text is for members of staff and never contains a recipient."""


class NotifyUnavailable(NotifyProblem):
    """Nothing was accepted, and trying again may help."""


class NotifyUnreachable(NotifyUnavailable):
    """Notify can't be reached, or does not accept our key: the messages after this one needn't be tried now."""


class NotifyStartMissed(NotifyUnavailable):
    """The moment in which the request could begin was over before it began; nothing was sent."""


class NotifyRefused(NotifyProblem):
    """Notify will not have this message; trying again does not help."""


class NotifyOutcomeUnknown(NotifyProblem):
    """The answer was lost, or says nothing: ask by reference before anything else."""


class Notify(Protocol):
    """The part of Notify that the gate uses."""

    def send_message(self, message: NotifyMessage, *, start_before: float) -> NotifyRecord:
        """Hand a message over, beginning before this moment of `clock_s()`. Raises NotifyProblem."""

    def find_message(self, reference: str) -> NotifyRecord | None:
        """What Notify has under our reference; None where it surely has nothing. Raises NotifyUnavailable."""

    def read_template(self, template_id: str) -> TemplateAtNotify | None:
        """A template as it is now; None where there is none. Raises NotifyUnavailable."""

    def list_templates(self) -> list[TemplateAtNotify]:
        """Every template, as it is now. Raises NotifyUnavailable."""


def notify_service(api_key: str | None, base_url: str) -> Notify | None:
    """Notify as the settings name it; None without a key."""
    return NotifyClient(api_key, base_url) if api_key else None


class NotifyClient:
    """See `Notify`. The official client isn't thread-safe: each thread has one of its own."""

    def __init__(self, api_key: str, base_url: str, *, timeouts_s: tuple[float, float] = TIMEOUTS_S) -> None:
        """`base_url` as it is checked by the settings."""
        self._api_key, self._base_url, self._timeouts_s = api_key, base_url, timeouts_s
        self._of_thread = threading.local()

    def send_message(self, message: NotifyMessage, *, start_before: float) -> NotifyRecord:
        """See Notify."""
        mark = _START_BEFORE.set(start_before)
        try:
            answer = self._hand_over(message)
        except APIError as error:
            raise _problem_of(error) from None
        finally:
            _START_BEFORE.reset(mark)
        return _accepted(answer, message.reference)

    def find_message(self, reference: str) -> NotifyRecord | None:
        """See Notify."""
        answer = self._ask(lambda client: client.get_all_notifications(reference=reference))
        found = [each for each in answer.get("notifications", ()) if each.get("reference") == reference]
        if not isinstance(answer.get("notifications"), list):
            raise NotifyUnavailable("Notify's answer could not be read")
        return _record(found[0], reference) if found else None

    def read_template(self, template_id: str) -> TemplateAtNotify | None:
        """See Notify."""
        try:
            return _template(self._client.get_template(template_id))
        except APIError as error:
            if _status_of(error) in (400, 404):
                return None
            raise _unavailable(error) from None
        except (KeyError, TypeError, ValueError):
            raise NotifyUnavailable("Notify's answer could not be read") from None

    def list_templates(self) -> list[TemplateAtNotify]:
        """See Notify."""
        answer = self._ask(lambda client: client.get_all_templates())
        try:
            return [_template(each) for each in answer["templates"]]
        except (KeyError, TypeError, ValueError):
            raise NotifyUnavailable("Notify's answer could not be read") from None

    def _hand_over(self, message: NotifyMessage) -> Any:
        common = {"template_id": message.template_id, "reference": message.reference}
        if message.channel is Channel.SMS:
            return self._client.send_sms_notification(
                message.recipient, personalisation=dict(message.values), **common
            )
        if message.channel is Channel.EMAIL:
            return self._client.send_email_notification(
                message.recipient, personalisation=dict(message.values), **common
            )
        lines = {f"address_line_{number}": line for number, line in enumerate(message.recipient, start=1)}
        return self._client.send_letter_notification(personalisation={**message.values, **lines}, **common)

    def _ask(self, question: Any) -> dict[str, Any]:
        try:
            answer = question(self._client)
        except APIError as error:
            raise _unavailable(error) from None
        if not isinstance(answer, dict):
            raise NotifyUnavailable("Notify's answer could not be read")
        return answer

    @property
    def _client(self) -> Any:
        client = getattr(self._of_thread, "client", None)
        if client is None:
            client = self._of_thread.client = NotificationsAPIClient(  # type: ignore[no-untyped-call]
                self._api_key, base_url=self._base_url, timeout=self._timeouts_s
            )
            session = client.request_session
            # A redirect would carry a number to an address that no setting names.
            session.max_redirects = 0
            session.trust_env = urlsplit(self._base_url).hostname not in _OWN_MACHINE
            for scheme in ("http://", "https://"):
                session.mount(scheme, _TimedAdapter(max_retries=0))
        return client


def _refuse_late_start() -> None:
    start_before = _START_BEFORE.get()
    if start_before is not None and clock_s() >= start_before:
        raise NotifyStartMissed("the moment in which it could be sent was over")


class _TimedConnection(HTTPConnection):
    """Asks whether the request may still begin when the connection stands and before the first byte."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        _refuse_late_start()
        super().request(*args, **kwargs)


class _TimedSecureConnection(HTTPSConnection):
    """As `_TimedConnection`, with TLS."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        _refuse_late_start()
        super().request(*args, **kwargs)


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedSecurePool(HTTPSConnectionPool):
    ConnectionCls = _TimedSecureConnection


_POOLS = {"http": _TimedPool, "https": _TimedSecurePool}


class _TimedAdapter(HTTPAdapter):
    """The usual adapter over connections that watch the moment, by a proxy too."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


def _template(answer: Mapping[str, Any]) -> TemplateAtNotify:
    return TemplateAtNotify(
        template_id=str(answer["id"]),
        type=str(answer["type"]),
        version=int(answer["version"]),
        body=str(answer["body"]),
        subject=answer.get("subject"),
        letter_contact_block=answer.get("letter_contact_block"),
    )


def _accepted(answer: Any, reference: str) -> NotifyRecord:
    try:
        version = (answer.get("template") or {}).get("version")
        return NotifyRecord(UUID(str(answer["id"])), reference, "created", version)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NotifyOutcomeUnknown("Notify's answer could not be read") from None


def _record(found: Mapping[str, Any], reference: str) -> NotifyRecord:
    try:
        version = (found.get("template") or {}).get("version")
        return NotifyRecord(UUID(str(found["id"])), reference, str(found["status"]), version)
    except (KeyError, TypeError, ValueError):
        raise NotifyUnavailable("Notify's answer could not be read") from None


def _problem_of(error: APIError) -> NotifyProblem:
    """What an answer to a message means. A 5xx may come after it was accepted."""
    if isinstance(error, InvalidResponse):
        return NotifyOutcomeUnknown("Notify's answer could not be read")
    status = _status_of(error)
    if status is None:
        if isinstance(error.__cause__, requests.ConnectTimeout) or _never_connected(error.__cause__):
            return NotifyUnreachable("Notify can't be reached")
        return NotifyOutcomeUnknown("Notify's answer was lost")
    if status == _TOO_MANY:
        return NotifyUnavailable(f"Notify asked to try later ({status})")
    if status in _REFUSALS:
        return NotifyRefused(f"Notify refused the message ({status})")
    if status >= 500:
        return NotifyOutcomeUnknown(f"Notify had a fault ({status})")
    return NotifyUnreachable(f"Notify did not accept our request ({status})")


def _unavailable(error: APIError) -> NotifyUnavailable:
    status = _status_of(error)
    if status is None:
        return NotifyUnreachable("Notify can't be reached")
    if status == _TOO_MANY or status >= 500:
        return NotifyUnavailable(f"Notify asked to try later ({status})")
    return NotifyUnreachable(f"Notify did not accept our request ({status})")


def _status_of(error: APIError) -> int | None:
    """The status of the answer; None where there was none, for which the client itself says 503."""
    return None if error.response is None else int(error.response.status_code)


def _never_connected(cause: BaseException | None) -> bool:
    """Whether no connection came about, so that nothing can have been taken."""
    reason = getattr(cause.args[0], "reason", None) if cause is not None and cause.args else None
    return type(reason).__name__ in ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError")
