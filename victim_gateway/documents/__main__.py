"""Examine the file on standard input as the kind that is named; say on standard output what is wrong with it.

A program of its own, so that what a hostile file does to a library is done to nobody else: little memory, little
time, no keys and no database.
"""

from __future__ import annotations

import resource
import sys

MOST_MEMORY_BYTES = 1536 * 1024 * 1024
MOST_SECONDS = 30


def main() -> int:
    """Write the problem, or nothing where there is none."""
    from victim_gateway.documents.examination import examine_document
    from victim_gateway.documents.problems import UnusableDocument
    from victim_gateway.vocabulary import AttachmentKind

    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    try:
        examine_document(sys.stdin.buffer.read(), AttachmentKind(sys.argv[1]))
    except UnusableDocument as unusable:
        sys.stdout.write(unusable.problem.value)
    return 0


if __name__ == "__main__":
    sys.exit(main())
