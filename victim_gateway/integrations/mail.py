"""Send one plain e-mail to one address, with one exception for each possible reaction to a failure."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Protocol
from urllib.parse import unquote, urlsplit

from victim_gateway.boot_clock import clock_s

TIMEOUT_S = 10.0
_PORTS = {"smtp": 25, "smtps": 465}
_GO_AHEAD = 354
_OWN_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail. `message_id` is the same at each try, so that a reader's program recognises a repeat.

    `start_before`: the content is handed over before this moment of `clock_s()` or not at all; None: whenever.
    """

    message_id: str
    sender: str
    recipient: str
    subject: str
    body: str
    at: datetime
    start_before: float | None = None


class MailProblem(Exception):
    """An e-mail was not sent; the message is for members of staff and never contains an address."""


class MailUnavailable(MailProblem):
    """Nothing was handed over, and trying again may help: no answer, no sign-in, or "later" (4xx)."""


class MailStartMissed(MailUnavailable):
    """The moment in which it could be handed over was past before it was; nothing was."""


class MailServerUnreachable(MailUnavailable):
    """The server can't be reached: the e-mails after this one needn't be tried now."""


class MailRefused(MailProblem):
    """The server will not have this e-mail (5xx); trying again does not help."""


class MailDeliveryUnknown(MailProblem):
    """The answer was lost after the e-mail was handed over: it may have been sent, and that can't be found out."""


class MailWithdrawn(Exception):
    """The caller took the e-mail back before its content was handed over: nothing was sent."""


def _always() -> bool:
    return True


class MailServer(Protocol):
    """A server that sends e-mail."""

    def send_mail(self, mail: Mail, may_hand_over: Callable[[], bool] = _always) -> None:
        """Hand one e-mail to the server. Raises MailUnavailable, MailRefused or MailDeliveryUnknown.

        `may_hand_over` is asked last, when the server has taken the address and has nothing of the content yet; with
        "no" MailWithdrawn is raised.
        """


def mail_server(smtp_url: str | None) -> MailServer | None:
    """The server that SMTP_URL names; None when there is none."""
    return SmtpServer(smtp_url) if smtp_url else None


class SmtpServer:
    """`smtp://[user:password@]host[:port]`, with TLS once the server offers it; `smtps://` from the start."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """`url` as it is checked by the settings; each single answer is waited for `timeout_s`."""
        self._timeout_s = timeout_s
        parts = urlsplit(url)
        self._host = parts.hostname or "localhost"
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls_at_once = parts.scheme == "smtps"
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")

    def send_mail(self, mail: Mail, may_hand_over: Callable[[], bool] = _always) -> None:
        """See MailServer."""
        content = _content(mail)
        client = self._connected()
        try:
            _ask(client.mail(parseaddr(mail.sender)[1]), "the sender")
            _ask(client.rcpt(mail.recipient), "the recipient")
            _refuse_late_start(mail)
            if not may_hand_over():
                raise MailWithdrawn
            _hand_over(client, content)
            with suppress(OSError, smtplib.SMTPException):
                client.putcmd("quit")
        except smtplib.SMTPServerDisconnected as error:
            raise MailUnavailable("The mail server ended the connection") from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailUnavailable(f"The mail server did not answer ({type(error).__name__})") from error
        finally:
            client.close()

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        try:
            client = self._open(context)
            try:
                self._introduce(client, context)
            except BaseException:
                client.close()
                raise
        except ssl.SSLError as error:
            raise MailServerUnreachable(
                "The mail server could not show that it is the right one (TLS)"
            ) from error
        except smtplib.SMTPAuthenticationError as error:
            raise MailServerUnreachable(
                f"The mail server did not accept our sign-in ({error.smtp_code})"
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailServerUnreachable(
                f"The mail server can't be reached ({type(error).__name__})"
            ) from error
        return client

    def _open(self, context: ssl.SSLContext) -> smtplib.SMTP:
        if self._tls_at_once:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_s, context=context)
        return smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)

    def _introduce(self, client: smtplib.SMTP, context: ssl.SSLContext) -> None:
        client.ehlo_or_helo_if_needed()
        is_private = self._tls_at_once or self._host in _OWN_MACHINE
        if not self._tls_at_once and client.has_extn("starttls"):
            client.starttls(context=context)
            client.ehlo()
            is_private = True
        if self._user:
            if not is_private:
                raise MailServerUnreachable(
                    "The mail server offers no TLS, and a password is never sent without"
                )
            client.login(self._user, self._password)


def _refuse_late_start(mail: Mail) -> None:
    if mail.start_before is not None and clock_s() >= mail.start_before:
        raise MailStartMissed("the moment in which it could be sent was over")


def _hand_over(client: smtplib.SMTP, content: bytes) -> None:
    """Send the content. A lost answer from here on leaves delivery unknown: the server may have all of it."""
    code, _ = client.docmd("data")
    if code != _GO_AHEAD:
        _ask((code, b""), "the e-mail")
        raise MailUnavailable(f"The mail server did not take the e-mail ({code})")
    try:
        client.send(_dotted(content))
        answer = client.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise MailDeliveryUnknown(
            "The mail server's answer was lost after the e-mail was handed over"
        ) from error
    _ask(answer, "the e-mail")


def _ask(answer: tuple[int, bytes], what: str) -> None:
    """Send a command and keep only the reply's code, because its text repeats addresses."""
    code, _ = answer
    if 400 <= code < 500:
        raise MailUnavailable(f"The mail server asked to try later ({code})")
    if code >= 500:
        raise MailRefused(f"The mail server refused {what} ({code})")


def _content(mail: Mail) -> bytes:
    message = EmailMessage(policy=SMTP)
    try:
        message["From"], message["To"] = mail.sender, mail.recipient
        message["Subject"], message["Message-ID"] = mail.subject, mail.message_id
    except ValueError as error:
        raise MailRefused("The address can't be written in an e-mail") from error
    message["Date"] = format_datetime(mail.at)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    return bytes(message)


def _dotted(content: bytes) -> bytes:
    """Escape the text for SMTP: double a dot at the start of a line, and end with a line of one dot."""
    lines = content.removesuffix(b"\r\n").split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n.\r\n"
