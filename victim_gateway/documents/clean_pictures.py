"""Pictures for a provider: the pixels as they are seen are drawn anew, and nothing else of the file is taken along."""

from __future__ import annotations

import io
import warnings
import zlib

from PIL import Image, ImageCms, ImageOps

from victim_gateway.documents.clean_copies import CleanCopy, RemovedDetail, order_removed
from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.vocabulary import AttachmentKind

_JPEG_QUALITY = 92
_EXIF_GPS, _EXIF_ORIENTATION = 0x8825, 0x0112
_DESCRIPTIONS = frozenset({"xmp", "photoshop", "comment", "XML:com.adobe.xmp", "Raw profile type xmp"})
# What Pillow tells of a file beside metadata.
_TECHNICAL = frozenset(
    {
        "jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "progressive", "progression", "adobe",
        "adobe_transform", "icc_profile", "exif", "gamma", "srgb", "chromaticity", "transparency", "interlace",
        "aspect", "mp", "mpoffset", "flashpix", "default_image", "loop", "duration", "blend", "disposal", "bbox",
    }
)  # fmt: skip


def clean_picture(content: bytes, kind: AttachmentKind) -> CleanCopy:
    """Draw a picture anew as a person sees it: turned as it says, in ordinary colours, what is see-through on white.

    Raises UnusableDocument for one that can't be opened.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=(kind.value.upper(),)) as picture:
                picture.load()
                removed = _find_removed(picture)
                shown = _flatten(_correct_colors(ImageOps.exif_transpose(picture), picture))
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error, Image.DecompressionBombError) as error:
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CLEANED) from error
    written = io.BytesIO()
    if kind is AttachmentKind.JPEG:
        shown.save(written, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    else:
        shown.save(written, "PNG", optimize=True)
    return CleanCopy(written.getvalue(), order_removed(removed))


def _find_removed(picture: Image.Image) -> set[RemovedDetail]:
    removed = set()
    exif = picture.getexif()
    if exif.get_ifd(_EXIF_GPS):
        removed.add(RemovedDetail.LOCATION)
    if set(exif) - {_EXIF_ORIENTATION, _EXIF_GPS}:
        removed.add(RemovedDetail.CAMERA)
    if exif.get_ifd(1):
        removed.add(RemovedDetail.PREVIEW)
    stored = {name for name in picture.info if isinstance(name, str)}
    if stored & _DESCRIPTIONS or stored - _TECHNICAL:
        removed.add(RemovedDetail.DESCRIPTION)
    return removed


def _correct_colors(shown: Image.Image, picture: Image.Image) -> Image.Image:
    """Turn the colours into ordinary ones where a profile says what they are: it does not go with the copy."""
    profile = picture.info.get("icc_profile")
    if not profile or shown.mode not in ("RGB", "CMYK"):
        return shown
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(shown, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError):
        return shown
    return turned or shown


def _flatten(shown: Image.Image) -> Image.Image:
    """A picture with nothing but what is seen: what lies under a see-through place is gone too."""
    if shown.mode.startswith(("I", "F")):
        shown = shown.point(lambda value: value / 256).convert("L")
    if shown.mode == "CMYK":
        shown = shown.convert("RGB")
    if shown.mode in ("1", "L", "RGB"):
        # A new picture: a converted one still carries what was stored with the old one.
        flat = Image.new(shown.mode, shown.size)
        flat.paste(shown)
        return flat
    opaque = Image.new("RGB", shown.size, "white")
    layer = shown.convert("RGBA")
    opaque.paste(layer, mask=layer.getchannel("A"))
    return opaque
