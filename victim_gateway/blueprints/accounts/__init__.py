"""Accounts: signing in and out, the user's own account, and the pages on which administrators manage users."""

from victim_gateway.blueprints.accounts import (
    calendar_routes,
    member_routes,
    organisation_routes,
    routes,
    user_routes,
)

BLUEPRINTS = (routes.bp, user_routes.bp, member_routes.bp, calendar_routes.bp)
__all__ = ["BLUEPRINTS", "organisation_routes"]
