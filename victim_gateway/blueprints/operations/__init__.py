"""Health checks and metrics for the machines that watch the service, its state and lists for administrators."""

from victim_gateway.blueprints.operations import delivery_routes, health_routes, list_routes, system_routes

BLUEPRINTS = (system_routes.bp, health_routes.bp, list_routes.bp, delivery_routes.bp)
