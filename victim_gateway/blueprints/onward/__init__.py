"""Onward referrals: the provider's inbox and answers, the caseworker's offers and decisions."""

# The routes register themselves.
import victim_gateway.blueprints.onward.offering
import victim_gateway.blueprints.onward.providers
import victim_gateway.blueprints.onward.staff  # noqa: F401
from victim_gateway.blueprints.onward.blueprint import bp

__all__ = ["bp"]
