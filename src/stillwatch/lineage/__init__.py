"""Does a student descend from a teacher: one file a test."""
