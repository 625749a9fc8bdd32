"""Accounts: signing in and out, the user's own account, and the pages on which administrators manage users."""

from victim_gateway.blueprints.accounts import routes, user_routes

BLUEPRINTS = (routes.bp, user_routes.bp)
