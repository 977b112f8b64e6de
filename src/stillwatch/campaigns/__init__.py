"""Evidence in; campaigns, verdicts and attribution out."""

from stillwatch.campaigns.attribute import attribute
from stillwatch.campaigns.explain import campaigns
from stillwatch.campaigns.feedback import Decisions, Moved, Standing, Taught, moved, taught
from stillwatch.campaigns.frontier import frontier
from stillwatch.campaigns.judge import judge
from stillwatch.campaigns.limits import limits
from stillwatch.campaigns.reference import Reference, chosen, labelled
from stillwatch.campaigns.reference import save as save_reference
from stillwatch.campaigns.reference import saved as saved_reference
from stillwatch.campaigns.results import table_differences, write_results

__all__ = [
    "Decisions",
    "Moved",
    "Reference",
    "Standing",
    "Taught",
    "attribute",
    "campaigns",
    "chosen",
    "frontier",
    "judge",
    "labelled",
    "limits",
    "moved",
    "save_reference",
    "saved_reference",
    "table_differences",
    "taught",
    "write_results",
]
