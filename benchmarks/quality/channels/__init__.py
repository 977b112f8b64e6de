"""
Channels that were built as experiments: each gives one statistic a group, and is weighed by laws fitted on other worlds.

None is part of the package; benchmarks.quality.channels.measure says what each would bring, and at which false rate.
"""

from benchmarks.quality.channels.base import Experiment, Seen
from benchmarks.quality.channels.elicitation_prior import elicitation_prior
from benchmarks.quality.channels.exclusivity import exclusivity
from benchmarks.quality.channels.first_day import first_day
from benchmarks.quality.channels.isolation import isolation
from benchmarks.quality.channels.late_pivot import late_pivot
from benchmarks.quality.channels.technique_search import technique_search

__all__ = ["EXPERIMENTS", "Experiment", "Seen"]

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("exclusivity", "exclusivity", exclusivity),
    Experiment("isolation", "pool", isolation),
    Experiment("technique_search", "technique_search", technique_search),
    Experiment("first_day", "first_day", first_day),
    Experiment("late_pivot", "release", late_pivot),
    Experiment("elicitation_prior", "elicitation_prior", elicitation_prior),
)
