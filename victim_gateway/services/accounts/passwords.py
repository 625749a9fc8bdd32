"""Passwords: hashing with argon2id, and which ones are refused."""

from __future__ import annotations

import re
import secrets
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from victim_gateway.errors import InvalidInput

SHORTEST = 12
LONGEST = 500
SERVICE_NAME = "victim gateway"
# Letters and figures that nobody takes for another when they are read out.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # pragma: allowlist secret
_COMMON = Path(__file__).parent / "data" / "common-passwords.txt"
_DRESSED_UP = str.maketrans("013457@$!", "oleastasi")
_LEAST_OWN_LETTERS = 6
_LEAST_DIFFERENT = 5

_hasher = PasswordHasher()
# Of a password nobody knows, with the parameters above: what is checked where there is no account.
NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$1MML9zRab54gYp1ezOfYBw$QgsXQmcKOHXesGQRiqK7PQ9NWXVMwXpWq+FF9flv7Vk"
)


def hash_password(password: str) -> str:
    """The argon2id hash of the whole password, unchanged."""
    return _hasher.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether it is the password. Without a usable hash: no, after the same work and time."""
    try:
        return _hasher.verify(password_hash or NOBODYS_HASH, password)
    except InvalidHashError:
        return verify_password(None, password)
    except VerificationError:
        return False


def is_hash_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than those of today."""
    return _hasher.check_needs_rehash(password_hash)


def generate_temporary_password() -> str:
    """A starting password that can be read out: four groups of five, about 99 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(5)) for _ in range(4))


def check_password(password: str, *names: str, field: str = "password") -> None:
    """Refuse a password that is short, common or the name of the service, of the account or of its owner.

    `names` are those words. Raises InvalidInput that names `field` and says what to choose instead.
    """
    problem = _problem(password, names)
    if problem:
        raise InvalidInput(problem, fields={field: problem})


def _problem(password: str, names: tuple[str, ...]) -> str | None:
    if len(password) < SHORTEST:
        return f"Choose a password of {SHORTEST} or more characters"
    if len(password) > LONGEST:
        return f"Choose a password of {LONGEST} or fewer characters"
    if _is_common(password):
        return "Many people use this password. Choose another: three words with nothing in common are good"
    if _is_mostly_names(password, names):
        return "This password is mostly the name of the service or the account. Choose something else"
    return None


def _is_common(password: str) -> bool:
    folded = password.casefold()
    if folded in _common() or len(set(folded)) < _LEAST_DIFFERENT:
        return True
    bare = re.sub(r"^[^a-z]+|[^a-z]+$", "", folded)
    for word in (bare, bare.translate(_DRESSED_UP)):
        if word in _common() or _is_repeated_word(word):
            return True
    return False


def _is_repeated_word(letters: str) -> bool:
    return any(
        letters == letters[:length] * (len(letters) // length) and letters[:length] in _common()
        for length in range(4, len(letters) // 2 + 1)
        if len(letters) % length == 0
    )


def _is_mostly_names(password: str, names: tuple[str, ...]) -> bool:
    left = _letters(password)
    words = {
        _letters(word) for name in (SERVICE_NAME, *names) for word in (name, *re.split(r"[\s@._-]+", name))
    }
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= 4:
            left = left.replace(word, "")
    return left != _letters(password) and len(left) < _LEAST_OWN_LETTERS


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalpha())


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text(encoding="utf-8").split("\n")) - {""}
