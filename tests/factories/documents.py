"""Small files of each kind that can be attached, and of those that can't."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

import pikepdf
from PIL import Image

WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def pdf_file(*, user_password: str | None = None, owner_password: str = "") -> bytes:
    """One empty page, locked where a password is given."""
    written = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        if user_password is None:
            pdf.save(written)
        else:
            pdf.save(written, encryption=pikepdf.Encryption(owner=owner_password, user=user_password))
    return written.getvalue()


def picture_file(kind: str = "PNG", size: tuple[int, int] = (20, 10)) -> bytes:
    """A plain picture."""
    written = io.BytesIO()
    Image.new("1" if kind == "PNG" else "RGB", size).save(written, kind)
    return written.getvalue()


def picture_claiming(size: tuple[int, int]) -> bytes:
    """A small PNG whose header claims this size: to draw one of hundreds of millions of pixels takes a second."""
    small = picture_file()
    header = b"IHDR" + struct.pack(">II", *size) + small[24:29]
    return small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]


def docx_file(
    more: Mapping[str, bytes] | None = None, *, content_type: str = WORD_TYPE, parts: int = 0
) -> bytes:
    """The parts that every Word document has, and more."""
    types = f'<Types><Override PartName="/word/document.xml" ContentType="{content_type}"/></Types>'
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", types)
        packed.writestr("word/document.xml", "<w:document/>")
        for name, content in (more or {}).items():
            packed.writestr(name, content)
        for number in range(parts):
            packed.writestr(f"word/media/{number}", b"")
    return written.getvalue()
