"""Which addresses of an e-mail a page offers as links: those of this service, whatever they look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victim_gateway.rules.own_links import TextPart, split_at_own_links

OWN = "http://127.0.0.1:8000"


def links(text: str, public_url: str = OWN) -> list[str]:
    return [part.path for part in split_at_own_links(text, public_url) if part.path]


def test_an_own_address_is_a_link_and_what_is_around_it_stays() -> None:
    assert split_at_own_links(f"Sign in:\n{OWN}/inbox?a=1#top.\n", OWN) == [
        TextPart("Sign in:\n"),
        TextPart(f"{OWN}/inbox?a=1#top", "/inbox?a=1#top"),
        TextPart(".\n"),
    ]


def test_several_are_links_each_on_whatever_host_the_reader_uses() -> None:
    text = "https://gateway.example/a https://gateway.example"
    assert links(text, "https://gateway.example") == ["/a", "/"]


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8000.evil.example/inbox",
        "http://127.0.0.1:8000@evil.example/inbox",
        "http://evil.example/http://127.0.0.1:8000/inbox",
        "http://127.0.0.1:8001/inbox",
        "https://127.0.0.1:8000/inbox",
        "http://127.0.0.1:8000//evil.example",
        "http://127.0.0.1:8000/\\evil.example",
        "http://127.0.0.1:8000\\evil.example",
        "http://user@127.0.0.1:8000/inbox",
        "http://[::1/inbox",
        "javascript:alert(1)",
    ],
)
def test_any_other_address_stays_plain_text(address: str) -> None:
    assert links(f"See {address} now") == []


@given(st.lists(st.sampled_from([OWN, "/", "\\", "//", "x", " ", "@evil.example", ":", "\n", "?", "#", "."])))
def test_nothing_is_lost_and_no_link_leads_out(fragments: list[str]) -> None:
    text = "".join(fragments)
    parts = split_at_own_links(text, OWN)
    assert "".join(part.text for part in parts) == text
    for part in parts:
        if part.path is not None:
            assert part.path.startswith("/") and not part.path.startswith(("//", "/\\"))
