"""Text that a person typed: trimmed, neither missing nor too long."""

from __future__ import annotations

from victim_gateway.errors import InvalidInput

LONGEST_TEXT = 5000


def require_text(text: str | None, field: str, message: str) -> str:
    """The text, trimmed. Raises InvalidInput at `field` for none or too much."""
    if not (text or "").strip():
        raise InvalidInput(message, fields={field: message})
    return check_text(text, field)


def check_text(text: str | None, field: str) -> str:
    """Text that may be left out, trimmed. Raises InvalidInput at `field` when it is too long."""
    trimmed = (text or "").strip()
    if len(trimmed) > LONGEST_TEXT:
        message = f"Shorten this to {LONGEST_TEXT:,} characters"
        raise InvalidInput(message, fields={field: message})
    return trimmed
