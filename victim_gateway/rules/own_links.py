"""Find the links of a text that lead to this service, so that a page offers these and no others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
_AFTER_ADDRESS = ".,;:!?)"


@dataclass(frozen=True, slots=True)
class TextPart:
    """A part of a text; `path` is where it leads within this service, None when it is not such a link."""

    text: str
    path: str | None = None


def split_at_own_links(text: str, public_url: str) -> list[TextPart]:
    """The parts of a text in order; joined they are the text. Addresses of other services stay plain text."""
    parts, position = [], 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(_AFTER_ADDRESS)
        path = _own_path(address, public_url)
        if path is None:
            continue
        parts += [TextPart(text[position : found.start()]), TextPart(address, path)]
        position = found.start() + len(address)
    return [part for part in (*parts, TextPart(text[position:])) if part.text]


def _own_path(address: str, public_url: str) -> str | None:
    """The path of an address under `public_url`, to open on whatever host the reader uses; None for any other."""
    try:
        parts, own = urlsplit(address), urlsplit(public_url)
    except ValueError:
        return None
    if (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
        return None
    path = parts.path or "/"
    # A browser takes "//host" and "/\host" for the address of another server.
    if not path.startswith("/") or path.startswith("//") or "\\" in address:
        return None
    return (
        path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    )
