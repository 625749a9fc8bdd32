"""The green banner after an action. It must hold no personal data, because it is sent in a cookie."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, get_flashed_messages

_CATEGORY = "done"


@dataclass(frozen=True, slots=True)
class Banner:
    """What was done, and a link to the usual next page."""

    text: str
    link_text: str | None = None
    link_url: str | None = None


def flash_success(text: str, *, link: tuple[str, str] | None = None) -> None:
    """Show `text` at the top of the next page; `link` is (text, url). No names, no numbers, no notes."""
    link_text, url = link or (None, None)
    flash([text, link_text, url], _CATEGORY)  # type: ignore[arg-type]


def flash_put_aside() -> None:
    """Say that a form was kept as a draft."""
    flash_success("Your answers were kept. Go on with them under “Your drafts”.")


def flash_draft_gone() -> None:
    """Say that a draft can't be opened: one answer for a draft that is gone and for somebody else's."""
    flash_success("That draft is not there any more. It was sent, deleted, or is not yours.")


def already_saved() -> None:
    """Say that a repeated sending changed nothing."""
    flash_success("This was already saved. Nothing was done twice.")


def flash_banners() -> list[Banner]:
    """The banners for the next page; reading removes them."""
    return [Banner(*parts) for parts in get_flashed_messages(category_filter=[_CATEGORY])]
