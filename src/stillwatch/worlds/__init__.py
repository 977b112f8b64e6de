"""Seeded labelled logs: one file a campaign shape, one a benign look-alike; `catalogue` lists them."""

from stillwatch.worlds.build import WorldReport, build
from stillwatch.worlds.catalogue import LOOK_ALIKES, PARTS, SHAPES
from stillwatch.worlds.grade import Found, Grade, grade, organisations_of
from stillwatch.worlds.log import FORMATS
from stillwatch.worlds.poisoning import poisoning
from stillwatch.worlds.world import World, load, preset, preset_names, with_dials

__all__ = [
    "FORMATS",
    "LOOK_ALIKES",
    "PARTS",
    "SHAPES",
    "Found",
    "Grade",
    "World",
    "WorldReport",
    "build",
    "grade",
    "load",
    "organisations_of",
    "poisoning",
    "preset",
    "preset_names",
    "with_dials",
]
