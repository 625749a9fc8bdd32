"""The Victims' Code as data and a pure evaluator: what was due, to whom, by when, and whether it was done."""
