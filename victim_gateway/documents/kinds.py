"""What a file is, by its first bytes: the name says nothing, and must not say something else."""

from __future__ import annotations

from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.vocabulary import AttachmentKind

FIRST_BYTES = 8
MEDIA_TYPES = {
    AttachmentKind.PDF: "application/pdf",
    AttachmentKind.JPEG: "image/jpeg",
    AttachmentKind.PNG: "image/png",
    AttachmentKind.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
ENDINGS = {
    AttachmentKind.PDF: ("pdf",),
    AttachmentKind.JPEG: ("jpg", "jpeg"),
    AttachmentKind.PNG: ("png",),
    AttachmentKind.DOCX: ("docx",),
}
_SIGNATURES = {
    b"%PDF-": AttachmentKind.PDF,
    b"\xff\xd8\xff": AttachmentKind.JPEG,
    b"\x89PNG\r\n\x1a\n": AttachmentKind.PNG,
    b"PK\x03\x04": AttachmentKind.DOCX,
}
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def recognize_kind(first_bytes: bytes, file_name: str) -> AttachmentKind:
    """The kind of file that begins so; whether it is whole is for `examine_document`.

    Raises UnusableDocument for an empty or unknown one, and where the name says another kind: somebody may mean to
    deceive, or the wrong file was chosen.
    """
    if not first_bytes:
        raise UnusableDocument(DocumentProblem.EMPTY)
    if first_bytes.startswith(_OLD_OFFICE):
        raise UnusableDocument(DocumentProblem.OLD_WORD)
    kind = next((kind for start, kind in _SIGNATURES.items() if first_bytes.startswith(start)), None)
    if kind is None:
        raise UnusableDocument(DocumentProblem.UNKNOWN_TYPE)
    named = file_name.rpartition(".")[2].lower() if "." in file_name else ""
    if named in ("docm", "dotm"):
        raise UnusableDocument(DocumentProblem.MACROS)
    if named and named not in ENDINGS[kind]:
        raise UnusableDocument(DocumentProblem.OTHER_THAN_NAMED)
    return kind
