"""Copies of files for a provider, without what a file tells beside what it shows: who made it, where, and before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RemovedDetail(StrEnum):
    """What was taken out of a copy."""

    LOCATION = "location"
    CAMERA = "camera"
    DESCRIPTION = "description"
    AUTHOR = "author"
    PREVIEW = "preview"
    EARLIER_VERSIONS = "earlier_versions"
    ATTACHED_FILES = "attached_files"
    SCRIPTS = "scripts"
    COMMENTS = "comments"
    LINKS = "links"
    PICTURE_DETAILS = "picture_details"


REMOVED_LABELS = {
    RemovedDetail.LOCATION: "where the picture was taken",
    RemovedDetail.CAMERA: "the camera or telephone, and when the picture was taken",
    RemovedDetail.DESCRIPTION: "titles, captions, pictures and remarks that are stored but not shown",
    RemovedDetail.AUTHOR: "who made the file, with which program, and when",
    RemovedDetail.PREVIEW: "a small preview picture",
    RemovedDetail.EARLIER_VERSIONS: "earlier versions of the document",
    RemovedDetail.ATTACHED_FILES: "files that were attached inside it",
    RemovedDetail.SCRIPTS: "programs and actions",
    RemovedDetail.COMMENTS: "comments, and who wrote them",
    RemovedDetail.LINKS: "links, bookmarks and fields, though not the text they show",
    RemovedDetail.PICTURE_DETAILS: "what the pictures inside it tell of where and how they were taken",
}

# A copy that is larger than any file that may be attached would fill the database.
MOST_COPY_BYTES = 25 * 1024 * 1024
# What metadata begins with, in whatever it is wrapped: a copy in which one is left is not given away.
METADATA_SIGNS = (
    b"Exif\x00\x00",
    b"http://ns.adobe.com/xap/",
    b"<x:xmpmeta",
    b"<?xpacket",
    b"Photoshop 3.0\x00",
    b"<rdf:RDF",
)


@dataclass(frozen=True, slots=True)
class CleanCopy:
    """The bytes of a copy, and what was taken out of it."""

    content: bytes
    removed: tuple[RemovedDetail, ...]


def order_removed(found: set[RemovedDetail]) -> tuple[RemovedDetail, ...]:
    """What was removed in a fixed order."""
    return tuple(detail for detail in RemovedDetail if detail in found)
