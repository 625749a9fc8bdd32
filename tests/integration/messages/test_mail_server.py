"""The mail adapter against a real server: what it hands over, and how it tells one failure from another."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.plumbing.smtp import Sink, smtp_sink
from victim_gateway.devservers.smtp_server import Behaviour
from victim_gateway.integrations.mail import (
    Mail,
    MailDeliveryUnknown,
    MailProblem,
    MailRefused,
    MailServerUnreachable,
    MailUnavailable,
    SmtpServer,
    mail_server,
)

AT = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


def a_mail(**overrides: str) -> Mail:
    said = {
        "message_id": "<one@localhost>",
        "sender": "Victim Gateway <gateway@localhost>",
        "recipient": "sam@team.example",
        "subject": "Victim Gateway: something is due on SG-26-004217",
        "body": "Something is due on:\n\nSG-26-004217\n.\n..two dots\n",
    }
    return Mail(**(said | overrides), at=AT)


def send(sink: Sink, **overrides: str) -> None:
    server = mail_server(sink.url)
    assert server is not None
    server.send_mail(a_mail(**overrides))


def test_without_a_url_there_is_no_server() -> None:
    assert mail_server(None) is None


def test_what_arrives_is_what_was_sent(smtp: Sink) -> None:
    send(smtp)
    (received,) = smtp.received
    assert received["Message-ID"] == "<one@localhost>"
    assert received["To"] == "sam@team.example"
    assert received["Subject"] == "Victim Gateway: something is due on SG-26-004217"
    assert received["Auto-Submitted"] == "auto-generated"
    assert received.get_content_type() == "text/plain"
    assert received.get_content().splitlines() == [
        "Something is due on:",
        "",
        "SG-26-004217",
        ".",
        "..two dots",
    ]
    assert smtp.envelopes == [("gateway@localhost", "sam@team.example")]


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        (Behaviour(greeting="421 too busy"), MailServerUnreachable),
        (Behaviour(greeting="554 go away"), MailServerUnreachable),
        (Behaviour(recipient="451 later"), MailUnavailable),
        (Behaviour(recipient="550 no such person sam@team.example"), MailRefused),
        (Behaviour(after_data="452 full"), MailUnavailable),
        (Behaviour(after_data="554 not wanted"), MailRefused),
        (Behaviour(hangs_up=True), MailDeliveryUnknown),
    ],
)
def test_failures_are_told_apart_by_what_may_be_done(
    behaviour: Behaviour, problem: type[MailProblem]
) -> None:
    with smtp_sink(behaviour) as sink, pytest.raises(MailProblem) as raised:
        send(sink)
    assert type(raised.value) is problem
    assert "sam@" not in str(raised.value)


def test_a_server_that_is_away_is_unreachable() -> None:
    with smtp_sink() as sink:
        pass
    with pytest.raises(MailServerUnreachable):
        send(sink)


def test_a_server_that_never_answers_is_left_after_the_time_limit() -> None:
    with smtp_sink(Behaviour(thinks_s=1)) as sink, pytest.raises(MailDeliveryUnknown):
        SmtpServer(sink.url, timeout_s=0.3).send_mail(a_mail())


def test_nothing_but_the_address_can_be_written_into_a_header(smtp: Sink) -> None:
    with pytest.raises(MailRefused):
        send(smtp, recipient="sam@team.example\r\nBcc: other@team.example")
    assert smtp.connections == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, private


@pytest.fixture
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.mark.parametrize("at_once", [False, True])
def test_tls_is_used_from_the_start_or_as_soon_as_it_is_offered(
    tls: ssl.SSLContext, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    behaviour = Behaviour(tls=tls, tls_at_once=at_once, password="open sesame")
    with smtp_sink(behaviour) as sink:
        scheme = "smtps" if at_once else "smtp"
        server = mail_server(f"{scheme}://gateway:open%20sesame@127.0.0.1:{sink.port}")
        assert server is not None
        server.send_mail(a_mail())
        assert (len(sink.received), sink.encrypted) == (1, 1)


def test_a_server_that_nobody_vouches_for_gets_nothing(tls: ssl.SSLContext) -> None:
    with smtp_sink(Behaviour(tls=tls)) as sink:
        with pytest.raises(MailServerUnreachable, match="TLS"):
            send(sink)
        assert sink.received == []


def test_a_wrong_password_is_a_problem_of_the_server_not_of_one_mail() -> None:
    with smtp_sink(Behaviour(password="right")) as sink:
        server = mail_server(f"smtp://gateway:wrong@127.0.0.1:{sink.port}")
        assert server is not None
        with pytest.raises(MailServerUnreachable, match="sign-in"):
            server.send_mail(a_mail())
