"""Accounts: signing in and out, what is one's own, and the pages on which administrators look after users."""

from victim_gateway.blueprints.accounts import routes, user_routes

BLUEPRINTS = (routes.bp, user_routes.bp)
