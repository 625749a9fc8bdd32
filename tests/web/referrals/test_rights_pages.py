"""The rights conversation in one go, a promise kept back for safety, the sheet, complaints."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from tests.factories import casework as make
from tests.plumbing.pages import main_of, send, text_of
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
