"""An answer with who gave it, how far it reaches and its document; taking one back after reading what that ends."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.documents import pdf_file
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, send, text_of
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Consent, OnwardReferral
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import attachment_checks, attachments
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import HandoverPart, OnwardState


def answered(provider_id: Any = "", **differently: Any) -> dict[str, Any]:
    today = times.london_date(times.now())
    on = {f"given_on-{part}": getattr(today, part) for part in ("day", "month", "year")}
    said = {"purpose": "share_with_provider", "recipient": str(provider_id), "agreed": "yes"}
    return {**said, "given_by": "person", "how": "by_phone", **on, **differently}


def test_a_yes_says_who_gave_it_how_far_it_reaches_and_where_it_is_written(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    at = times.now() - timedelta(days=1)
    referral_id = make.assessed(caseworker, at=at)
    provider_id, service_id = make.provider(owner)
    page = f"/referrals/{referral_id}/consent"
    new = attachments.NewAttachment("Signed form", io.BytesIO(pdf_file()), "a.pdf")
    file_id = attachments.add_attachment(Command(caseworker, times.now()), referral_id, new)
    attachment_checks.check_attachment(file_id, actor=Actor.worker("tests"), at=times.now())

    def refused(**differently: Any) -> str:
        sent = send(caseworker_browser, page, answered(provider_id, **differently))
        assert sent.status_code == 422
        return text_of(sent)

    assert "Choose who answered" in refused(given_by="")
    assert "Enter who answered for them" in refused(given_by="attorney")
    assert "where the written answer is kept" in refused(how="written")
    limited = {"how": "written", "attachment": str(file_id), "scope": ["name", "needs"]}
    by_attorney = {"given_by": "attorney", "giver_name": "Jo Bloggs, sister", **limited}
    assert send(caseworker_browser, page, answered(provider_id, **by_attorney)).status_code == 302
    shown = text_of(caseworker_browser.get(page))
    assert "Jo Bloggs, sister (an attorney" in shown and "Only: their name; what they need" in shown
    with owner() as session:
        row = session.scalars(select(Consent).where(Consent.attachment_id == file_id)).one()
    assert row.sealed and b"Bloggs" not in row.sealed
    with pytest.raises(TransitionNotAllowed, match="written answer of a consent"):
        attachments.remove_attachment(
            Command(caseworker, times.now()), referral_id, attachment_id=file_id, reason="Old"
        )

    share = f"/referrals/{referral_id}/refer-on/{service_id}"
    assert "Only to: their name; what they need" in text_of(caseworker_browser.get(share))
    beyond = {"share": ["name", "what_happened"], "what_happened": "It was dark.", "step": "check"}
    hidden = dict(hidden_of(caseworker_browser.get(share)))
    assert "Their yes does not reach this: what happened" in text_of(
        caseworker_browser.post(share, data={**hidden, **beyond})
    )
    with pytest.raises(InvalidInput, match="does not reach all of this"):
        _offer(caseworker, referral_id, service_id, (HandoverPart.NAME, HandoverPart.WHAT_HAPPENED))
    onward_id = _offer(caseworker, referral_id, service_id, (HandoverPart.NAME, HandoverPart.NEEDS))

    _take_back(caseworker_browser, caseworker, owner, row, onward_id)


def _offer(caseworker: Actor, referral_id: Any, service_id: Any, parts: tuple[HandoverPart, ...]) -> Any:
    return onward_referrals.offer_onward_referral(
        Command(caseworker, times.now()),
        referral_id,
        onward_referrals.OfferToProvider(
            service_id=service_id, share=parts, texts=HandoverText(what_happened="It was dark.")
        ),
    )


def _take_back(browser: FlaskClient, caseworker: Actor, owner: Owner, row: Consent, onward_id: Any) -> None:
    """The page says what ends; what was begun since it was opened is not ended unread."""
    page = f"/referrals/{row.referral_id}/consent/{row.id}/withdraw"
    opened = browser.get(page)
    with owner() as session:
        reference = session.get_one(OnwardReferral, onward_id).reference
    assert f"{reference}, Support (waiting for an answer): we stop waiting" in text_of(opened)
    assert "keeps its own notes" in text_of(opened)
    with owner() as session:
        service_id = make.provider(owner)[1]
    second_id = _offer(caseworker, row.referral_id, service_id, (HandoverPart.NAME,))
    stale = browser.post(page, data=dict(hidden_of(opened)))
    assert (stale.status_code, "referred on again since" in text_of(stale)) == (409, True)
    assert browser.post(page, data=dict(hidden_of(browser.get(page)))).status_code == 302
    with transaction(caseworker) as session:
        states = {session.get_one(OnwardReferral, each).state for each in (onward_id, second_id)}
    assert states == {OnwardState.WITHDRAWN}
