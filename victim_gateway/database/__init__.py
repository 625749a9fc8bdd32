"""Transactions, the outbox, sealed rows and bulk inserts: everything that services and queries share of PostgreSQL."""
