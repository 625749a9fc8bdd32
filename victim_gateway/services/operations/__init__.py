"""Keeping the service running: health checks and the outbox sweep."""
