"""Values for a developer's machine. They are public, so `production` refuses every one of them."""

SECRET_KEY = "victim-gateway-development-secret-key-not-for-production"  # noqa: S105  # pragma: allowlist secret
DATA_KEYS = (("dev", b"victim-gateway-development-key-0"),)
