"""Parts of names and numbers: what a slip, a beginning or an end still has in common with the whole."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from victim_gateway.crypto import BlindIndex
from victim_gateway.name_folding import fold_name, name_tokens_of
from victim_gateway.queries.people.lookups import name_groups
from victim_gateway.queries.people.name_ranking import NameFit, compare_names
from victim_gateway.queries.people.search_text import read_search_text, split_typed_name
from victim_gateway.search_parts import (
    beginning_trigrams,
    name_trigrams,
    person_numbers,
    phone_tail,
    reference_parts,
    slip_numbers,
    typed_reference_parts,
)

INDEX = BlindIndex(b"k" * 32)
# "ste" is stored and searched as "st": the parts of what was typed are no parts of it.
NAMES = st.text(string.ascii_lowercase, min_size=3, max_size=12).filter(lambda name: fold_name(name) == name)


def slips_of(name: str, place: int, letter: str) -> list[str]:
    swapped = name[:place] + name[place + 1 : place + 2] + name[place] + name[place + 2 :]
    return [
        name[:place] + name[place + 1 :],
        name[: place + 1] + name[place:],
        swapped,
        name[:place] + letter + name[place + 1 :],
    ]


@given(NAMES, NAMES, st.data())
def test_of_a_name_with_one_slip_some_group_of_parts_is_whole(
    first: str, second: str, data: st.DataObject
) -> None:
    """Both names are typed, the slip is in the second; letters enough that it can't spoil every trigram."""
    assume(len(first) + len(second) >= 11)
    stored = set(person_numbers(INDEX, {"given_name": first, "family_name": second})[1])
    place = data.draw(st.integers(0, len(second) - 1))
    for typed in slips_of(second, place, data.draw(st.sampled_from(string.ascii_lowercase))):
        # a trigram that occurs twice is dealt out once, which leaves fewer groups
        assume(len(name_trigrams(INDEX, [first, typed])) == len(first) + len(typed) >= 10)
        assert any(stored.issuperset(group) for group in name_groups(INDEX, [first, typed]))


@given(
    st.text(string.ascii_lowercase, min_size=3, max_size=4),
    st.text(string.ascii_lowercase, min_size=4, max_size=4),
    st.data(),
)
def test_of_a_short_name_with_one_slip_some_group_of_parts_is_whole(
    first: str, second: str, data: st.DataObject
) -> None:
    stored = set(person_numbers(INDEX, {"given_name": first, "family_name": second})[1])
    place = data.draw(st.integers(0, len(second) - 1))
    for typed in slips_of(second, place, data.draw(st.sampled_from(string.ascii_lowercase))):
        assert any(stored.issuperset(group) for group in name_groups(INDEX, [first, typed]))


@given(st.text(string.ascii_lowercase, min_size=4, max_size=5), st.data())
def test_a_short_name_with_one_slip_shares_a_shorter_form(name: str, data: st.DataObject) -> None:
    stored = set(person_numbers(INDEX, {"family_name": name})[1])
    place = data.draw(st.integers(0, len(name) - 1))
    for typed in slips_of(name, place, data.draw(st.sampled_from(string.ascii_lowercase))):
        assert stored & set(slip_numbers(INDEX, typed))


@given(NAMES, st.data())
def test_a_name_has_the_parts_of_each_of_its_beginnings(name: str, data: st.DataObject) -> None:
    beginning = name[: data.draw(st.integers(2, len(name)))]
    parts = beginning_trigrams(INDEX, beginning)
    assert parts
    assert set(person_numbers(INDEX, {"given_name": name})[1]).issuperset(parts)


@pytest.mark.parametrize("name", ["Ste", "Sainte", "Saint"])
def test_saint_has_the_parts_of_st_however_it_is_written(name: str) -> None:
    parts = [part for token in name_tokens_of(name) for part in beginning_trigrams(INDEX, token)]
    assert parts == beginning_trigrams(INDEX, "st")
    assert set(person_numbers(INDEX, {"given_name": name})[1]).issuperset(parts)


def test_every_number_through_which_a_person_is_reached_is_found_by_its_end() -> None:
    document = {"phone": "01782 123456", "phone_2": "+447700900123", "safe_number": "07700 900777"}
    parts = person_numbers(INDEX, document)[1]
    for end in ("3456", "123456", "0123", "900123", "0777", "900777"):
        assert phone_tail(INDEX, end, len(end)) in parts


@pytest.mark.parametrize("typed", ["000123", "21/0001", "123/26", "2100012326"])
def test_a_reference_has_the_parts_of_its_parts(typed: str) -> None:
    assert set(reference_parts(INDEX, "SP-2026-1", "21/000123/26")).issuperset(
        typed_reference_parts(INDEX, typed)
    )


def test_three_letters_of_a_reference_are_too_few_to_look_for() -> None:
    assert typed_reference_parts(INDEX, "123") == []


@pytest.mark.parametrize(
    ("typed", "fit"),
    [
        ("kowalska anna", NameFit.WHOLE),
        ("annamaria", NameFit.WHOLE),
        ("kow ann", NameFit.BEGINNING),
        ("kowlaska", NameFit.SIMILAR),
        ("ana kovalska", NameFit.SIMILAR),
        ("brown", NameFit.NONE),
        ("peter kowalska", NameFit.NONE),
    ],
)
def test_a_name_fits_whole_by_its_beginning_nearly_or_not(typed: str, fit: NameFit) -> None:
    document = {"given_name": "Anna Maria", "family_name": "Kowalska"}
    assert compare_names(typed.split(), document).fit is fit


def test_the_nearer_of_two_names_scores_higher() -> None:
    near = compare_names(["smiht"], {"family_name": "Smith"})
    far = compare_names(["smiht"], {"family_name": "Schmitt"})
    assert near.score > far.score


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anna Kowalska 12 March 1988", {"name": "Anna Kowalska", "born": "1988-03-12"}),
        ("1988-03-12", {"name": "", "born": "1988-03-12"}),
        ("Kowalska st16 1aa", {"name": "Kowalska", "postcode": "ST16 1AA"}),
        ("anna@Example.org", {"name": "", "email": "anna@example.org"}),
        ("Anna 07700 900123", {"name": "Anna", "phone": "07700 900123", "digits": None}),
        ("4567", {"name": "", "digits": "4567", "number": "4567"}),
        ("SG-26-4217", {"name": "", "reference": "SG-26-004217"}),
        ("21/000123/26", {"name": "", "number": "2100012326"}),
        ("31/02/1988", {"born": None}),
    ],
)
def test_what_was_typed_is_taken_apart(text: str, expected: dict[str, str | None]) -> None:
    read = read_search_text(text)
    for name, value in expected.items():
        found = getattr(read, name)
        assert (found.isoformat() if name == "born" and found else found) == value


@pytest.mark.parametrize(
    ("typed", "given_name", "family_name"),
    [
        ("Anna Kowalska", "Anna", "Kowalska"),
        ("Kowalska, Anna", "Anna", "Kowalska"),
        ("Kowalska", "", "Kowalska"),
        ("Mrs Anna Maria Kowalska", "Anna Maria", "Kowalska"),
        ("Piet van der Linde", "Piet", "van der Linde"),
        ("Shane St John", "Shane", "St John"),
        ("", "", ""),
    ],
)
def test_a_typed_name_is_split_for_the_form(typed: str, given_name: str, family_name: str) -> None:
    assert split_typed_name(typed) == (given_name, family_name)
