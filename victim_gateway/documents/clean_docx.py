"""Word documents for a provider: the parts that are seen go into a new file; what is not known is refused."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from victim_gateway.documents.clean_copies import METADATA_SIGNS, CleanCopy, RemovedDetail, order_removed
from victim_gateway.documents.clean_pictures import clean_picture
from victim_gateway.documents.docx_markup import (
    R,
    clean_markup,
    read_markup,
    relation_ids,
    write_markup,
)
from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.vocabulary import AttachmentKind

MAIN = "word/document.xml"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.{}+xml"
# Kept, by their kind: what the text, its looks, its head and foot are made of.
_KEPT = re.compile(r"word/(document|styles|numbering|fontTable|footnotes|endnotes|header\d*|footer\d*)\.xml")
_THEME = re.compile(r"word/theme/theme\d*\.xml")
_PICTURE = re.compile(r"word/media/[^/]+\.(png|jpe?g)", re.IGNORECASE)
# Shown only where an id in a part that is shown names it; the other kinds belong to the whole document.
_SHOWN_BY_ID = re.compile(r"word/(header|footer)\d*\.xml")
# Left out: what tells of people, programs and places, and what Word makes again.
_LEFT_OUT = {
    re.compile(r"docProps/.*"): RemovedDetail.AUTHOR,
    re.compile(r"word/(comments\w*|people)\.xml"): RemovedDetail.COMMENTS,
    re.compile(r"(customXml|word/customXml)/.*"): RemovedDetail.DESCRIPTION,
    re.compile(r"word/(settings|webSettings|stylesWithEffects|keyMapCustomizations)\.xml"): None,
    re.compile(r"word/(glossary|printerSettings|fonts)/.*"): None,
    re.compile(r"word/documentTasks.*"): RemovedDetail.COMMENTS,
    re.compile(r".*\.rels"): None,
    re.compile(r"\[Content_Types\]\.xml"): None,
    re.compile(r"docMetadata/.*"): RemovedDetail.AUTHOR,
}
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


@dataclass
class _NewDocument:
    """The parts of the copy by name, the new names of pictures by their old ones, and what was removed on the way."""

    parts: dict[str, bytes] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
    removed: set[RemovedDetail] = field(default_factory=set)


def clean_docx(content: bytes) -> CleanCopy:
    """Write a Word document anew from the parts that are seen.

    Raises UnusableDocument for tracked changes, hidden text, files inside it, and for parts that are not known.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            old = {info.filename: packed.read(info) for info in packed.infolist() if not info.is_dir()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED) from error
    new = _NewDocument()
    _keep_shown_parts(old, new)
    for name in old.keys() - new.parts.keys() - new.pictures.keys():
        _leave_out(name, new)
    if b"rsid" in b"".join(part for name, part in old.items() if name.endswith(".xml")):
        new.removed.add(RemovedDetail.EARLIER_VERSIONS)
    new.parts["_rels/.rels"] = _relations({"rId1": ("officeDocument", MAIN)})
    if any(sign in part for part in new.parts.values() for sign in METADATA_SIGNS):
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
    return CleanCopy(_pack(new.parts), order_removed(new.removed))


def _keep_shown_parts(old: Mapping[str, bytes], new: _NewDocument) -> None:
    """From the text of the document to the parts that it names, and on to those that they name."""
    waiting = [MAIN]
    while waiting:
        name = waiting.pop()
        if name not in new.parts:
            if name not in old:
                raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
            waiting += _keep_part(name, old, new)


def _keep_part(name: str, old: Mapping[str, bytes], new: _NewDocument) -> list[str]:
    """Take a part over with the pictures it shows; the other parts that have to come with it."""
    root = read_markup(old[name])
    new.removed |= clean_markup(root)
    folder, file = posixpath.split(name)
    if file.startswith("fontTable"):
        # Fonts are not taken along: they are called by name.
        for embedded in [each for each in root.iter(etree.Element) if _names_part(each)]:
            embedded.getparent().remove(embedded)
    shown_ids = relation_ids(root)
    kept: dict[str, tuple[str, str]] = {}
    following: list[str] = []
    for relation_id, (kind, target) in _read_relations(
        old.get(f"{folder}/_rels/{file}.rels"), folder
    ).items():
        if _PICTURE.fullmatch(target) and relation_id in shown_ids:
            kept[relation_id] = (kind, _keep_picture(target, old, new))
        elif _goes_along(target, by=name, is_named=relation_id in shown_ids):
            kept[relation_id] = (kind, target)
            following.append(target)
    if not shown_ids <= set(kept):
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
    new.parts[name] = write_markup(root)
    if kept:
        new.parts[f"{folder}/_rels/{file}.rels"] = _relations(kept, folder)
    return following


