"""Health checks and metrics for the machines that watch the service, and its state for administrators."""

from victim_gateway.blueprints.operations import health_routes, system_routes

BLUEPRINTS = (system_routes.bp, health_routes.bp)
