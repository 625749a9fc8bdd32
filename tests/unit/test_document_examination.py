"""A file is what its content is, whole and within limits; anything else has its own answer."""

from __future__ import annotations

import pytest

from tests.factories.documents import docx_file, pdf_file, picture_claiming, picture_file
from victim_gateway.documents.examination import MOST_PARTS, examine_document
from victim_gateway.documents.kinds import recognize_kind
from victim_gateway.documents.problems import EXPLANATIONS, DocumentProblem, UnusableDocument
from victim_gateway.vocabulary import AttachmentKind

P = DocumentProblem


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("letter.PDF", pdf_file(), AttachmentKind.PDF),
        ("photo.jpg", picture_file("JPEG"), AttachmentKind.JPEG),
        ("photo.png", picture_file(), AttachmentKind.PNG),
        ("a.docx", docx_file(), AttachmentKind.DOCX),
        ("without an ending", pdf_file(), AttachmentKind.PDF),
    ],
)
def test_what_is_whole_and_what_it_says_is_taken(name: str, content: bytes, kind: AttachmentKind) -> None:
    assert recognize_kind(content[:8], name) is kind
    examine_document(content, kind)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.pdf", b"", P.EMPTY),
        ("a.pdf", b"MZ\x90\x00 a program", P.UNKNOWN_TYPE),
        ("page.html", b"<!doctype html><script>", P.UNKNOWN_TYPE),
        ("photo.jpg", pdf_file(), P.OTHER_THAN_NAMED),
        ("form.pdf.exe", pdf_file(), P.OTHER_THAN_NAMED),
        ("figures.xlsx", docx_file(), P.OTHER_THAN_NAMED),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", P.OLD_WORD),
        ("a.docm", docx_file(), P.MACROS),
    ],
)
def test_what_is_of_another_type_is_refused_by_its_first_bytes(
    name: str, content: bytes, problem: DocumentProblem
) -> None:
    with pytest.raises(UnusableDocument) as refused:
        recognize_kind(content[:8], name)
    assert refused.value.problem is problem


@pytest.mark.parametrize(
    ("content", "kind", "problem"),
    [
        (pdf_file(user_password="x", owner_password="y"), AttachmentKind.PDF, P.PASSWORD),
        (pdf_file(user_password="", owner_password="y"), AttachmentKind.PDF, P.PASSWORD),
        (b"%PDF-1.7 and then nothing of the kind", AttachmentKind.PDF, P.BROKEN),
        (picture_file()[:40], AttachmentKind.PNG, P.BROKEN),
        (picture_file("JPEG"), AttachmentKind.PNG, P.BROKEN),
        (picture_claiming((20_000, 4_000)), AttachmentKind.PNG, P.TOO_MANY_PIXELS),
        (picture_claiming((20_000, 20_000)), AttachmentKind.PNG, P.TOO_MANY_PIXELS),
        (docx_file()[:-30], AttachmentKind.DOCX, P.BROKEN),
        (docx_file({"word/vbaProject.bin": b"x"}), AttachmentKind.DOCX, P.MACROS),
        (
            docx_file(content_type="application/vnd.ms-word.document.macroEnabled.main+xml"),
            AttachmentKind.DOCX,
            P.MACROS,
        ),
        (docx_file(content_type="application/vnd.oasis"), AttachmentKind.DOCX, P.UNKNOWN_TYPE),
        (docx_file({"word/bomb": bytes(9_000_000)}), AttachmentKind.DOCX, P.UNPACKS_TOO_LARGE),
        (docx_file(parts=MOST_PARTS), AttachmentKind.DOCX, P.TOO_MANY_PARTS),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_can_not_be_opened_without_harm_is_refused(
    content: bytes, kind: AttachmentKind, problem: DocumentProblem
) -> None:
    with pytest.raises(UnusableDocument) as refused:
        examine_document(content, kind)
    assert refused.value.problem is problem


def test_a_packed_size_that_lies_is_found_while_unpacking() -> None:
    content = docx_file({"word/bomb": bytes(9_000_000)})
    lied = content.replace((9_000_000).to_bytes(4, "little"), (90).to_bytes(4, "little"))
    assert lied != content
    with pytest.raises(UnusableDocument):
        examine_document(lied, AttachmentKind.DOCX)


def test_every_problem_says_what_to_do() -> None:
    assert set(EXPLANATIONS) == set(DocumentProblem)
