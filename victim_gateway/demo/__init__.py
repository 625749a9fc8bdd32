"""Invented people and cases for demonstrations: the same from the same seed, told by the service's own acts."""

from __future__ import annotations

from config import Settings
from victim_gateway.errors import InvalidInput

# Printed for everybody to see, and refused in production.
DEMO_PASSWORD = "victim-gateway-demo"  # noqa: S105  # pragma: allowlist secret
DEMO_ADDRESS = "demo.example"
DEFAULT_REFERRALS = 240
DEFAULT_SEED = 1


def refuse_in_production(settings: Settings) -> None:
    """Raises InvalidInput where real people are behind the records."""
    if settings.is_production:
        raise InvalidInput("demo data is not for production: nothing was changed")
