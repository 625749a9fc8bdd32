"""Examine the file on standard input as the kind that is named; say on standard output what is wrong with it.

With `copy` before the kind it makes a clean copy instead: a line with what is wrong, or `clean` and what was removed,
and after it the copy.

A program of its own, so that what a hostile file does to a library is done to nobody else: little memory, little
time, no keys and no database.
"""

from __future__ import annotations

import resource
import sys

MOST_MEMORY_BYTES = 1536 * 1024 * 1024
MOST_SECONDS = 30
MAKE_COPY, CLEAN = "copy", "clean"


def main() -> int:
    """Write the problem, or nothing where there is none."""
    from victim_gateway.documents.cleaning import clean_document
    from victim_gateway.documents.examination import examine_document
    from victim_gateway.documents.problems import UnusableDocument
    from victim_gateway.vocabulary import AttachmentKind

    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    try:
        if sys.argv[1] != MAKE_COPY:
            examine_document(sys.stdin.buffer.read(), AttachmentKind(sys.argv[1]))
            return 0
        copy = clean_document(sys.stdin.buffer.read(), AttachmentKind(sys.argv[2]))
    except UnusableDocument as unusable:
        sys.stdout.write(unusable.problem.value)
        return 0
    sys.stdout.buffer.write(f"{CLEAN} {' '.join(copy.removed)}".strip().encode() + b"\n" + copy.content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
