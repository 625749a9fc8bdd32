"""Import batches and the rows set aside."""
