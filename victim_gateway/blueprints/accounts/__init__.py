"""Accounts: signing in and out, the user's own account, and the pages on which administrators manage users."""

from victim_gateway.blueprints.accounts import calendar_routes, routes, user_routes

BLUEPRINTS = (routes.bp, user_routes.bp, calendar_routes.bp)
