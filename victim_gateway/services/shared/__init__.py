"""Steps that the actions of several areas stand on. They work in the transaction that is open."""
