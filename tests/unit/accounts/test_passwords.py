"""Which passwords are refused, and what is said then; which are taken, and that they are taken whole."""

from __future__ import annotations

import string
import threading
from dataclasses import replace

import pytest

from config.password_hashing import FULL_HASHING, TEST_HASHING, PasswordHashing
from victim_gateway.errors import InvalidInput
from victim_gateway.services.accounts import passwords

OWN = ("asha.begum@test.example", "Asha Begum", "Staffordshire Victim Gateway")


def refusal(password: str, *names: str) -> str:
    """What is said of a password that is refused."""
    with pytest.raises(InvalidInput) as refused:
        passwords.check_password(password, *(names or OWN), field="new")
    assert refused.value.fields is not None
    return refused.value.fields["new"]


@pytest.mark.parametrize(
    "password",
    ["passwordpassword", "Password12345", "qwertyuiop12", "123456789123", "correcthorsebatterystaple"],
)
def test_breached_passwords_are_refused(password: str) -> None:
    assert refusal(password).startswith("Many people use this password. Choose another")
    assert refusal(password.upper()).startswith("Many people use this password. Choose another")


@pytest.mark.parametrize(
    "password", ["letmein!letmein!", "abcdefghijklmnop!", "a" * 500, "x9$" * 21 + "Tk", "Liverpool1992!"]
)
def test_passwords_that_are_easily_guessed_are_refused(password: str) -> None:
    assert refusal(password).startswith("This password is easily guessed. Choose another")


@pytest.mark.parametrize(
    "password",
    [
        "Victim Gateway 2026!",
        "staffordshire-gateway",
        "asha.begum-1990",
        "ASHA begum asha begum",
        "Asha!+!Begum/;/1990",
        "asha@test.example",
    ],
)
def test_names_of_the_owner_and_of_the_service_do_not_make_a_password(password: str) -> None:
    assert refusal(password).startswith("Without the name of the service or the account")


def test_a_name_counts_in_whatever_form_its_letters_are_written() -> None:
    decomposed, composed = "The\u0301re\u0300se Ngo\u0323c-Ha\u0302n", "THÉRÈSE/NGỌC"
    assert refusal(f"{composed} 1990", decomposed).startswith("Without the name")


def test_a_name_is_no_hindrance_beside_words_that_are_strong_alone() -> None:
    passwords.check_password("asha likes green tea and lamps", *OWN)


@pytest.mark.parametrize(
    "password",
    [
        "three quiet green lamps",
        "Ünïcödé päßwörter 東京",
        " leading and trailing ",
        "x9$Qm" + string.ascii_letters + string.digits + "Tk",
        "839201748302",
    ],
)
def test_other_passwords_are_taken_whole_and_unchanged(password: str) -> None:
    passwords.check_password(password, *OWN)
    for hashing in (FULL_HASHING, TEST_HASHING):
        made = passwords.hash_password(password, hashing)
        assert passwords.verify_password(made, password, hashing)
        assert not passwords.verify_password(made, password.strip() + "x", hashing)
        assert not passwords.verify_password(made, password[:-1], hashing)


def test_length_has_two_ends() -> None:
    assert refusal("xk3-mz9-qt4") == "Choose a password of 12 or more characters"
    assert refusal("three quiet green lamps " * 21) == "Choose a password of 500 or fewer characters"


def test_starting_passwords_would_be_taken_as_passwords() -> None:
    for _ in range(20):
        passwords.check_password(passwords.generate_temporary_password(), *OWN)


def test_names_of_one_account_never_count_for_another_at_the_same_time() -> None:
    """zxcvbn keeps the words of a call for the whole process."""
    mixed_up: list[str] = []

    def check(name: str, password: str) -> None:
        for _ in range(30):
            try:
                passwords.check_password(password, name)
            except InvalidInput:
                mixed_up.append(name)

    threads = [
        threading.Thread(target=check, args=("Zebra Quartz", "violet mellow")),
        threading.Thread(target=check, args=("Violet Mellow", "zebra quartz")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not mixed_up


@pytest.mark.parametrize("hashing", [FULL_HASHING, TEST_HASHING], ids=["full", "test"])
def test_what_is_checked_without_an_account_costs_what_an_account_costs(hashing: PasswordHashing) -> None:
    assert not passwords.is_hash_outdated(hashing.dummy_hash, hashing)
    assert not passwords.verify_password(None, "anything", hashing)
    assert not passwords.verify_password("not a hash", "anything", hashing)


def test_an_accounts_hash_costs_64_megabytes_and_three_passes() -> None:
    made = passwords.hash_password("three quiet green lamps", FULL_HASHING)
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.is_hash_outdated(
        passwords.hash_password("three quiet green lamps", TEST_HASHING), FULL_HASHING
    )


def test_a_hash_is_never_made_again_with_less_work() -> None:
    full = passwords.hash_password("three quiet green lamps", FULL_HASHING)
    assert not passwords.is_hash_outdated(full, TEST_HASHING)
    assert not passwords.is_hash_outdated(full, replace(FULL_HASHING, passes=1))
    assert passwords.is_hash_outdated(full, replace(FULL_HASHING, passes=4))
