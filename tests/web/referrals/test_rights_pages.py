"""The rights conversation in one go, a promise kept back for safety, the sheet, complaints."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from tests.factories import casework as make
from tests.plumbing.pages import main_of, send, text_of, title_of
from victim_gateway import times
from victim_gateway.actors import Actor


def day_of(field: str, days_ago: int = 0) -> dict[str, Any]:
    day = times.london_date(times.now() - timedelta(days=days_ago))
    return {f"{field}-{part}": getattr(day, part) for part in ("day", "month", "year")}


def reported(caseworker: Actor, days_ago: int = 30, **changes: Any) -> UUID:
    """A referral of a crime that was reported to the police."""
    at = times.now() - timedelta(days=days_ago)
    return make.assigned(caseworker, at=at, reported_at=at - timedelta(hours=2), **changes)


def test_one_page_asks_what_applies_and_records_every_answer_in_one_go(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = reported(caseworker)
    page = f"/referrals/{referral_id}/rights/conversation"
    clock = {
        name: make.clock(referral_id, name, caseworker).id.hex
        for name in ("written_acknowledgement", "vps_opportunity_offered", "rights_information_given")
    }
    opened = caseworker_browser.get(page)
    assert "Say this first" in text_of(opened)
    assert "something in writing from the police" in text_of(opened)
    assert "somebody was arrested" not in text_of(opened)

    def sent(**answers: Any) -> Any:
        return send(caseworker_browser, page, answers)

    assert "Answer at least one question" in text_of(sent())
    acknowledged = clock["written_acknowledgement"]
    without_day = sent(**{f"answer_{acknowledged}": "yes"})
    assert without_day.status_code in (400, 422)
    assert f'href="#told_on_{acknowledged}-day"' in main_of(without_day)
    early = sent(**{f"answer_{acknowledged}": "yes", **day_of(f"told_on_{acknowledged}", 60)})
    assert "on or after" in text_of(early)
    assert sent(**{f"answer_{acknowledged}": "sure"}).status_code == 422
    saved = sent(
        **{
            f"answer_{acknowledged}": "yes",
            **day_of(f"told_on_{acknowledged}", 2),
            f"answer_{clock['vps_opportunity_offered']}": "no",
            f"answer_{clock['rights_information_given']}": "not_sure",
            "said": "Nobody rang me back.",
        }
    )
    assert saved.status_code == 302
    assert make.clock(referral_id, "written_acknowledgement", caseworker).status == "met"
    assert make.clock(referral_id, "vps_opportunity_offered", caseworker).stopped_at is None
    again = text_of(caseworker_browser.get(page))
    assert "they said: no" in again and "they said: they are not sure" in again
    assert "Done already: " in again
    assert "Nobody rang me back." in text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))


def test_a_sheet_is_given_only_where_it_is_safe_and_says_nothing_of_the_case(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = reported(caseworker, days_ago=2)
    page = f"/referrals/{referral_id}/rights/sheet"
    assert "Choose how they get it" in text_of(send(caseworker_browser, page, {}))
    posted = send(caseworker_browser, page, {"delivery": "by_post", "is_safe_at_home": "y"})
    assert posted.status_code != 302
    assert "It can't be posted. This way of contact is not recorded as safe." in text_of(posted)
    unasked = send(caseworker_browser, page, {"delivery": "by_hand"})
    assert "Ask whether the sheet is safe where they live" in text_of(unasked)
    given = send(caseworker_browser, page, {"delivery": "by_hand", "is_safe_at_home": "y"})
    sheet = caseworker_browser.get(given.headers["Location"])
    head = make.referral(referral_id, caseworker)
    printed = sheet.text[sheet.text.index('<article class="vg-sheet">') :].partition("</article>")[0]
    assert "In danger now: ring 999" in printed and "0330 0881 339" in printed
    for secret in (head.reference, "Testcase", "Burglary", str(referral_id)):
        assert secret not in printed
    assert title_of(sheet) == "Your rights"
    asked = {"delivery": "by_hand", "is_safe_at_home": "y", "with_reference": "y"}
    assert head.reference in text_of(
        caseworker_browser.get(send(caseworker_browser, page, asked).headers["Location"])
    )
    assert "Rights sheet printed to be given" in text_of(
        caseworker_browser.get(f"/referrals/{referral_id}/timeline")
    )
    another = reported(caseworker, days_ago=2)
    assert (
        caseworker_browser.get(given.headers["Location"].replace(str(referral_id), str(another))).status_code
        == 404
    )
    abused = reported(caseworker, days_ago=2, flags=frozenset({"domestic_abuse"}))
    refused = send(caseworker_browser, f"/referrals/{abused}/rights/sheet", asked)
    assert "After domestic abuse nothing about the case" in text_of(refused)
