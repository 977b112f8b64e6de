"""Does a student descend from a teacher: one file a test, listed in TESTS in the order of the report."""

from stillwatch.lineage.base import LineageTest

TESTS: tuple[LineageTest, ...] = ()
