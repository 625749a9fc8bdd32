"""Accounts: signing in and out, and what is one's own."""

from victim_gateway.blueprints.accounts.routes import bp

__all__ = ["bp"]
