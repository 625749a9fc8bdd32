"""An accessibility check of the page that is open."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.plumbing import ROOT

# The GOV.UK radios that reveal a field set aria-expanded on themselves, on purpose and tested with readers.
LEFT_OUT = ("aria-allowed-attr",)
# Every other rule is tried. What passes is not described, which takes longer than to try it, and the style sheets are
# not fetched and read once more: of axe's own rules only one asks for them, and that one is an experiment left off.
_OPTIONS = {
    "resultTypes": ["violations"],
    "preload": {"assets": ["media"]},
    "rules": {rule: {"enabled": False} for rule in LEFT_OUT},
}


@cache
def _source() -> str:
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """What axe finds wrong, each with its first place; the rule for the libraries' own habit is left out."""
    if not page.evaluate("'axe' in window"):
        # As a script of its own it would break the page's security policy.
        page.evaluate(_source())
    found: list[dict[str, Any]] = page.evaluate(
        "async options => (await axe.run(options)).violations", _OPTIONS
    )
    return [f"{problem['id']}: {problem['nodes'][0]['html'][:160]}" for problem in found]
