"""Figures for people: tables, small-number suppression, files. Asks neither the database nor the time."""
