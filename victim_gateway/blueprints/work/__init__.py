"""The caseworker's home: the work queue."""

from victim_gateway.blueprints.work.routes import bp

__all__ = ["bp"]
