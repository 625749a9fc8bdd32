"""The directory of providers, for those who choose and those who keep it, and a provider's own service and figures."""

# Each of these adds its routes to the blueprint when it is imported.
from victim_gateway.blueprints.providers import (
    directory_routes,
    editing_routes,
    figure_routes,
    our_service_routes,
    succession_routes,
    upload_routes,
)
from victim_gateway.blueprints.providers.blueprint import bp

BLUEPRINTS = (bp,)
__all__ = [
    "BLUEPRINTS",
    "directory_routes",
    "editing_routes",
    "figure_routes",
    "our_service_routes",
    "succession_routes",
    "upload_routes",
]
