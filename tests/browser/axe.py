"""An accessibility check of the page that is open."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.plumbing import ROOT

# The GOV.UK radios that reveal a field set aria-expanded on themselves, on purpose and tested with readers.
LEFT_OUT = ("aria-allowed-attr",)


@cache
def _source() -> str:
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


# Every rule is tried; what passes is not described, which takes longer than to try it. To read the style sheets anew
# takes a third of the whole, and one rule alone wants it, which looks at nothing else.
_TRY = """async known => {
  const sheets = [...document.styleSheets].map(sheet => sheet.href || sheet.ownerNode.textContent);
  const preload = sheets.some(sheet => !known.includes(sheet));
  const found = await axe.run({resultTypes: ["violations"], preload});
  return [sheets, found.violations];
}"""
_sheets_read: set[str] = set()


def violations(page: Page) -> list[str]:
    """What axe finds wrong, each with its first place; the rule for the libraries' own habit is left out."""
    if not page.evaluate("'axe' in window"):
        # As a script of its own it would break the page's security policy.
        page.evaluate(_source())
    sheets: list[str]
    found: list[dict[str, Any]]
    sheets, found = page.evaluate(_TRY, sorted(_sheets_read))
    _sheets_read.update(sheets)
    return [
        f"{problem['id']}: {problem['nodes'][0]['html'][:160]}"
        for problem in found
        if problem["id"] not in LEFT_OUT
    ]
