"""Moments before now, for pages, which ask for the time themselves."""

from __future__ import annotations

from datetime import datetime, timedelta

from victim_gateway import times


def hours_ago(hours: int) -> datetime:
    """So many hours before now."""
    return times.now() - timedelta(hours=hours)


def days_ago(days: int) -> datetime:
    """So many days before now."""
    return times.now() - timedelta(days=days)


def at_recently() -> datetime:
    """Two hours ago."""
    return hours_ago(2)
