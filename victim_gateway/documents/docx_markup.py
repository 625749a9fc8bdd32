"""The text of a Word document without its traces: who wrote and commented, where pictures and links came from."""

from __future__ import annotations

from lxml import etree

from victim_gateway.documents.clean_copies import RemovedDetail
from victim_gateway.documents.problems import DocumentProblem, UnusableDocument

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD_14 = "http://schemas.microsoft.com/office/word/2010/wordml"
_OFFICE = "urn:schemas-microsoft-com:office:office"
_STRICT = "http://purl.oclc.org/ooxml/"
_TRACKED = frozenset(
    {"ins", "del", "moveFrom", "moveTo", "cellIns", "cellDel", "cellMerge", "delText", "numberingChange"}
)
_FORMAT_CHANGES = frozenset(
    {
        "rPrChange", "pPrChange", "sectPrChange", "tblPrChange", "tcPrChange", "trPrChange", "tblGridChange",
        "tblPrExChange",
    }
)  # fmt: skip
_COMMENTS = frozenset({"commentRangeStart", "commentRangeEnd", "commentReference", "annotationRef"})
_DROPPED = frozenset(
    {
        "proofErr", "bookmarkStart", "bookmarkEnd", "instrText", "delInstrText", "fldChar", "dataBinding", "alias",
        "tag", "rsids", "permStart", "permEnd", "moveFromRangeStart", "moveFromRangeEnd", "moveToRangeStart",
        "moveToRangeEnd", "placeholder", "docPartObj", "printerSettings", "ffData", "listItem",
        "tblDescription", "tblCaption",
    }
)  # fmt: skip
# What stands around shown text and says where it leads or comes from: the text stays.
_UNWRAPPED = frozenset({"hyperlink", "fldSimple", "smartTag", "customXml"})
_EMBEDDED = frozenset({"object", "altChunk", "subDoc", "control", "OLEObject", "chart"})
# What cuts a picture, by the names of the edges: as Word draws them now, and as it did before.
_CROPPING = {
    "srcRect": ("l", "t", "r", "b"),
    "imagedata": ("croptop", "cropbottom", "cropleft", "cropright"),
}
_HIDING = frozenset({"vanish", "webHidden", "specVanish"})
_OFF = frozenset({"0", "false", "off"})
_DESCRIBED = frozenset({"docPr", "cNvPr"})
_SAID_OF_PICTURES = frozenset({"descr", "title", "alt", "href", "author", "date", "initials"})
_PLAIN_NAME = "Picture"


def read_markup(content: bytes) -> etree._Element:
    """Read a part of a Word document; nothing outside it is fetched and no entity is opened.

    Raises UnusableDocument where it can't be read or brings definitions of its own.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED) from error
    if root.getroottree().docinfo.doctype or root.tag.startswith(f"{{{_STRICT}"):
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
    return root


def write_markup(root: etree._Element) -> bytes:
    """A part as bytes again."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def clean_markup(root: etree._Element) -> set[RemovedDetail]:
    """Take the traces out of a part of a document. Gives what was removed.

    Raises UnusableDocument for tracked changes, hidden text and other files inside it.
    """
    removed: set[RemovedDetail] = set()
    for element in list(root.iter(etree.Element)):
        name = etree.QName(element).localname
        _refuse_what_hides(element, name)
        _clean_attributes(element, name)
        if name in _COMMENTS:
            removed.add(RemovedDetail.COMMENTS)
        if name in _FORMAT_CHANGES:
            removed.add(RemovedDetail.EARLIER_VERSIONS)
        if name in ("hyperlink", "fldSimple", "instrText"):
            removed.add(RemovedDetail.LINKS)
    for element in list(root.iter(etree.Element)):
        name = etree.QName(element).localname
        if name in _COMMENTS | _FORMAT_CHANGES | _DROPPED:
            _drop(element)
        elif name in _UNWRAPPED:
            _unwrap(element)
    return removed


def relation_ids(root: etree._Element) -> set[str]:
    """The ids of other parts that a part names."""
    return {
        str(value)
        for element in root.iter(etree.Element)
        for name, value in element.attrib.items()
        if etree.QName(name).namespace == R
    }


def _refuse_what_hides(element: etree._Element, name: str) -> None:
    space = etree.QName(element).namespace
    if space == W and name in _TRACKED:
        raise UnusableDocument(DocumentProblem.TRACKED_CHANGES)
    if name in _EMBEDDED:
        raise UnusableDocument(DocumentProblem.EMBEDDED_FILES)
    if _crops(element, name):
        raise UnusableDocument(DocumentProblem.CROPPED)
    is_hidden_drawing = name in _DESCRIBED and element.get("hidden", "0") not in _OFF
    if is_hidden_drawing or (space == W and name in _HIDING and _hides(element)):
        raise UnusableDocument(DocumentProblem.HIDDEN_TEXT)


def _crops(element: etree._Element, name: str) -> bool:
    """Whether a picture is stored with more than is shown of it."""
    edges = _CROPPING.get(name, ())
    return any(element.get(edge, "0").strip().rstrip("%f") not in ("", "0") for edge in edges)


def _hides(element: etree._Element) -> bool:
    """Whether a switch hides text, in a run or a style: the mark of a paragraph alone holds none."""
    looks = element.getparent()
    of = looks.getparent() if looks is not None else None
    if element.get(f"{{{W}}}val", "true") in _OFF or of is None:
        return False
    of_mark = of.tag == f"{{{W}}}pPr" and of.getparent() is not None and of.getparent().tag == f"{{{W}}}p"
    return not of_mark and etree.QName(of).localname not in _FORMAT_CHANGES


def _clean_attributes(element: etree._Element, name: str) -> None:
    for key in list(element.attrib):
        attribute = etree.QName(key)
        space, local = attribute.namespace, attribute.localname
        is_trace = space == W and (local.startswith("rsid") or local in ("author", "date", "initials"))
        is_source = space == _OFFICE and local in ("title", "href")
        if is_trace or is_source or space == _WORD_14 or (space is None and local in _SAID_OF_PICTURES):
            del element.attrib[key]
    if name in _DESCRIBED and element.get("name"):
        # Often the name or the path of the file that was pasted.
        element.set("name", _PLAIN_NAME)


def _drop(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        _keep_tail(element, parent)
        parent.remove(element)


def _unwrap(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is None:
        return
    at = parent.index(element)
    for child in reversed(list(element)):
        if etree.QName(child).localname not in ("smartTagPr", "customXmlPr"):
            parent.insert(at, child)
    _keep_tail(element, parent)
    parent.remove(element)


def _keep_tail(element: etree._Element, parent: etree._Element) -> None:
    if element.tail and element.tail.strip():
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
