"""Read one environment variable at a time into a typed value; a bad one raises a one-line error."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
DATA_KEY_BYTES = 32

Keyring = tuple[tuple[str, bytes], ...]


class SettingsError(Exception):
    """A setting that can't be used: one line that begins with the variable's name and repeats no secret."""

    def __init__(self, variable: str, problem: str) -> None:
        """`variable` is the name in the environment; `problem` continues the sentence."""
        super().__init__(f"{variable} {problem}")
        self.variable = variable


class Environment:
    """Typed access to environment variables. An empty variable counts as not set."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """`values` is usually `os.environ`."""
        self._values = values

    def read_text(self, name: str, default: str = "") -> str:
        """Read the value without surrounding blanks."""
        return self._values.get(name, "").strip() or default

    def read_email(self, name: str) -> str | None:
        """Read one e-mail address; None where none is set."""
        value = self.read_text(name)
        if not value:
            return None
        if not _EMAIL.fullmatch(value):
            raise SettingsError(name, "must be one e-mail address, like operations@force.example")
        return value

    def read_choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Read a value that must be one of `allowed`."""
        value = self.read_text(name, default)
        if value not in allowed:
            raise SettingsError(name, f"must be one of {', '.join(allowed)}, not {value!r}")
        return value

    def read_whole_number(self, name: str, default: int, *, least: int, most: int) -> int:
        """Read a whole number within both bounds."""
        value = self.read_text(name, str(default))
        try:
            number = int(value)
        except ValueError:
            raise SettingsError(name, f"must be a whole number, not {value!r}") from None
        if not least <= number <= most:
            raise SettingsError(name, f"must be from {least} to {most}, not {number}")
        return number

    def read_flag(self, name: str, *, default: bool) -> bool:
        """Read a yes-or-no value, such as 1, true, no or off."""
        value = self.read_text(name).lower()
        if not value:
            return default
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        raise SettingsError(name, f"must be 1 or 0, not {value!r}")

    def read_url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str | None:
        """Read a URL with one of `schemes`; errors leave the value out, as it may hold a password."""
        value = self.read_text(name)
        if not value:
            return default
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            # the error of the library repeats what it could not read, which may be half a password
            raise SettingsError(
                name,
                "is not a usable URL: its port is not a number, or its password has a character"
                " that must be written as %XX",
            ) from None
        if parts.scheme not in schemes:
            raise SettingsError(
                name, f"must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}"
            )
        if not parts.netloc and not parts.path.strip("/"):
            raise SettingsError(name, "names no server")
        return value

    def read_postgresql_url(self, name: str) -> str | None:
        """Read a PostgreSQL URL into SQLAlchemy's form for the psycopg driver."""
        value = self.read_url(name, ("postgresql", "postgres", "postgresql+psycopg"))
        if value is None:
            return None
        parts = urlsplit(value)
        if not parts.path.strip("/"):
            raise SettingsError(name, "names no database: end it with /NAME")
        password = parts.netloc.rpartition("@")[0].partition(":")[2]
        if "@" in password or "@" in parts.path:
            # the driver would take what follows the first @ for the host, and print it when it finds none
            raise SettingsError(name, "has a password with an @ or a / in it: write them as %40 and %2F")
        return "postgresql+psycopg://" + value.split("://", 1)[1]

    def read_keyring(self, name: str, default: Keyring) -> Keyring:
        """Read `id:base64key,...`: each key is 32 bytes long and the first is the current one."""
        value = self.read_text(name)
        if not value:
            return default
        keys = tuple(_data_key(name, part.strip()) for part in value.split(",") if part.strip())
        if len({key_id for key_id, _ in keys}) != len(keys):
            raise SettingsError(name, "names the same key id twice")
        return keys


def _data_key(name: str, part: str) -> tuple[str, bytes]:
    key_id, colon, encoded = part.partition(":")
    if not colon or not _KEY_ID.fullmatch(key_id):
        raise SettingsError(name, "must look like id:base64key,id:base64key (the first is the current key)")
    try:
        key = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise SettingsError(name, f"has a key that is not base64: {key_id}") from None
    if len(key) != DATA_KEY_BYTES:
        raise SettingsError(name, f"needs keys of {DATA_KEY_BYTES} bytes; {key_id} has {len(key)}")
    return key_id, key