def _goes_along(name: str, *, by: str, is_named: bool) -> bool:
    """Whether a part is shown because of another: a header where it is named, the styles with the text."""
    if by != MAIN or name == MAIN:
        return False
    if _SHOWN_BY_ID.fullmatch(name):
        return is_named
    return bool(_KEPT.fullmatch(name) or _THEME.fullmatch(name))


def _keep_picture(name: str, old: Mapping[str, bytes], new: _NewDocument) -> str:
    """The new name of a picture that is shown: the old one may be that of the file it was."""
    if name not in old:
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
    if name not in new.pictures:
        is_png = name.lower().endswith("png")
        clean = clean_picture(old[name], AttachmentKind.PNG if is_png else AttachmentKind.JPEG)
        new.pictures[name] = f"word/media/image{len(new.pictures) + 1}.{'png' if is_png else 'jpg'}"
        new.parts[new.pictures[name]] = clean.content
        if clean.removed:
            new.removed.add(RemovedDetail.PICTURE_DETAILS)
    return new.pictures[name]


def _names_part(element: etree._Element) -> bool:
    return any(etree.QName(name).namespace == R for name in element.attrib)


def _leave_out(name: str, new: _NewDocument) -> None:
    if _KEPT.fullmatch(name) or _THEME.fullmatch(name) or _PICTURE.fullmatch(name):
        # Stored, and shown nowhere: of a comment, for one, or of what was deleted.
        new.removed.add(RemovedDetail.DESCRIPTION)
        return
    for pattern, detail in _LEFT_OUT.items():
        if pattern.fullmatch(name):
            if detail is not None:
                new.removed.add(detail)
            if name.startswith("docProps/thumbnail"):
                new.removed.add(RemovedDetail.PREVIEW)
            return
    if name.startswith(("word/embeddings/", "word/activeX/", "word/charts/", "word/diagrams/")):
        raise UnusableDocument(DocumentProblem.EMBEDDED_FILES)
    raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)


def _read_relations(part: bytes | None, folder: str) -> dict[str, tuple[str, str]]:
    """The parts inside the document that a part may name: id to kind and name."""
    found: dict[str, tuple[str, str]] = {}
    for relation in read_markup(part) if part is not None else ():
        if relation.get("TargetMode") != "External":
            target = relation.get("Target", "")
            name = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
            found[relation.get("Id", "")] = (relation.get("Type", "").rpartition("/")[2], name)
    return found


def _relations(kept: Mapping[str, tuple[str, str]], folder: str = "") -> bytes:
    root = etree.Element(f"{{{_RELATIONS}}}Relationships", nsmap={None: _RELATIONS})
    for relation_id, (kind, name) in kept.items():
        target = posixpath.relpath(name, folder) if folder else name
        etree.SubElement(
            root, f"{{{_RELATIONS}}}Relationship", Id=relation_id, Type=f"{R}/{kind}", Target=target
        )
    return write_markup(root)


def _pack(parts: Mapping[str, bytes]) -> bytes:
    """A packed file that tells no times and no system."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        for name, content in {"[Content_Types].xml": _content_types(parts), **parts}.items():
            entry = zipfile.ZipInfo(name, _FIRST_DAY)
            entry.create_system, entry.compress_type = 0, zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
    return written.getvalue()


def _content_types(parts: Mapping[str, bytes]) -> bytes:
    root = etree.Element(f"{{{_TYPES}}}Types", nsmap={None: _TYPES})
    for ending, kind in (
        ("rels", "application/vnd.openxmlformats-package.relationships+xml"),
        ("xml", "application/xml"),
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
    ):
        etree.SubElement(root, f"{{{_TYPES}}}Default", Extension=ending, ContentType=kind)
    for name in parts:
        if own_type := _type_of(name):
            etree.SubElement(root, f"{{{_TYPES}}}Override", PartName=f"/{name}", ContentType=own_type)
    return write_markup(root)


def _type_of(name: str) -> str | None:
    if name == MAIN:
        return _WORD_TYPE.format("document.main")
    if _THEME.fullmatch(name):
        return "application/vnd.openxmlformats-officedocument.theme+xml"
    if kept := _KEPT.fullmatch(name):
        return _WORD_TYPE.format(kept[1].rstrip("0123456789"))
    return None
