"""A copy for a provider shows what the file shows, and none of what it tells beside."""

from __future__ import annotations

import io
import zipfile
from unittest.mock import MagicMock, Mock
from uuid import uuid4

import pikepdf
import pytest
from PIL import Image

from tests.factories.documents import pdf_file, picture_file
from tests.factories.telling_documents import TRACES, telling_docx, telling_jpeg, telling_pdf, telling_png
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.documents.clean_copies import METADATA_SIGNS, REMOVED_LABELS, RemovedDetail
from victim_gateway.documents.cleaning import clean_document
from victim_gateway.documents.jpeg_segments import strip_jpeg_segments
from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.errors import NotFound, TransitionNotAllowed
from victim_gateway.integrations.document_examiner import clean_apart
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.onward_referrals import shared_file_copies
from victim_gateway.services.onward_referrals.shared_files import MOST_SHARED, _first_number
from victim_gateway.services.shared import case_locks
from victim_gateway.vocabulary import AttachmentKind

K, P, D = AttachmentKind, DocumentProblem, RemovedDetail


def unpacked(content: bytes, kind: AttachmentKind) -> bytes:
    """Everything that can be read out of a file, packed or not, by the libraries that know it."""
    read = bytearray(content)
    if kind is K.PDF:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            for part in pdf.objects:
                read += repr(part).encode()
                if isinstance(part, pikepdf.Stream):
                    read += part.read_raw_bytes()
                    read += part.read_bytes() if part.get("/Filter") != "/DCTDecode" else b""
    elif kind is K.DOCX:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for name in packed.namelist():
                read += name.encode() + packed.read(name)
    else:
        with Image.open(io.BytesIO(content)) as picture:
            read += repr((picture.info, dict(picture.getexif()))).encode()
    return bytes(read)


@pytest.mark.parametrize(
    ("kind", "content", "removed"),
    [
        (K.JPEG, telling_jpeg(), {D.LOCATION, D.CAMERA, D.DESCRIPTION}),
        (K.PNG, telling_png(), {D.CAMERA, D.DESCRIPTION}),
        (
            K.PDF,
            telling_pdf(),
            {D.AUTHOR, D.EARLIER_VERSIONS, D.ATTACHED_FILES, D.SCRIPTS, D.COMMENTS, D.PICTURE_DETAILS},
        ),
        (
            K.DOCX,
            telling_docx(),
            {D.AUTHOR, D.PREVIEW, D.COMMENTS, D.EARLIER_VERSIONS, D.DESCRIPTION, D.LINKS, D.PICTURE_DETAILS},
        ),
    ],
)
def test_no_byte_of_metadata_is_left_in_a_copy(
    kind: AttachmentKind, content: bytes, removed: set[RemovedDetail]
) -> None:
    before = unpacked(content, kind)
    assert any(trace.encode() in before for trace in TRACES)
    copy = clean_apart(content, kind)
    after = unpacked(copy.content, kind)
    for trace in TRACES:
        for spelled in (
            trace.encode(),
            trace.encode("utf-16-be"),
            trace.encode("utf-16-le"),
            trace.lower().encode(),
        ):
            assert spelled not in after
    assert not any(sign in after for sign in METADATA_SIGNS)
    assert b"rsid" not in after
    assert set(copy.removed) == removed
    # A copy of the copy has nothing left to lose.
    assert not set(clean_document(copy.content, kind).removed) - {D.AUTHOR}


