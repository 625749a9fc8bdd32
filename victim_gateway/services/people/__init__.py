"""Who a person is, and the keyed hashes by which they are found."""
