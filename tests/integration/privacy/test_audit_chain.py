"""The chain of the audit: whole under load, and broken nowhere that is not seen."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.audit_chain import ChainState, Checkpoint, verify_chain
from victim_gateway.crypto import Keyring
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_keyring
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.privacy import audit_log
from workers.privacy import verify_audit

WRITER = Actor.worker("writer")


def write(count: int, actor: Actor = WRITER) -> None:
    for number in range(count):
        with transaction(actor) as session:
            record_audit(session, "test.written", number=number)


def checked(checkpoint: Checkpoint | None = None) -> ChainState:
    return verify_chain(audit_log.read_audit_chain(actor=WRITER), current_keyring(), checkpoint=checkpoint)


def tamper(owner: Owner, statement: str) -> None:
    with owner() as session:
        session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only"))
        session.execute(text(statement))


def test_an_untouched_chain_is_whole(committed_app: Flask) -> None:
    write(5)
    state = checked()
    assert state.is_whole and state.entries == 5


def test_an_empty_audit_is_whole(committed_app: Flask) -> None:
    assert checked().is_whole


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE audit_entry SET entry = replace(entry, 'written', 'hidden!') WHERE sequence = 3",
            "text",
        ),
        ("UPDATE audit_entry SET action = 'other' WHERE sequence = 3", "action was changed"),
        ("UPDATE audit_entry SET actor_id = gen_random_uuid() WHERE sequence = 3", "actor was changed"),
        ("UPDATE audit_entry SET person_id = gen_random_uuid() WHERE sequence = 3", "person was changed"),
        ("UPDATE audit_entry SET at = at + interval '1 hour' WHERE sequence = 3", "time was changed"),
        ("UPDATE audit_entry SET hash = sha256('x') WHERE sequence = 3", "text was changed"),
        ("UPDATE audit_entry SET key_id = 'other' WHERE sequence = 3", "not in GATEWAY_DATA_KEYS"),
        ("DELETE FROM audit_entry WHERE sequence = 3", "entry 3 is missing"),
    ],
)
def test_a_tampered_entry_is_named(
    committed_app: Flask, committed_owner: Owner, statement: str, problem: str
) -> None:
    write(5)
    tamper(committed_owner, statement)
    state = checked()
    assert state.broken_at == 3 and problem in str(state.problem)


def test_a_forged_entry_at_the_end_is_named(committed_app: Flask, committed_owner: Owner) -> None:
    write(3)
    tamper(
        committed_owner,
        "INSERT INTO audit_entry SELECT 4, at, actor_id, action, subject_type, subject_id, person_id,"
        " entry, key_id, hash, sha256('forged') FROM audit_entry WHERE sequence = 3",
    )
    assert checked().broken_at == 4


def test_a_tail_that_was_cut_off_is_seen_by_the_checkpoint(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write(5)
    whole = checked()
    checkpoint = Checkpoint.sign_chain_end(whole.last_sequence, whole.last_hash, current_keyring())
    tamper(committed_owner, "DELETE FROM audit_entry WHERE sequence > 3")
    assert checked().is_whole
    state = checked(checkpoint)
    assert state.broken_at == 4 and "cut off" in str(state.problem)


def test_entries_written_after_a_cut_do_not_hide_it(committed_app: Flask, committed_owner: Owner) -> None:
    write(5)
    whole = checked()
    checkpoint = Checkpoint.sign_chain_end(whole.last_sequence, whole.last_hash, current_keyring())
    tamper(committed_owner, "DELETE FROM audit_entry WHERE sequence > 3")
    write(4)
    state = checked(checkpoint)
    assert state.broken_at == 5 and "written anew" in str(state.problem)


def test_a_checkpoint_that_we_did_not_sign_is_refused(committed_app: Flask) -> None:
    write(2)
    whole = checked()
    strangers = Keyring((("dev", b"x" * 32),))
    forged = Checkpoint.sign_chain_end(whole.last_sequence, whole.last_hash, strangers)
    assert not checked(forged).is_whole


def test_a_checkpoint_comes_back_from_its_file_as_it_was(committed_app: Flask, tmp_path: Path) -> None:
    checkpoint = Checkpoint.sign_chain_end(7, b"\x01" * 32, current_keyring())
    assert Checkpoint.from_json(checkpoint.to_json()) == checkpoint
    for nonsense in ("", "{}", "[1]", '{"sequence": 1, "hash": "zz", "key_id": "dev", "signature": ""}'):
        with pytest.raises(ValueError, match="not a checkpoint"):
            Checkpoint.from_json(nonsense)


def test_the_program_cannot_change_what_it_wrote(committed_app: Flask) -> None:
    write(1)
    for statement in (
        "UPDATE audit_entry SET action = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
    ):
        with pytest.raises(Exception, match="permission denied|append-only"), transaction(WRITER) as session:
            session.execute(text(statement))


def test_eight_writers_at_once_keep_one_chain(committed_app: Flask) -> None:
    def run(number: int) -> None:
        with committed_app.app_context():
            write(15, Actor.worker(f"writer {number}"))

    writers = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    state = checked()
    assert state.is_whole and state.entries == 120


def test_a_part_of_the_chain_can_be_checked_alone(committed_app: Flask, committed_owner: Owner) -> None:
    write(6)
    actor = Actor.worker("tests")
    assert audit_log.verify_newest_entries(3, actor=actor, keyring=current_keyring()).entries == 3
    tamper(committed_owner, "UPDATE audit_entry SET action = 'other' WHERE sequence = 6")
    assert audit_log.verify_newest_entries(3, actor=actor, keyring=current_keyring()).broken_at == 6


def test_a_retired_key_still_verifies_what_it_sealed(committed_app: Flask) -> None:
    write(2)
    usual = committed_app.extensions["keyring"]
    committed_app.extensions["keyring"] = Keyring((("next", b"n" * 32), *usual.keys))
    write(2)
    assert checked().is_whole


def test_the_nightly_check_raises_an_alarm_when_the_chain_is_broken(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write(5)
    with capture_logs() as before:
        verify_audit()
    tamper(committed_owner, "UPDATE audit_entry SET action = 'other' WHERE sequence = 3")
    with capture_logs() as after:
        verify_audit()

    assert [(entry["event"], entry["log_level"]) for entry in before] == [("audit.whole", "info")]
    assert [(entry["event"], entry["log_level"], entry["broken_at"]) for entry in after] == [
        ("audit.broken", "error", 3)
    ]
