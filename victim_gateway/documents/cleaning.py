"""A copy of a file for a provider: cleaned by its kind, then examined as any file that comes from outside."""

from __future__ import annotations

from victim_gateway.documents.clean_copies import MOST_COPY_BYTES, CleanCopy
from victim_gateway.documents.clean_docx import clean_docx
from victim_gateway.documents.clean_pdf import clean_pdf
from victim_gateway.documents.clean_pictures import clean_picture
from victim_gateway.documents.examination import examine_document
from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.vocabulary import AttachmentKind


def clean_document(content: bytes, kind: AttachmentKind) -> CleanCopy:
    """Make a copy without what a file tells beside what it shows.

    Raises UnusableDocument where that can't be done for certain: nothing is given away half clean.
    """
    examine_document(content, kind)
    if kind is AttachmentKind.PDF:
        copy = clean_pdf(content)
    elif kind is AttachmentKind.DOCX:
        copy = clean_docx(content)
    else:
        copy = clean_picture(content, kind)
    if len(copy.content) > MOST_COPY_BYTES:
        raise UnusableDocument(DocumentProblem.COPY_TOO_LARGE)
    examine_document(copy.content, kind)
    return copy
