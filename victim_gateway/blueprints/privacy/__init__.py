"""The auditors' pages: audit entries and the check of the audit chain. No casework."""

from victim_gateway.blueprints.privacy import audit_routes

BLUEPRINTS = (audit_routes.bp,)
