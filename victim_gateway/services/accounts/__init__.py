"""Accounts: signing in, passwords, second factors, sessions and their administration."""