def test_a_copy_shows_what_the_file_showed() -> None:
    with Image.open(io.BytesIO(clean_document(telling_jpeg(), K.JPEG).content)) as picture:
        top, bottom = picture.getpixel((10, 5)), picture.getpixel((10, 35))
        assert (picture.size, top[2] > 200, bottom[0] > 200) == ((20, 40), True, True)  # type: ignore[index]
    with Image.open(io.BytesIO(clean_document(telling_png(), K.PNG).content)) as picture:
        # What lay under the place that is seen through is not under it any more.
        assert picture.getpixel((5, 5)) == (255, 255, 255)
    with pikepdf.open(io.BytesIO(clean_document(telling_pdf(), K.PDF).content)) as pdf:
        [page] = pdf.pages
        assert b"/Im0 Do" in page.Contents.read_bytes()
        assert pikepdf.PdfImage(page.Resources.XObject.Im0).as_pil_image().size == (40, 20)
    with zipfile.ZipFile(io.BytesIO(clean_document(telling_docx(), K.DOCX).content)) as packed:
        document = packed.read("word/document.xml")
        assert b"Dear Sir" in document and b"our page" in document
        assert packed.read("word/media/image1.jpg").startswith(b"\xff\xd8")
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def cropped_pdf(box: list[int]) -> bytes:
    written = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(200, 200)).CropBox = box
        pdf.save(written)
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "problem"),
    [
        (telling_docx(body='<w:ins w:author="X"><w:r><w:t>y</w:t></w:r></w:ins>'), K.DOCX, P.TRACKED_CHANGES),
        (telling_docx(body="<w:del><w:r><w:delText>y</w:delText></w:r></w:del>"), K.DOCX, P.TRACKED_CHANGES),
        (telling_docx(body="<w:r><w:rPr><w:vanish/></w:rPr><w:t>y</w:t></w:r>"), K.DOCX, P.HIDDEN_TEXT),
        (telling_docx(body="<w:r><w:rPr><w:specVanish/></w:rPr><w:ruby/></w:r>"), K.DOCX, P.HIDDEN_TEXT),
        (telling_docx(body='<a:srcRect l="0" r="25000"/>'), K.DOCX, P.CROPPED),
        (telling_docx(body='<w:imagedata croptop="6554f"/>'), K.DOCX, P.CROPPED),
        (cropped_pdf([0, 0, 200, 100]), K.PDF, P.CROPPED),
        (telling_docx(body='<wp:docPr id="2" hidden="1"/>'), K.DOCX, P.HIDDEN_TEXT),
        (
            telling_docx(
                {
                    "word/styles.xml": b'<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/'
                    b'2006/main"><w:style><w:rPr><w:vanish/></w:rPr></w:style></w:styles>'
                },
                related={"rId5": ("styles", "styles.xml")},
            ),
            K.DOCX,
            P.HIDDEN_TEXT,
        ),
        (telling_docx({"word/embeddings/a.xlsx": b"x"}), K.DOCX, P.EMBEDDED_FILES),
        (telling_docx(body="<w:object/>"), K.DOCX, P.EMBEDDED_FILES),
        (telling_docx({"word/media/a.emf": b"x"}), K.DOCX, P.CANNOT_BE_CLEANED),
        (
            telling_docx(
                {"word/styles.xml": b"<!DOCTYPE x [<!ENTITY y 'z'>]><x/>"},
                related={"rId5": ("styles", "styles.xml")},
            ),
            K.DOCX,
            P.CANNOT_BE_CLEANED,
        ),
        (telling_docx(body='<w:p r:embed="rId77"/>'), K.DOCX, P.CANNOT_BE_CLEANED),
        (telling_pdf(layers=True), K.PDF, P.HIDDEN_LAYERS),
        (pdf_file(user_password="x"), K.PDF, P.PASSWORD),
        (picture_file("JPEG"), K.PNG, P.BROKEN),
    ],
)
def test_what_can_not_be_cleaned_for_certain_is_refused(
    content: bytes, kind: AttachmentKind, problem: DocumentProblem
) -> None:
    with pytest.raises(UnusableDocument) as refused:
        clean_document(content, kind)
    assert refused.value.problem is problem


def word_part(kind: str, inside: str) -> bytes:
    return (
        f'<w:{kind} xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
        ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
        ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        f"{inside}</w:{kind}>"
    ).encode()


def picture_relation(target: str) -> bytes:
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
    relation = f'<Relationship Id="rId1" Type="{kind}" Target="media/{target}"/>'
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{space}">{relation}</Relationships>'.encode()


