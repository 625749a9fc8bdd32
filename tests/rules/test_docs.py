"""The documents name files that exist and link to pages and headings that are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.rules.source_tree import ROOM_NAMES, ROOT, tracked_files

DOCUMENTS = sorted(
    file for file in tracked_files() if file.endswith(".md") and (file.startswith("docs/") or "/" not in file)
)
# These must name files, or they no longer explain anything.
MAPS = ("CONTRIBUTING.md", "docs/glossary.md", "docs/how-it-works.md", "docs/map.md", "docs/pages.md")
# What a text in backticks must begin with to be read as a file or folder of this repository.
TOPS = (*ROOM_NAMES, "bench", "docs", "frontend", "migrations", "requirements", "tests", ".ci", ".github")
ROOT_FILES = re.compile(r"[A-Z][A-Z]+(?:\.md)?|Makefile|wsgi\.py|pyproject\.toml|package(?:-lock)?\.json")
# The name of a file that a recipe tells the reader to make is written with a placeholder.
PLACEHOLDER = re.compile(r"[<>*{}…]|NNNN")


def named_paths(text: str) -> set[str]:
    """Files and folders that a text names in backticks."""
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    terms = {term.rstrip(":,.") for span in spans for term in span.split()}
    return {
        term.partition("::")[0].rstrip("/")
        for term in terms
        if term.startswith(tuple(f"{top}/" for top in TOPS)) and not PLACEHOLDER.search(term)
    } | {term for term in terms if ROOT_FILES.fullmatch(term) and (term.endswith(".md") or "." in term)}


def linked_paths(text: str) -> set[str]:
    """Where the links of a text lead, relative to its file; addresses of other sites aside."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return {target for target in targets if not re.match(r"[a-z]+:", target)}


def broken_names(root: Path, document: str) -> list[str]:
    """Paths that a document names and the tree does not have."""
    text = (root / document).read_text()
    return sorted(path for path in named_paths(text) if not (root / path).exists())


def broken_links(root: Path, document: str) -> list[str]:
    """Links of a document that lead nowhere."""
    file = root / document
    return sorted(link for link in linked_paths(file.read_text()) if not _leads_somewhere(file, link))


def _leads_somewhere(file: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = file.parent / path if path else file
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target.read_text())


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str) -> None:
    assert broken_names(ROOT, document) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_leads_somewhere(document: str) -> None:
    assert broken_links(ROOT, document) == []


@pytest.mark.parametrize("document", MAPS)
def test_the_maps_name_files(document: str) -> None:
    assert document in DOCUMENTS
    assert len(named_paths((ROOT / document).read_text())) > 5


def test_every_document_is_linked_from_the_readme_or_the_list_of_documents() -> None:
    linked = {
        str((ROOT / start).parent.joinpath(link.partition("#")[0]).resolve().relative_to(ROOT))
        for start in ("README.md", "docs/README.md")
        for link in linked_paths((ROOT / start).read_text())
    }
    unlinked = [
        document
        for document in DOCUMENTS
        if document != "README.md" and document not in linked and str(Path(document).parent) not in linked
    ]
    assert unlinked == []


def test_a_name_and_a_link_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/there.md").write_text("# A heading, here\n")
    (tmp_path / "docs/page.md").write_text(
        "`docs/there.md` `docs/gone.md` `tests/NNNN_x.py`, `gateway db upgrade` [a](there.md#a-heading-here)\n"
        "[b](there.md#no-such) [c](gone.md) [d](https://www.gov.uk/)\n```\n`docs/in-a-sample.md`\n```\n"
    )
    assert broken_names(tmp_path, "docs/page.md") == ["docs/gone.md"]
    assert broken_links(tmp_path, "docs/page.md") == ["gone.md", "there.md#no-such"]


def test_the_drawn_map_shows_every_room_of_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "rooms point downwards")
    rooms = {name.strip().rpartition(".")[2] for layer in layers for name in layer.split("|")}
    drawing = (ROOT / "docs/map.md").read_text().partition("```mermaid")[2].partition("```")[0]
    assert {room for room in rooms if not re.search(rf"\b{room}\b", drawing)} == set()
