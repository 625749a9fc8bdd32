"""Invented people and cases for demonstrations: the same from the same seed, told by the service's own acts."""

DEMO_PASSWORD = "victim-gateway-demo"  # noqa: S105  printed for everybody to see, and refused in production
DEMO_ADDRESS = "demo.example"
DEFAULT_REFERRALS = 300
DEFAULT_SEED = 1
