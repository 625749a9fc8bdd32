"""The revision of the schema that this program needs, read without Alembic, which every web process would carry."""

from __future__ import annotations

from functools import cache
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


@cache
def newest_revision() -> str:
    """The newest revision under `migrations/`, as its file HEAD names it; a test holds it against Alembic's."""
    return (MIGRATIONS / "HEAD").read_text(encoding="utf-8").strip()
