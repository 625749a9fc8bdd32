"""One spelling of a name for search, stored hashes and matching."""

from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.name_folding import (
    compact_name,
    fold_name,
    indexed_tokens_of,
    joined_tokens_of,
    name_tokens_of,
    token_readings,
)

INDEX = BlindIndex(b"k" * 32)
ANY_TEXT = st.text(max_size=40)
# Letters of the languages that people here have names in, marks and apostrophes among them.
LETTERS = string.ascii_letters + "łŁøØđĐðæÆœßþÞħıİŋéèüñçąśżőșťŷ'’-ʼ ."
NAMES = st.text(LETTERS, min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("written", "tokens"),
    [
        ("Łukasz Wójcik", ["lukasz", "wojcik"]),
        ("Søren Ørsted", ["soren", "orsted"]),
        ("Đorđe", ["dorde"]),
        ("Þórður Guðmundsson", ["thordur", "gudmundsson"]),
        ("Ægir Œuvre", ["aegir", "oeuvre"]),
        ("Weiß", ["weiss"]),
        ("STRAẞE", ["strasse"]),
        ("Işık İbrahim", ["isik", "ibrahim"]),
        ("Ħamrun Aŋa", ["hamrun", "anga"]),
        ("Zbigniew Żółć", ["zbigniew", "zolc"]),
        ("Llŷr ap Gwynfor", ["llyr", "ap", "gwynfor"]),
        ("محمد الحسن", ["محمد", "الحسن"]),
        ("Smith,   John", ["smith", "john"]),
        ("Mr. John Smith", ["john", "smith"]),
        ("Miss", ["miss"]),
        ("Saint-Clair", ["st", "clair"]),
        ("St.John", ["st", "john"]),
        ("Zoë's", ["zoes"]),
        ("-", []),
        ("🙂", []),
    ],
)
def test_a_name_folds_to_the_words_that_somebody_would_type(written: str, tokens: list[str]) -> None:
    assert name_tokens_of(written) == tokens


@pytest.mark.parametrize(
    "written",
    ["O'Brien", "O’Brien", "O‘Brien", "OʼBrien", "O`Brien", "O´Brien", "OBRIEN", "O Brien"],
)
def test_every_apostrophe_and_none_make_one_name(written: str) -> None:
    assert compact_name(written) == fold_text(written) == "obrien"
    assert "obrien" in indexed_tokens_of(written)


def test_mac_and_mc_stay_two_names() -> None:
    assert name_tokens_of("MacKay") != name_tokens_of("McKay")
    assert compact_name("Mc Donald") == compact_name("McDonald")


@given(ANY_TEXT)
def test_folding_a_folded_name_changes_nothing(text: str) -> None:
    assert fold_name(fold_name(text)) == fold_name(text)
    assert fold_text(fold_text(text)) == fold_text(text)


@given(NAMES)
def test_case_does_not_count(name: str) -> None:
    assert fold_name(name.upper()) == fold_name(name.lower()) == fold_name(name)


@given(NAMES)
def test_how_accents_are_encoded_does_not_count(name: str) -> None:
    decomposed = unicodedata.normalize("NFD", name)
    assert fold_name(decomposed) == fold_name(unicodedata.normalize("NFC", name)) == fold_name(name)


@given(st.text(string.ascii_letters, min_size=1, max_size=12), st.sampled_from("\u0301\u0308\u0327\u030c"))
def test_an_accent_on_a_letter_does_not_count(name: str, accent: str) -> None:
    assert fold_name("".join(letter + accent for letter in name)) == fold_name(name)


@given(st.lists(st.text(string.ascii_lowercase, min_size=5, max_size=9), min_size=1, max_size=4))
def test_the_stored_words_do_not_depend_on_the_order_of_the_fields(names: list[str]) -> None:
    shuffled = sorted(names, reverse=True)
    assert indexed_tokens_of(*names) == indexed_tokens_of(*shuffled)


@given(st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=6), min_size=1, max_size=4))
def test_a_name_written_together_or_apart_is_found_either_way(tokens: list[str]) -> None:
    apart, together, hyphened = " ".join(tokens), "".join(tokens), "-".join(tokens)
    for stored in (apart, together, hyphened):
        for typed in (apart, together, hyphened):
            readings = token_readings(name_tokens_of(typed))
            assert any(indexed_tokens_of(stored).issuperset(reading) for reading in readings)


def test_neighbouring_words_are_joined() -> None:
    assert joined_tokens_of(["van", "der", "linde"]) == ["vander", "derlinde", "vanderlinde"]
    assert joined_tokens_of(["smith"]) == []


def test_the_numbers_of_words_are_keyed_and_fit_the_column() -> None:
    numbers = INDEX.token_numbers({"lukasz", "wojcik"})
    assert numbers == sorted(numbers) != BlindIndex(b"j" * 32).token_numbers({"lukasz", "wojcik"})
    assert all(-(2**31) <= number < 2**31 for number in numbers)
