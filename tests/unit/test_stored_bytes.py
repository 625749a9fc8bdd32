"""The bytes that are hashed, sealed and copied: the same from one release to the next."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.feeds.content import content_key
from victim_gateway.json_encoding import encode_json
from victim_gateway.row_ids import new_row_id
from victim_gateway.vocabulary import Role

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_json_is_written_as_the_standard_library_writes_it(document: object) -> None:
    assert encode_json(document) == json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def test_members_of_enumerations_are_written_by_value() -> None:
    assert encode_json({"role": Role.CASEWORKER, Role.ADMIN: 1}) == b'{"role":"caseworker","admin":1}'


def test_what_json_can_not_hold_is_refused() -> None:
    with pytest.raises(TypeError):
        encode_json({"key": b"bytes"})


def test_the_content_of_a_row_is_hashed_from_the_bytes_it_always_was() -> None:
    row = {"town": " Leek\t", "alias": 'O"Brien \x7f\u2028n', "note": ""}
    assert content_key(row) == '[["alias","O\\"Brien \x7f\u2028n"],["town","Leek"]]'.encode()
    assert content_key(row, {"note", "town"}) == b'[["note",""],["town","Leek"]]'


def test_a_key_made_later_is_greater() -> None:
    keys = [new_row_id() for _ in range(2000)]
    assert keys == sorted(keys)
    assert len(set(keys)) == 2000
    assert {key.version for key in keys} == {7}