def test_word_pictures_and_headers_go_along_only_where_the_text_shows_them() -> None:
    blip = '<w:p><w:r><w:drawing><a:blip r:embed="rId1"/></w:drawing></w:r></w:p>'
    letter = telling_docx(
        {
            "word/comments.xml": word_part("comments", blip),
            "word/_rels/comments.xml.rels": picture_relation("of_comment.png"),
            "word/media/of_comment.png": picture_file("PNG"),
            "word/media/named_by_no_id.png": picture_file("PNG"),
            "word/header1.xml": word_part("hdr", blip),
            "word/_rels/header1.xml.rels": picture_relation("of_header.png"),
            "word/media/of_header.png": picture_file("PNG"),
            "word/header7.xml": word_part("hdr", "<w:p><w:r><w:t>unseen head</w:t></w:r></w:p>"),
            "word/footer2.xml": word_part("ftr", "<w:p><w:r><w:t>unseen foot</w:t></w:r></w:p>"),
            "word/styles.xml": word_part("styles", ""),
        },
        body='<w:sectPr><w:headerReference w:type="default" r:id="rId4"/></w:sectPr>',
        related={
            "rId3": ("image", "media/named_by_no_id.png"),
            "rId4": ("header", "header1.xml"),
            "rId5": ("styles", "styles.xml"),
            "rId7": ("header", "header7.xml"),
        },
    )
    copy = clean_document(letter, K.DOCX)
    with zipfile.ZipFile(io.BytesIO(copy.content)) as packed:
        assert set(packed.namelist()) == {
            "[Content_Types].xml",
            "_rels/.rels",
            "word/document.xml",
            "word/_rels/document.xml.rels",
            "word/header1.xml",
            "word/_rels/header1.xml.rels",
            "word/styles.xml",
            "word/media/image1.jpg",
            "word/media/image2.png",
        }
        assert {f"rId{each}" for each in "37"}.isdisjoint(
            packed.read("word/_rels/document.xml.rels").decode().split('"')
        )
    assert D.DESCRIPTION in copy.removed


def test_hidden_paragraph_marks_and_switches_that_are_off_hide_nothing() -> None:
    body = (
        "<w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr></w:p>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>all of it</w:t></w:r>'
    )
    assert b"all of it" in unpacked(clean_document(telling_docx(body=body), K.DOCX).content, K.DOCX)


def test_text_of_word_that_is_stored_and_not_shown_is_dropped() -> None:
    body = (
        '<w:sdt><w:sdtPr><w:dropDownList><w:listItem w:value="Other Person"/></w:dropDownList></w:sdtPr></w:sdt>'
        '<w:tbl><w:tblPr><w:tblCaption w:val="Other Person"/><w:tblDescription w:val="Other Person"/></w:tblPr>'
        "</w:tbl>"
    )
    copy = clean_document(telling_docx(body=body), K.DOCX)
    assert b"Other Person" not in unpacked(copy.content, K.DOCX)


def test_what_is_cropped_by_nothing_is_copied() -> None:
    assert clean_document(cropped_pdf([200, 200, 0, 0]), K.PDF).content
    assert clean_document(telling_docx(body='<a:srcRect/><a:srcRect l="0"/>'), K.DOCX).content


def test_the_last_of_many_files_counts_for_how_many_may_go() -> None:
    session, onward = Mock(), Mock(id=uuid4())
    session.scalar.return_value = MOST_SHARED - 2
    assert _first_number(session, onward, 2) == MOST_SHARED - 1
    with pytest.raises(TransitionNotAllowed):
        _first_number(session, onward, 3)


def test_a_copy_for_an_erased_person_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Mock()
    state, onward = next(iter(LIVE_ONWARD_STATES)), Mock()
    onward.state = state
    monkeypatch.setattr(shared_file_copies, "_onward_of", lambda *_: onward)
    monkeypatch.setattr(shared_file_copies, "is_fetchable", lambda _: True)
    monkeypatch.setattr(shared_file_copies, "end_shared_files", ended)
    monkeypatch.setattr(case_locks, "open_person", Mock(side_effect=NotFound))
    session = MagicMock()
    session.__enter__.return_value = session
    session.get_one.return_value.stays_here = False
    monkeypatch.setattr(shared_file_copies, "transaction", lambda _: session)
    assert shared_file_copies.make_shared_copy(uuid4(), actor=Actor.worker("tests"), at=times.now()) is None
    ended.assert_called_once()


def test_a_picture_in_printing_colours_loses_its_comment() -> None:
    written = io.BytesIO()
    Image.new("CMYK", (20, 10)).save(written, "JPEG", comment=b"Other Person")
    copy = clean_document(written.getvalue(), K.JPEG)
    assert b"Other Person" in written.getvalue() and b"Other Person" not in copy.content


def test_a_jpeg_loses_its_metadata_and_not_a_bit_of_its_picture() -> None:
    before = telling_jpeg()
    after = strip_jpeg_segments(before)
    assert len(after) < len(before) and not any(trace.encode() in after for trace in TRACES)
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert old.tobytes() == new.tobytes()


def test_each_thing_that_is_removed_is_named() -> None:
    assert set(REMOVED_LABELS) == set(RemovedDetail)
