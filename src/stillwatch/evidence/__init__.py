"""A group in, weighed evidence out: one file a detector."""
