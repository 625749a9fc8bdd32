"""The segments of a JPEG that hold metadata, cut out without touching the picture."""

from __future__ import annotations

from victim_gateway.documents.problems import DocumentProblem, UnusableDocument

_START, _END, _SCAN, _COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
# APP0 (JFIF) and APP14 (Adobe) say how the colours are stored; every other APP segment tells of something else.
_APP_FIRST, _APP_LAST, _KEPT_APPS = 0xE0, 0xEF, (0xE0, 0xEE)
_JFIF_BYTES, _ADOBE_BYTES = 16, 14


def strip_jpeg_segments(content: bytes) -> bytes:
    """A JPEG without EXIF, XMP, IPTC, comments and what stands after its end.

    Raises UnusableDocument for what is no JPEG, or has more than one picture in it.
    """
    if content[:2] != b"\xff\xd8":
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
    kept, at = bytearray(content[:2]), 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            break
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        size = int.from_bytes(content[at + 2 : at + 4])
        segment = content[at : at + 2 + size]
        if marker == _SCAN:
            return bytes(kept + _picture(content, at))
        if _is_kept(marker, segment):
            kept += segment
        at += 2 + size
    raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)


def _is_kept(marker: int, segment: bytes) -> bool:
    if marker == _COMMENT:
        return False
    if not _APP_FIRST <= marker <= _APP_LAST:
        return True
    # A JFIF segment may carry a preview: the plain one is 18 bytes with its marker, Adobe's is 16.
    return marker in _KEPT_APPS and (
        segment[4:9] == b"JFIF\0" and len(segment) == _JFIF_BYTES + 2
        or segment[4:9] == b"Adobe" and len(segment) == _ADOBE_BYTES + 2
    )  # fmt: skip


def _picture(content: bytes, start: int) -> bytes:
    """From the first scan to the end of the picture, whatever stands between its scans."""
    end = content.find(b"\xff\xd9", start)
    picture = content[start:] if end < 0 else content[start : end + 2]
    # Tables may stand between the scans of one picture; metadata does not belong there.
    if any(bytes((0xFF, app)) in picture for app in (*range(_APP_FIRST, _APP_LAST + 1), _COMMENT)):
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
    return picture
