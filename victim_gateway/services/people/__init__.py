"""People: the keyed hashes by which they are found, and who may see the restricted ones."""
