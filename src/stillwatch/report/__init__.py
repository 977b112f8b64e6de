"""Documents that people read: the offline HTML report."""

from stillwatch.report.document import write

__all__ = ["write"]
