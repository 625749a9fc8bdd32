"""Adapters to outside systems, such as mail servers: one narrow Protocol each."""
