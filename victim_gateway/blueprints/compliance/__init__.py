"""The manager's pages: are the promises kept, and how is the Gateway doing? Counts only, no names."""

from victim_gateway.blueprints.compliance.routes import bp

__all__ = ["bp"]
