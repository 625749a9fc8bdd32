"""Sealing of personal data: a keyring, one key per person or handover, and keyed hashes for search."""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from victim_gateway.json_encoding import encode_json
from victim_gateway.name_folding import fold_letters

NONCE_BYTES = 12
KEY_BYTES = 32
HASH_BYTES = 16
_NO_LETTER = re.compile(r"[\W_]+")


class SealBroken(Exception):
    """A sealed value was changed, moved to another row, or its key is gone."""


@dataclass(frozen=True)
class Keyring:
    """The master keys, kept apart from the database: the first wraps new keys, the others still unwrap old ones."""

    keys: tuple[tuple[str, bytes], ...]

    @property
    def current_id(self) -> str:
        return self.keys[0][0]

    def master_key(self, key_id: str) -> bytes:
        """The master key of that id. Raises SealBroken when the keyring does not hold it."""
        for known_id, key in self.keys:
            if known_id == key_id:
                return key
        raise SealBroken(f"the keyring has no key {key_id}")

    def wrap_key(self, data_key: bytes, bound_to: str) -> tuple[str, bytes]:
        """Wrap a data key under the current master key; `bound_to` names the row it belongs to."""
        return self.current_id, encrypt_bytes(self.keys[0][1], data_key, bound_to)

    def unwrap_key(self, key_id: str, wrapped: bytes, bound_to: str) -> bytes:
        return decrypt_bytes(self.master_key(key_id), wrapped, bound_to)

    def derive_key(self, key_id: str, purpose: str) -> bytes:
        """Derive a key for another purpose than wrapping, such as the audit chain."""
        return hmac.digest(self.master_key(key_id), purpose.encode(), "sha256")


def new_data_key() -> bytes:
    return os.urandom(KEY_BYTES)


def seal_document(key: bytes, document: Any, bound_to: str) -> bytes:
    """Encrypt a JSON document; it opens only under this key and for the row that `bound_to` names."""
    return encrypt_bytes(key, encode_json(document), bound_to)


def unseal_document(key: bytes, sealed: bytes, bound_to: str) -> Any:
    """Decrypt a JSON document. Raises SealBroken when it was changed or moved to another row."""
    return json.loads(decrypt_bytes(key, sealed, bound_to))


def encrypt_bytes(key: bytes, plain: bytes, bound_to: str) -> bytes:
    """Encrypt with AES-GCM, the nonce in front; the result decrypts only with the same `bound_to`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, plain, bound_to.encode())


def decrypt_bytes(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    """Decrypt the output of `encrypt_bytes`. Raises SealBroken for another value, key or `bound_to`."""
    try:
        return _cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
    except InvalidTag as error:
        raise SealBroken("the value does not open") from error


# Making a cipher takes longer than using it, and a person's four documents are sealed one after the other.
@lru_cache(maxsize=16)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def fold_text(text: str) -> str:
    """One spelling of a text for comparison: case, accents, apostrophes and spacing do not count."""
    text = fold_letters(text)
    return text if text.isalnum() else _NO_LETTER.sub("", text)


@dataclass(frozen=True)
class BlindIndex:
    """Keyed hashes by which an exact value can be searched without storing it.

    `kind` keeps equal values of different fields apart.
    """

    key: bytes

    def hash_value(self, kind: str, value: str) -> bytes:
        return _keyed_hash(self.key, f"{kind}\x1f{value}".encode())

    def hash_bytes(self, kind: str, value: bytes) -> bytes:
        """`hash_value` of a value that is encoded already."""
        return _keyed_hash(self.key, b"%b\x1f%b" % (kind.encode(), value))

    def hash_repeated(self, kind: str, value: str) -> bytes:
        """`hash_value` for values that many rows share, remembered by this process."""
        return _hash_repeated(self.key, kind, value)

    def hash_number(self, kind: str, value: str) -> int:
        """A signed 32-bit keyed hash, for arrays of many small parts; two values may share one."""
        part = _keyed_part(self.key).copy()
        part.update(f"{kind}\x1f{value}".encode())
        return int.from_bytes(part.digest(), "big", signed=True)

    def token_numbers(self, tokens: Iterable[str]) -> list[int]:
        """Signed 32-bit hashes of folded words of names, sorted."""
        digests = (self.hash_value("name_token", token) for token in tokens)
        return sorted(int.from_bytes(digest[:4], "big", signed=True) for digest in digests)


def _keyed_hash(key: bytes, value: bytes) -> bytes:
    keyed = _keyed_hmac(key).copy()
    keyed.update(value)
    return keyed.digest()[:HASH_BYTES]


# Hashes that have taken in the key: a copy takes half the time of beginning anew. Of a handful of keys there are.
@lru_cache(maxsize=4)
def _keyed_hmac(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


@lru_cache(maxsize=4)
def _keyed_part(key: bytes) -> blake2b:
    # `person` keeps these apart from everything else that is hashed under the key.
    return blake2b(digest_size=4, key=key, person=b"search-part")


@lru_cache(maxsize=16_384)
def _hash_repeated(key: bytes, kind: str, value: str) -> bytes:
    return BlindIndex(key).hash_value(kind, value)
