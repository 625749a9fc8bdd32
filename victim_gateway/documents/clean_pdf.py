"""PDF files for a provider: the pages as they are seen are taken into a new file, and nothing else of the old one."""

from __future__ import annotations

import io

import pikepdf
from pikepdf import Dictionary, Name, Object, Pdf, Stream

from victim_gateway.documents.clean_copies import METADATA_SIGNS, CleanCopy, RemovedDetail, order_removed
from victim_gateway.documents.jpeg_segments import strip_jpeg_segments
from victim_gateway.documents.problems import DocumentProblem, UnusableDocument

_PAGE_KEYS = frozenset(
    {
        "/Type", "/Parent", "/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox", "/Rotate", "/Contents",
        "/Resources", "/UserUnit", "/Group",
    }
)  # fmt: skip
# In any part of a page: who made it with what, what it was before, what it does, what it belongs to.
_DROPPED_KEYS = (
    "/Metadata", "/PieceInfo", "/LastModified", "/AA", "/JS", "/OC", "/OPI", "/Ref", "/Measure", "/PtData",
    "/AF", "/EF", "/Info", "/Thumb", "/StructParent", "/StructParents", "/Private", "/Alternates", "/Properties",
)  # fmt: skip
# In points: less than a letter is wide.
_UNSEEN_EDGE = 1.0
_PICTURE_FILTER, _UNREADABLE_FILTERS = "/DCTDecode", ("/JPXDecode", "/Crypt")


def clean_pdf(content: bytes) -> CleanCopy:
    """Take the pages of a PDF into a new one. What was written on them (forms, marks) becomes part of the page.

    Raises UnusableDocument for one with layers or a form that draws itself, and for parts that can't be looked into.
    """
    try:
        with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as source, pikepdf.new() as copy:
            removed = _find_removed(source, content)
            _refuse_what_hides(source)
            source.generate_appearance_streams()
            source.flatten_annotations("screen")
            for page in source.pages:
                _keep_page(page.obj)
            copy.pages.extend(source.pages)
            for part in copy.objects:
                removed |= _clean_object(part)
            written = io.BytesIO()
            copy.save(
                written,
                deterministic_id=True,
                fix_metadata_version=False,
                compress_streams=True,
                object_stream_mode=pikepdf.ObjectStreamMode.generate,
            )
        _check_clean(written.getvalue())
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED) from error
    return CleanCopy(written.getvalue(), order_removed(removed))


def _find_removed(source: Pdf, content: bytes) -> set[RemovedDetail]:
    root, removed = source.Root, set()
    names = root.get("/Names", Dictionary())
    if "/Info" in source.trailer or "/Metadata" in root:
        removed.add(RemovedDetail.AUTHOR)
    if content.count(b"startxref") > 1 and content.count(b"%%EOF") > 1:
        removed.add(RemovedDetail.EARLIER_VERSIONS)
    if "/EmbeddedFiles" in names or "/AF" in root:
        removed.add(RemovedDetail.ATTACHED_FILES)
    if "/JavaScript" in names or "/OpenAction" in root or "/AA" in root:
        removed.add(RemovedDetail.SCRIPTS)
    if "/Outlines" in root:
        removed.add(RemovedDetail.LINKS)
    for page in source.pages:
        for note in page.obj.get("/Annots", ()):
            kind = note.get("/Subtype")
            removed.add(RemovedDetail.LINKS if kind == Name.Link else RemovedDetail.COMMENTS)
        if "/Thumb" in page.obj:
            removed.add(RemovedDetail.PREVIEW)
        if "/AA" in page.obj:
            removed.add(RemovedDetail.SCRIPTS)
    return removed


def _refuse_what_hides(source: Pdf) -> None:
    """A layer that is switched off would be seen in a copy, and a form that draws itself would be empty."""
    if "/OCProperties" in source.Root:
        raise UnusableDocument(DocumentProblem.HIDDEN_LAYERS)
    for page in source.pages:
        whole, shown = (_corners(box) for box in (page.mediabox, page.cropbox))
        if any(inner - outer > _UNSEEN_EDGE for inner, outer in zip(shown, whole, strict=True)):
            raise UnusableDocument(DocumentProblem.CROPPED)
    if "/XFA" in source.Root.get("/AcroForm", Dictionary()):
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)


def _corners(box: Object) -> tuple[float, float, float, float]:
    """Left and bottom, and right and top with their signs turned: what lies further in is greater in each."""
    left, right = sorted((float(box[0]), float(box[2])))
    bottom, top = sorted((float(box[1]), float(box[3])))
    return left, bottom, -right, -top


def _keep_page(page: Object) -> None:
    # A key that a page takes from the pages above it is brought to it when it is copied.
    for key in [key for key in page.keys() if key not in _PAGE_KEYS]:  # noqa: SIM118
        del page[key]


def _clean_object(part: Object) -> set[RemovedDetail]:
    removed: set[RemovedDetail] = set()
    _clean_nested(part, depth=0)
    if isinstance(part, Stream):
        filters = _filters_of(part)
        if any(name in _UNREADABLE_FILTERS for name in filters):
            raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
        if _PICTURE_FILTER in filters:
            if len(filters) > 1:
                raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
            before = part.read_raw_bytes()
            after = strip_jpeg_segments(before)
            if after != before:
                parameters = part.get("/DecodeParms")
                part.write(after, filter=Name(_PICTURE_FILTER), decode_parms=parameters)  # type: ignore[arg-type]
                removed.add(RemovedDetail.PICTURE_DETAILS)
    return removed


def _clean_nested(part: Object, depth: int) -> None:
    """Drop keys in a part and in what stands inside it; parts of their own are reached by themselves."""
    if depth > 50:
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
    if isinstance(part, pikepdf.Array):
        children = list(part)
    elif isinstance(part, Dictionary | Stream):
        for key in _DROPPED_KEYS:
            if key in part:
                del part[key]
        children = [part[key] for key in part.keys()]  # noqa: SIM118
    else:
        return
    for child in children:
        if isinstance(child, Object) and not child.is_indirect:
            _clean_nested(child, depth + 1)


def _filters_of(part: Stream) -> list[str]:
    named = part.get("/Filter")
    if named is None:
        return []
    return [str(name) for name in named] if isinstance(named, pikepdf.Array) else [str(named)]


def _check_clean(content: bytes) -> None:
    """Raises UnusableDocument where a sign of metadata is left, packed or not."""
    with pikepdf.open(io.BytesIO(content)) as copy:
        for part in copy.objects:
            if isinstance(part, Stream):
                is_picture = _PICTURE_FILTER in _filters_of(part)
                read = part.read_raw_bytes() if is_picture else part.read_bytes()
                if any(sign in read for sign in METADATA_SIGNS):
                    raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED)
