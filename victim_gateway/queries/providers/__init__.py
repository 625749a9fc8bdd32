"""The directory of providers, read: lists, one entry, its history."""
