"""Files that tell more than they show: who made them, where, and what stood in them before."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import pikepdf
from PIL import Image, PngImagePlugin
from PIL.ExifTags import GPS, IFD, Base

AUTHOR = "Wilma Ashdown"
PLACE = "14 Foxglove Lane"
PHONE = "Ashdown-Phone-7"
EARLIER = "He is at the refuge in Leek"
TRACES = (AUTHOR, PLACE, PHONE, EARLIER)
XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><creator>{AUTHOR}</creator><place>{PLACE}</place></x:xmpmeta>"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_DRAWN = (
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
)
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def telling_jpeg() -> bytes:
    """A picture, lying on its side, that says where, by whom and with what it was taken."""
    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (0, 0, 20, 20))
    exif = picture.getexif()
    exif[Base.Orientation], exif[Base.Make], exif[Base.Artist] = 6, PHONE, AUTHOR
    exif[Base.ImageDescription] = PLACE
    place = exif.get_ifd(IFD.GPSInfo)
    place[GPS.GPSLatitudeRef], place[GPS.GPSLatitude] = "N", (53.0, 6.0, 21.0)
    place[GPS.GPSAreaInformation] = PLACE
    written = io.BytesIO()
    picture.save(written, "JPEG", exif=exif, xmp=XMP.encode(), comment=AUTHOR)
    return written.getvalue() + PLACE.encode()


def telling_png() -> bytes:
    """A picture with text beside it, and something under a place that is seen through."""
    picture = Image.new("RGBA", (20, 10), (200, 10, 10, 0))
    said = PngImagePlugin.PngInfo()
    said.add_text("Author", AUTHOR)
    said.add_itxt("XML:com.adobe.xmp", XMP, zip=True)
    exif = picture.getexif()
    exif[Base.Make] = PHONE
    written = io.BytesIO()
    picture.save(written, "PNG", pnginfo=said, exif=exif)
    return written.getvalue()


def telling_pdf(*, layers: bool = False) -> bytes:
    """A page with a picture, a form and a remark; with an attachment, a script and the page as it was before."""
    first = io.BytesIO()
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(200, 200))
        drawn = pikepdf.Stream(
            pdf,
            telling_jpeg(),
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=40,
            Height=20,
            ColorSpace=pikepdf.Name.DeviceRGB,
            BitsPerComponent=8,
            Filter=pikepdf.Name.DCTDecode,
        )
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=pdf.make_indirect(drawn)))
        page.Contents = pikepdf.Stream(pdf, b"q 40 0 0 20 10 10 cm /Im0 Do Q % shown text")
        page["/PieceInfo"] = pikepdf.Dictionary(Editor=pikepdf.String(PHONE))
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Text,
            Rect=[0, 0, 9, 9],
            T=pikepdf.String(AUTHOR),
            Contents=pikepdf.String(EARLIER),
        )
        page.Annots = pdf.make_indirect(pikepdf.Array([note]))
        pdf.docinfo["/Author"], pdf.docinfo["/Title"] = AUTHOR, PLACE
        pdf.Root.Metadata = pdf.make_indirect(pikepdf.Stream(pdf, XMP.encode()))
        pdf.Root.OpenAction = pikepdf.Dictionary(
            S=pikepdf.Name.JavaScript, JS=pikepdf.String(f"app.alert('{AUTHOR}')")
        )
        pdf.attachments["notes.txt"] = pikepdf.AttachedFileSpec(pdf, EARLIER.encode(), description=AUTHOR)
        if layers:
            pdf.Root.OCProperties = pikepdf.Dictionary(OCGs=[], D=pikepdf.Dictionary())
        pdf.save(first, compress_streams=False)
    return _with_earlier_version(first.getvalue())


def _with_earlier_version(content: bytes) -> bytes:
    """The same as an editor saves it over: what was there before still stands in the file."""
    begins = content.rindex(b"startxref")
    changed = f"\n999 0 obj\n({EARLIER})\nendobj\n".encode()
    return content[:begins] + changed + content[begins:] + b"\n%%EOF\n" + content[begins:]


def telling_docx(
    more: Mapping[str, bytes] | None = None,
    *,
    body: str = "",
    with_picture: bool = True,
    related: Mapping[str, tuple[str, str]] | None = None,
) -> bytes:
    """A letter with an author, a comment, a pasted picture, a link and a preview.

    `related`: more parts that the letter may name, an id to its kind and its target.
    """
    types = (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
        '.wordprocessingml.document.main+xml"/></Types>'
    )
    blip = '<a:blip r:embed="rId1"/>' if with_picture else ""
    picture = f'<w:r><w:drawing><wp:docPr id="1" name="{PHONE}" descr="{PLACE}"/>{blip}</w:drawing></w:r>'
    document = (
        f'<?xml version="1.0"?><!-- {AUTHOR} --><w:document {_W} {_DRAWN} xmlns:r="{_R}"><w:body>'
        f'<w:p w:rsidR="00C0FFEE"><w:commentRangeStart w:id="1"/><w:r><w:t>Dear Sir</w:t></w:r>'
        '<w:commentRangeEnd w:id="1"/><w:r><w:commentReference w:id="1"/></w:r>'
        f'<w:hyperlink r:id="rId9"><w:r><w:t>our page</w:t></w:r></w:hyperlink>'
        f"<w:r><w:instrText>AUTHOR {AUTHOR}</w:instrText></w:r>{picture}{body}</w:p></w:body></w:document>"
    )
    more_relations = "".join(
        f'<Relationship Id="{each}" Type="{_R}/{kind}" Target="{target}"/>'
        for each, (kind, target) in (related or {}).items()
    )
    relations = (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_R}/image" Target="media/{PHONE}.jpeg"/>'
        f'<Relationship Id="rId2" Type="{_R}/comments" Target="comments.xml"/>'
        f'<Relationship Id="rId9" Type="{_R}/hyperlink" Target="https://x.test/{PHONE}" TargetMode="External"/>'
        f"{more_relations}</Relationships>"
    )
    comments = (
        f'<w:comments {_W}><w:comment w:author="{AUTHOR}"><w:t>{EARLIER}</w:t></w:comment></w:comments>'
    )
    parts: dict[str, bytes] = {
        "[Content_Types].xml": types.encode(),
        "_rels/.rels": b"<Relationships/>",
        "word/document.xml": document.encode(),
        "word/_rels/document.xml.rels": relations.encode(),
        "word/comments.xml": comments.encode(),
        "word/settings.xml": f'<w:settings {_W}><w:rsid w:val="{PHONE}"/></w:settings>'.encode(),
        "docProps/core.xml": f"<core><creator>{AUTHOR}</creator></core>".encode(),
        "docProps/custom.xml": f"<custom>{PLACE}</custom>".encode(),
        "docProps/thumbnail.jpeg": telling_jpeg(),
        "customXml/item1.xml": f"<item>{PLACE}</item>".encode(),
        **({f"word/media/{PHONE}.jpeg": telling_jpeg()} if with_picture else {}),
        **(more or {}),
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return written.getvalue()
