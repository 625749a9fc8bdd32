"""Demonstration data: invented people and cases, reproducible from a seed, made through the service's own actions."""

from __future__ import annotations

from config import Settings
from victim_gateway.errors import InvalidInput

# Printed for everybody to see, and refused in production.
DEMO_PASSWORD = "victim-gateway-demo"  # noqa: S105  # pragma: allowlist secret
DEMO_ADDRESS = "demo.example"
DEFAULT_REFERRALS = 240
DEFAULT_SEED = 1


def refuse_in_production(settings: Settings) -> None:
    """Refuse to go on in production: raises InvalidInput."""
    if settings.is_production:
        raise InvalidInput("demo data is not for production: nothing was changed")
