"""Documents that people read: the offline HTML report."""
