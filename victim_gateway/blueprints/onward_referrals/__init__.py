"""Onward referrals: the provider's inbox and answers, the caseworker's offers and decisions."""

# Each of these adds its routes to the blueprint when it is imported.
from victim_gateway.blueprints.onward_referrals import (
    caseworker_routes,
    contact_link_routes,
    file_routes,
    group_routes,
    kind_routes,
    link_routes,
    list_routes,
    offer_routes,
    provider_routes,
    record_routes,
    restorative_routes,
    return_routes,
    worker_routes,
)
from victim_gateway.blueprints.onward_referrals.blueprint import bp

BLUEPRINTS = (bp, list_routes.bp, link_routes.bp)
__all__ = [
    "BLUEPRINTS",
    "caseworker_routes",
    "contact_link_routes",
    "file_routes",
    "group_routes",
    "kind_routes",
    "link_routes",
    "list_routes",
    "offer_routes",
    "provider_routes",
    "record_routes",
    "return_routes",
    "restorative_routes",
    "worker_routes",
]
