"""The folder of e-mails that were sent to nobody: few, young, for this account alone, and whole after a kill."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from victim_gateway.kept_mail import KEPT_FOR, MOST_CHARACTERS, MOST_KEPT, KeptMail, MailFolder

NOON = datetime(2026, 7, 14, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def content_of(subject: str, body: str = "Hello\n") -> bytes:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message.set_content(body)
    return bytes(message)


def subjects(folder: MailFolder, at: datetime) -> list[str]:
    return [mail.subject for mail in folder.list_mails(at=at)]


def test_an_email_is_kept_as_it_reads(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path / "home")
    assert folder.list_mails(at=NOON) == []
    folder.keep_mail("sam@demo.example", content_of("Grüße", "Siân:\r\n.\r\nhttp://x/y\r\n"), at=NOON)
    assert MailFolder(tmp_path / "home").list_mails(at=NOON) == [
        KeptMail(NOON, "sam@demo.example", "Grüße", "Siân:\n.\nhttp://x/y\n")
    ]


def test_only_this_account_can_read_them(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        MailFolder(tmp_path).keep_mail("a@demo.example", content_of("x"), at=NOON)
    finally:
        os.umask(before)
    (folder,) = tmp_path.iterdir()
    (file,) = folder.iterdir()
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)


def test_the_oldest_goes_when_there_is_one_too_many(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path)
    for number in range(MOST_KEPT + 2):
        folder.keep_mail("a@demo.example", content_of(str(number)), at=NOON + number * SECOND)
    expected = [str(number) for number in range(MOST_KEPT + 1, 1, -1)]
    assert subjects(folder, NOON + timedelta(hours=1)) == expected
    assert len(list(tmp_path.glob("*/*"))) == MOST_KEPT


def test_what_is_too_old_is_shown_no_more_and_removed(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path)
    folder.keep_mail("a@demo.example", content_of("old"), at=NOON)
    folder.keep_mail("a@demo.example", content_of("young"), at=NOON + SECOND)
    assert subjects(folder, NOON + KEPT_FOR) == ["young"]
    assert len(list(tmp_path.glob("*/*"))) == 2
    folder.remove_surplus(at=NOON + KEPT_FOR)
    assert len(list(tmp_path.glob("*/*"))) == 1


def test_a_damaged_file_hides_no_other_and_goes(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path)
    folder.keep_mail("a@demo.example", content_of("whole"), at=NOON)
    (kept,) = tmp_path.glob("*/*")
    for number, damaged in enumerate(("", "[]", "{", '{"kept_at": "2026-07-14T12:00:00"}', "null")):
        kept.with_name(f"30000101T000000-{number}.json").write_text(damaged)
    unfinished = kept.with_name("29990101.part")
    unfinished.write_text("half")
    os.utime(unfinished, (0, 0))
    assert subjects(folder, NOON) == ["whole"]
    folder.remove_surplus(at=NOON)
    assert list(tmp_path.glob("*/*")) == [kept]


def test_whatever_comes_over_the_line_is_kept_without_failing(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path)
    for content in (
        b"",
        b"\xff\xfe\r\n\r\n\x00",
        b"Content-Type: text/plain; charset=nowhere\r\n\r\nhello\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        content_of("long", "x" * (MOST_CHARACTERS + 10)),
    ):
        folder.keep_mail("a@demo.example", content, at=NOON)
    found = folder.list_mails(at=NOON)
    assert len(found) == 5
    assert max(len(mail.body) for mail in found) == MOST_CHARACTERS
