"""The first page after signing in, by role."""

from __future__ import annotations

from flask import current_app, url_for

from victim_gateway.vocabulary import Role
from victim_gateway.web.navigation import visible_areas

HOMES = {
    Role.CASEWORKER: "work_queue.home",
    Role.SENIOR: "work_queue.home",
    Role.PROVIDER: "onward_referrals.inbox",
    Role.PROVIDER_ADMINISTRATOR: "members.home",
    Role.MANAGER: "compliance.overview",
    Role.ADMIN: "users.home",
    Role.AUDITOR: "audit.home",
}
MAY = {
    Role.CASEWORKER: "record, find and look after referrals, and refer people on",
    Role.SENIOR: "do all a caseworker does, give referrals to others and import the police feed",
    Role.PROVIDER: "answer the referrals that were sent to your organisation, and record what came of them",
    Role.PROVIDER_ADMINISTRATOR: "look after your organisation's accounts, and answer the referrals of the services"
    " that you were given",
    Role.MANAGER: "see figures on compliance and service, and make reports; never names",
    Role.ADMIN: "look after accounts and the system; no casework",
    Role.AUDITOR: "read who did and saw what; no casework",
}


def home_of(role: Role) -> str:
    """The address of the role's first page; the account page where there is none."""
    if HOMES[role] in current_app.view_functions:
        return url_for(HOMES[role])
    areas = visible_areas()
    return url_for(areas[0].endpoint if areas else "accounts.account")
