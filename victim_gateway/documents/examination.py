"""Whether a whole file is what it begins like, and can be opened without harm: opened by libraries, kept in limits.

Run apart from everything else (`integrations/document_examiner.py`): what is opened here comes from strangers.
"""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib

import pikepdf
from PIL import Image

from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.vocabulary import AttachmentKind

# A page scanned at 600 dots an inch has 35 million.
MOST_PIXELS = 60_000_000
MOST_PARTS = 2_000
MOST_UNPACKED_BYTES = 200 * 1024 * 1024
# XML packs well, and a page of nothing but spaces still not so well.
MOST_TIMES_PACKED = 200
_CHUNK = 1 << 16
_WORD_TYPE = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_MACRO_SIGNS = (b"macroEnabled", b"vbaProject")
_MACRO_PARTS = ("vbaproject.bin", "vbadata.xml")
_ENCRYPTED = 0x1


def examine_document(content: bytes, kind: AttachmentKind) -> None:
    """Open a file as the kind that it begins like. Raises UnusableDocument."""
    if kind is AttachmentKind.PDF:
        _examine_pdf(content)
    elif kind is AttachmentKind.DOCX:
        _examine_docx(content)
    else:
        _examine_picture(content, kind)


def _examine_pdf(content: bytes) -> None:
    try:
        with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as pdf:
            if pdf.is_encrypted:
                raise UnusableDocument(DocumentProblem.PASSWORD)
            if len(pdf.pages) == 0:
                raise UnusableDocument(DocumentProblem.BROKEN)
    except pikepdf.PasswordError as error:
        raise UnusableDocument(DocumentProblem.PASSWORD) from error
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError) as error:
        raise UnusableDocument(DocumentProblem.BROKEN) from error


def _examine_picture(content: bytes, kind: AttachmentKind) -> None:
    try:
        with warnings.catch_warnings():
            # The library warns at half its own limit; ours is below both.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=(kind.value.upper(),)) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise UnusableDocument(DocumentProblem.TOO_MANY_PIXELS)
                picture.load()
    except Image.DecompressionBombError as error:
        raise UnusableDocument(DocumentProblem.TOO_MANY_PIXELS) from error
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error) as error:
        raise UnusableDocument(DocumentProblem.BROKEN) from error


def _examine_docx(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            _examine_parts(packed, len(content))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise UnusableDocument(DocumentProblem.BROKEN) from error


def _examine_parts(packed: zipfile.ZipFile, size: int) -> None:
    parts = packed.infolist()
    if len(parts) > MOST_PARTS:
        raise UnusableDocument(DocumentProblem.TOO_MANY_PARTS)
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise UnusableDocument(DocumentProblem.PASSWORD)
    names = {part.filename.replace("\\", "/").lower() for part in parts}
    if any(name.rpartition("/")[2] in _MACRO_PARTS for name in names):
        raise UnusableDocument(DocumentProblem.MACROS)
    most = min(MOST_UNPACKED_BYTES, size * MOST_TIMES_PACKED)
    if sum(part.file_size for part in parts) > most:
        raise UnusableDocument(DocumentProblem.UNPACKS_TOO_LARGE)
    if "[content_types].xml" not in names or "word/document.xml" not in names:
        raise UnusableDocument(DocumentProblem.UNKNOWN_TYPE)
    _unpack(packed, parts, most)


def _unpack(packed: zipfile.ZipFile, parts: list[zipfile.ZipInfo], most: int) -> None:
    """Unpack every part, as the sizes that a file declares may be lies; nothing of it is kept."""
    unpacked = 0
    for part in parts:
        types = bytearray()
        with packed.open(part) as stream:
            while chunk := stream.read(_CHUNK):
                unpacked += len(chunk)
                if unpacked > most:
                    raise UnusableDocument(DocumentProblem.UNPACKS_TOO_LARGE)
                if part.filename.lower() == "[content_types].xml":
                    types += chunk
        if part.filename.lower() == "[content_types].xml":
            _check_types(bytes(types))


def _check_types(types: bytes) -> None:
    # Looked for as bytes: an XML reader would have to be kept from what XML can be made to do.
    if any(sign in types for sign in _MACRO_SIGNS):
        raise UnusableDocument(DocumentProblem.MACROS)
    if _WORD_TYPE not in types:
        raise UnusableDocument(DocumentProblem.UNKNOWN_TYPE)
