"""Accounts and organisations, for administrators."""
