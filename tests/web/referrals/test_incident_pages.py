"""The pages of an incident: proposed on a referral, recorded, joined, left, written to, and never a name on them."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from tests.factories import casework as make
from tests.plumbing.pages import hidden_of, send, text_of, title_of
from victim_gateway import times
from victim_gateway.actors import Actor


def test_a_caseworker_records_an_incident_from_a_referral_and_writes_to_all_of_it(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    now = times.now()
    one, two, street = (
        make.assigned(caseworker, at=now, crime_number=number)
        for number in ("22/77/26", "22/77/26", "22/1/26")
    )
    overview = text_of(caseworker_browser.get(f"/referrals/{one}"))
    assert "1 referral of somebody else has the same crime number: it may be one incident" in overview
    address = f"/referrals/{one}/incident"
    put = caseworker_browser.get(address)
    assert send(caseworker_browser, address, {}).status_code == 422
    assert "Enter the number of an incident" in text_of(
        send(caseworker_browser, address, {"which": "join", "number": "twelve"})
    )
    assert "Enter what to call the incident" in text_of(
        send(caseworker_browser, address, {"which": "new", "title": " "})
    )
    made = send(
        caseworker_browser,
        address,
        {
            "which": "new",
            "title": "Burglaries in Mill Lane",
            "facts": "Five houses.",
            "with_others": [str(two)],
        },
    )
    assert made.status_code == 302
    assert make.referral(two, caseworker).reference in text_of(put)
    incident = made.location
    page = caseworker_browser.get(incident)
    number = re.findall(r"Incident (\d+)", title_of(page))[0]
    assert title_of(page) == f"Incident {number} – Victim Gateway"
    shown = page.get_data(as_text=True)
    for referral_id in (one, two):
        assert make.referral(referral_id, caseworker).reference in shown
    assert "Testcase" not in shown
    assert "Robin" not in shown
    assert f"Incident {number}, with 1 other referral" in text_of(caseworker_browser.get(f"/referrals/{two}"))

    reference = make.referral(street, caseworker).reference
    added = caseworker_browser.post(
        f"{incident}/referrals", data={**dict(_hidden(caseworker_browser, incident)), "reference": reference}
    )
    assert added.status_code == 302
    again = caseworker_browser.post(
        f"{incident}/referrals", data={**dict(_hidden(caseworker_browser, incident)), "reference": reference}
    )
    assert "already" in text_of(again)
    left = send(caseworker_browser, f"/referrals/{street}/incident/leave", {"reason": "Another night"})
    assert left.status_code == 302
    assert "Another night" in text_of(caseworker_browser.get(incident))

    listing = text_of(caseworker_browser.get(f"{incident}/note"))
    assert "The note will stand on 2 referrals" in listing
    for referral_id in (one, two):
        assert make.referral(referral_id, caseworker).reference in listing
    said = {"subject": "The court", "body": "The hearing is on Friday."}
    assert send(caseworker_browser, f"{incident}/note", said).status_code == 302
    assert "The note stands on 2 referrals now" in text_of(caseworker_browser.get(incident))
    assert "The hearing is on Friday." in text_of(caseworker_browser.get(f"/referrals/{two}/notes"))
    changed = send(
        caseworker_browser, f"{incident}/describe", {"title": "Burglaries in two streets", "facts": ""}
    )
    assert changed.status_code == 302
    assert "Burglaries in two streets" in text_of(caseworker_browser.get("/incidents"))


def _hidden(browser: FlaskClient, address: str) -> list[tuple[str, str]]:

    return hidden_of(browser.get(address))
