"""Examines an attached file in a program of its own: a hostile one brings down that, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.vocabulary import AttachmentKind

_FOLDER = Path(__file__).parents[2]
LONGEST_S = 60


def examine_apart(content: bytes, kind: AttachmentKind) -> None:
    """Raise UnusableDocument for a file that can't be kept; one that could not be examined in time is one too.

    The program gets no environment: neither keys nor passwords are in it.
    """
    command = [sys.executable, "-I", "-c", _program(), kind.value]
    try:
        done = subprocess.run(  # noqa: PLW1510
            command, input=content, capture_output=True, timeout=LONGEST_S, env={}, cwd="/"
        )
    except subprocess.TimeoutExpired as error:
        raise UnusableDocument(DocumentProblem.CANNOT_BE_CHECKED) from error
    said = done.stdout.decode("ascii", "replace").strip()
    if done.returncode != 0 or said:
        known = said in {problem.value for problem in DocumentProblem}
        raise UnusableDocument(
            DocumentProblem(said) if known and done.returncode == 0 else DocumentProblem.CANNOT_BE_CHECKED
        )


def _program() -> str:
    # Isolated, Python looks for modules neither in the folder nor in PYTHONPATH: it is told where ours are.
    return (
        f"import sys; sys.path.insert(0, {str(_FOLDER)!r});"
        " from victim_gateway.documents.__main__ import main; sys.exit(main())"
    )
