"""Settings and keys of this process, as the app was set up with them."""

from __future__ import annotations

from flask import current_app
from sqlalchemy import text
from sqlalchemy.orm import Session

from config import Settings
from victim_gateway.crypto import BlindIndex, Keyring


def current_settings() -> Settings:
    """The settings of this process: the area's profile, limits, standards."""
    settings: Settings = current_app.extensions["settings"]
    return settings


def current_keyring() -> Keyring:
    """The master keys of this process."""
    keyring: Keyring = current_app.extensions["keyring"]
    return keyring


def current_blind_index(session: Session) -> BlindIndex:
    """The keyed hashes for search; the key is fetched once per process and kept in memory."""
    index: BlindIndex | None = current_app.extensions.get("blind_index")
    if index is None:
        row = session.execute(text("SELECT id, keyring_id, wrapped FROM search_index_key()")).one()
        index = BlindIndex(current_keyring().unwrap_key(row.keyring_id, row.wrapped, f"wrapped_key:{row.id}"))
        current_app.extensions["blind_index"] = index
    return index
