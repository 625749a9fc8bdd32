"""A provider as an organisation: its own figures."""

# It adds its routes to the blueprint when it is imported.
from victim_gateway.blueprints.providers import figure_routes
from victim_gateway.blueprints.providers.blueprint import bp

BLUEPRINTS = (bp,)
__all__ = ["BLUEPRINTS", "figure_routes"]
