"""Drafts: their author's alone, sealed, never overwritten unseen, gone with the save for good and after 90 days."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound
from victim_gateway.models import AuditEntry, Draft, Person, Referral, WrappedKey
from victim_gateway.queries.referrals.drafts import open_draft, own_drafts
from victim_gateway.rules.drafts import MOST_DRAFTS, DraftPlace, kept_answers
from victim_gateway.services.referrals import status
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.drafts import DraftPage, KeptDraft, delete_draft, keep_draft, purge_drafts
from victim_gateway.vocabulary import CloseOutcome, DraftKind, ReferralState, Role

NOW = make.MONDAY + timedelta(hours=5)
TYPED = (("given_name", "Wilhelmina"), ("safe_channels", "phone"), ("safe_channels", "sms"))
NEW_PERSON = DraftPlace(DraftKind.REFERRAL)


def page(draft_id: UUID | None = None, revision: int = 1, page_id: UUID | None = None) -> DraftPage:
    return DraftPage(draft_id or uuid4(), revision, page_id or uuid4())


def keep(actor: Actor, place: DraftPlace = NEW_PERSON, **overrides: Any) -> KeptDraft:
    said: dict[str, Any] = {"page": page(), "answers": TYPED, "at": NOW} | overrides
    kept = keep_draft(actor, said["page"], place, said["answers"], at=said["at"])
    assert kept is not None
    return kept


def typed_in(actor: Actor, draft_id: UUID, place: DraftPlace = NEW_PERSON) -> dict[str, str]:
    with transaction(actor) as session:
        return dict(open_draft(session, actor, draft_id, place).answers)


def standing(actor: Actor) -> list[str | None]:
    with transaction(actor) as session:
        return [line.standing.describe() for line in own_drafts(session, actor)]


def actions_of(owner: Owner) -> list[str]:
    with owner() as session:
        entries = session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence))
        return [action for action in entries if action.startswith("draft")]


def test_a_draft_is_its_authors_alone_in_every_role_and_below_the_program(
    caseworker: Actor, make_actor: MakeActor, senior: Actor, owner: Owner, app: Flask
) -> None:
    referral_id = make.assigned(caseworker)
    about = DraftPlace(DraftKind.CLOSING, referral_id)
    mine, bound = keep(caseworker), keep(caseworker, about)
    for other in (senior, make_actor(Role.CASEWORKER)):
        with transaction(other) as session:
            assert own_drafts(session, other) == ()
            assert session.execute(text("SELECT count(*) FROM draft")).scalar() == 0
            keys = text("SELECT count(*) FROM wrapped_key WHERE purpose = 'draft'")
            assert session.execute(keys).scalar() == 0
            changed = session.execute(text("UPDATE draft SET revision = 9 RETURNING id")).all()
            deleted = session.execute(text("DELETE FROM draft RETURNING id")).all()
            assert changed == deleted == []
        with transaction(other) as session, pytest.raises(NotFound):
            open_draft(session, other, mine.draft_id, NEW_PERSON)
        with pytest.raises(NotFound):
            delete_draft(other, mine.draft_id, at=NOW)
        # Its name in another's hands begins another draft, and tells of nothing.
        assert keep(other, page=page(mine.draft_id)).draft_id != mine.draft_id
        with pytest.raises(ProgrammingError, match="row-level security"), transaction(other) as session:
            session.execute(update(Draft).values(author_id=caseworker.user_id))
    for role in (Role.MANAGER, Role.ADMIN, Role.AUDITOR, Role.PROVIDER):
        with pytest.raises(ProgrammingError, match="denied"), transaction(make_actor(role)) as session:
            session.execute(text("SELECT id FROM draft"))
    with pytest.raises(ProgrammingError, match="denied"), transaction(Actor.worker("tests")) as session:
        session.execute(text("SELECT sealed FROM draft"))
    assert typed_in(caseworker, mine.draft_id)["given_name"] == "Wilhelmina"
    assert typed_in(caseworker, bound.draft_id, about)["given_name"] == "Wilhelmina"
    with owner() as session:
        assert all(b"Wilhelmina" not in sealed for sealed in session.scalars(select(Draft.sealed)))
    # Keeping is not audited; opening is, with the person where they are known.
    assert actions_of(owner) == ["draft.resumed", "draft.resumed"]


def test_two_pages_never_overwrite_what_the_other_has_not_seen(caseworker: Actor, app: Flask) -> None:
    first, second = uuid4(), uuid4()
    draft_id = keep(caseworker, page=page(page_id=first)).draft_id

    # The page that wrote last writes on; an older writing of its own does not overtake it.
    keep(caseworker, page=page(draft_id, 2, first), answers=(("town", "Stafford"),))
    late = keep(caseworker, page=page(draft_id, 1, first), answers=(("town", "St"),))
    assert (late.draft_id, late.revision) == (draft_id, 2)
    assert typed_in(caseworker, draft_id) == {"town": "Stafford"}

    # A page that was opened with the last writing goes on with it; the first page then gets a draft of its own.
    assert keep(caseworker, page=page(draft_id, 3, second), answers=(("town", "Stone"),)).draft_id == draft_id
    apart = keep(caseworker, page=page(draft_id, 3, first), answers=(("town", "Stafford, Mill Lane"),))
    assert apart.is_apart
    assert apart.draft_id != draft_id
    assert typed_in(caseworker, draft_id) == {"town": "Stone"}
    assert typed_in(caseworker, apart.draft_id) == {"town": "Stafford, Mill Lane"}


def test_the_save_for_good_deletes_the_draft_or_neither_happens(
    caseworker: Actor, owner: Owner, app: Flask
) -> None:
    referral_id = make.assessed(caseworker)
    place, page_id = DraftPlace(DraftKind.CLOSING, referral_id), uuid4()
    draft_id = keep(caseworker, place, page=page(page_id=page_id)).draft_id
    version = make.referral(referral_id, caseworker).version
    command = Command(caseworker, NOW, submission_id=page_id, version=version, draft_id=draft_id)

    with pytest.raises(InvalidInput):
        status.close_referral(command, referral_id, outcome=CloseOutcome.OTHER, text=None, risk_view=None)
    assert typed_in(caseworker, draft_id, place)

    status.close_referral(command, referral_id, outcome=CloseOutcome.NEEDS_MET, text=None, risk_view=None)
    # What was on its way when the form was sent comes to nothing.
    assert keep_draft(caseworker, page(draft_id, 2, page_id), place, TYPED, at=NOW) is None
    with owner() as session:
        assert session.scalars(select(Draft.id)).all() == []


def test_a_draft_says_what_became_of_its_referral(
    caseworker: Actor, senior: Actor, owner: Owner, app: Flask
) -> None:
    referral_id = make.assessed(caseworker)
    place = DraftPlace(DraftKind.ASSESSMENT, referral_id)
    draft_id = keep(caseworker, place).draft_id
    assert standing(caseworker) == [None]

    make.assess(referral_id, senior, at=NOW)
    assert standing(caseworker) == ["The referral has changed since you began."]

    version = make.referral(referral_id, caseworker).version
    status.close_referral(
        Command(senior, NOW, submission_id=uuid4(), version=version),
        referral_id,
        outcome=CloseOutcome.NEEDS_MET,
        text=None,
        risk_view=None,
    )
    assert make.referral(referral_id, caseworker).state is ReferralState.CLOSED
    assert standing(caseworker) == ["The referral is closed now."]
    assert typed_in(caseworker, draft_id, place)

    with owner() as session:
        session.execute(update(Referral).where(Referral.id == referral_id).values(restricted=True))
    assert standing(caseworker) == ["You can no longer open this referral, so the draft can’t be opened."]
    with pytest.raises(NotFound):
        typed_in(caseworker, draft_id, place)
    with pytest.raises(NotFound):
        keep(caseworker, place, page=page(draft_id, 2))

    # Erasing the person closes their drafts too: they were sealed with the person's key.
    with owner() as session:
        session.execute(update(Referral).where(Referral.id == referral_id).values(restricted=False))
        session.execute(update(Person).values(erased_at=NOW))
        session.execute(
            update(WrappedKey).where(WrappedKey.purpose == "person").values(wrapped=None, destroyed_at=NOW)
        )
    assert standing(caseworker) == ["The person’s record was erased, so this draft can’t be opened."]
    with pytest.raises(NotFound):
        typed_in(caseworker, draft_id, place)
    assert delete_draft(caseworker, draft_id, at=NOW) == referral_id
    assert standing(caseworker) == []


def test_after_ninety_days_drafts_go_with_their_keys_and_the_audit_counts_them(
    caseworker: Actor, owner: Owner, worker_actor: Actor, app: Flask
) -> None:
    referral_id = make.assigned(caseworker)
    kept = keep(caseworker)
    keep(caseworker, DraftPlace(DraftKind.CLOSING, referral_id))
    newer = keep(caseworker, at=NOW + timedelta(days=1))

    assert purge_drafts(actor=worker_actor, at=NOW + timedelta(days=90)) == 0
    assert purge_drafts(actor=worker_actor, at=NOW + timedelta(days=90, seconds=1)) == 2
    assert purge_drafts(actor=worker_actor, at=NOW + timedelta(days=90, seconds=1)) == 0

    with owner() as session:
        assert session.scalars(select(Draft.id)).all() == [newer.draft_id]
        keys = session.execute(select(WrappedKey.purpose, WrappedKey.wrapped.is_(None))).all()
        counted = session.scalars(select(AuditEntry.entry).where(AuditEntry.action == "drafts.purged")).all()
    assert sorted(tuple(key) for key in keys if key.purpose in ("draft", "person")) == [
        ("draft", False),
        ("draft", True),
        ("person", False),
    ]
    assert ['"count":2' in entry.replace(" ", "") for entry in counted] == [True]
    with pytest.raises(NotFound):
        typed_in(caseworker, kept.draft_id)


def test_what_can_not_be_a_draft_is_refused(caseworker: Actor, owner: Owner, app: Flask) -> None:
    with pytest.raises(InvalidInput, match="too long"):
        kept_answers([("what_happened", "é" * 160_000)])
    with pytest.raises(InvalidInput, match="too long"):
        kept_answers([(f"field_{number}", "") for number in range(401)])
    assert kept_answers([("csrf_token", "x"), ("town", "Stone"), ("put_aside", "yes")]) == (
        ("town", "Stone"),
    )
    with pytest.raises(NotFound):
        keep(caseworker, DraftPlace(DraftKind.CLOSING, uuid4()))
    for _ in range(MOST_DRAFTS):
        keep(caseworker)
    with pytest.raises(InvalidInput, match="delete some"):
        keep(caseworker)
    # A draft under another form's address is not that form's.
    with owner() as session:
        draft_id = session.scalars(select(Draft.id)).first()
    with pytest.raises(NotFound):
        typed_in(caseworker, draft_id or uuid4(), DraftPlace(DraftKind.REFERRAL, person_id=uuid4()))
    with owner() as session, pytest.raises(IntegrityError, match="has_its_referral"):
        with session.begin_nested():
            session.execute(update(Draft).values(kind=DraftKind.CLOSING))
    with owner() as session, pytest.raises(IntegrityError, match="size"):
        with session.begin_nested():
            session.execute(update(Draft).values(sealed=bytes(400_001)))


def test_a_draft_keeps_how_many_dash_indicators_are_ticked_and_not_which() -> None:
    ticked = [("dash_ticked", "stalked"), ("dash_ticked", "weapon"), ("dash_score", ""), ("risk", "high")]
    assert kept_answers(ticked) == (("risk", "high"), ("dash_score", "2"))
    assert kept_answers([("dash_ticked", "stalked"), ("dash_score", "5")]) == (("dash_score", "5"),)
    # What was ticked after a lower or unreadable score was entered is not lost.
    for entered in ("1", " 1 ", "many", "1" * 5000):
        assert kept_answers([*ticked[:2], ("dash_score", entered)]) == (("dash_score", "2"),)


def test_a_draft_moved_into_another_row_does_not_open(caseworker: Actor, owner: Owner, app: Flask) -> None:
    one, two = keep(caseworker), keep(caseworker)
    with owner() as session:
        source = session.get_one(Draft, one.draft_id)
        moved = {"sealed": source.sealed, "key_id": source.key_id}
        session.execute(update(Draft).where(Draft.id == two.draft_id).values(moved))
    with pytest.raises(NotFound):
        typed_in(caseworker, two.draft_id)


def test_a_writing_on_its_way_waits_for_the_save_for_good_and_comes_to_nothing(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor
) -> None:
    author, page_id, draft_id = committed_make_actor(Role.CASEWORKER), uuid4(), uuid4()
    command = Command(author, NOW, submission_id=page_id, draft_id=draft_id)
    written: list[KeptDraft | None] = []

    def write() -> None:
        with committed_app.app_context():
            written.append(keep_draft(author, page(draft_id, 1, page_id), NEW_PERSON, TYPED, at=NOW))

    writing = threading.Thread(target=write)
    with transaction(author) as session:
        submissions.claim_submission(session, command)
        writing.start()
        waiting = text(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        for _ in range(600):
            with committed_owner() as watching:
                if watching.scalar(waiting):
                    break
            time.sleep(0.1)
        assert written == []
    writing.join(60)

    assert written == [None]
    with committed_owner() as session:
        assert session.scalars(select(Draft.id)).all() == []
