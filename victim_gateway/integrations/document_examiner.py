"""Examines an attached file in a program of its own: a hostile one brings down that, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from victim_gateway.documents.__main__ import CLEAN, MAKE_COPY
from victim_gateway.documents.clean_copies import CleanCopy, RemovedDetail
from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.vocabulary import AttachmentKind

_FOLDER = Path(__file__).parents[2]
LONGEST_S = 60


def examine_apart(content: bytes, kind: AttachmentKind) -> None:
    """Raise UnusableDocument for a file that can't be kept; one that could not be examined in time is one too."""
    said = _run_apart(content, kind.value).decode("ascii", "replace").strip()
    if said:
        raise UnusableDocument(_read_problem(said))


def clean_apart(content: bytes, kind: AttachmentKind) -> CleanCopy:
    """A copy of a file without its metadata. Raises UnusableDocument where none can be made, or not in time."""
    said, _, copied = _run_apart(content, MAKE_COPY, kind.value).partition(b"\n")
    first, *removed = said.decode("ascii", "replace").split(" ")
    if first != CLEAN or not copied:
        raise UnusableDocument(_read_problem(first))
    return CleanCopy(copied, tuple(RemovedDetail(detail) for detail in removed))


def _run_apart(content: bytes, *arguments: str) -> bytes:
    """What the program says. It gets no environment: neither keys nor passwords are in it."""
    command = [sys.executable, "-I", "-c", _program(), *arguments]
    try:
        done = subprocess.run(  # noqa: PLW1510
            command, input=content, capture_output=True, timeout=LONGEST_S, env={}, cwd="/"
        )
    except subprocess.TimeoutExpired as error:
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CHECKED) from error
    if done.returncode != 0:
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CHECKED)
    return done.stdout


def _read_problem(said: str) -> DocumentProblem:
    known = said in {problem.value for problem in DocumentProblem}
    return DocumentProblem(said) if known else DocumentProblem.CANNOT_BE_CHECKED


def _program() -> str:
    # Isolated, Python looks for modules neither in the folder nor in PYTHONPATH: it is told where ours are.
    return (
        f"import sys; sys.path.insert(0, {str(_FOLDER)!r});"
        " from victim_gateway.documents.__main__ import main; sys.exit(main())"
    )
