"""Finding people: one box for a name, a reference, a number or a date."""

from victim_gateway.blueprints.search.routes import bp

__all__ = ["bp"]
