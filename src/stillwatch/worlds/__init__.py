"""Seeded labelled logs: one file a campaign shape, one a benign look-alike; `catalogue` lists them."""

from stillwatch.worlds.build import WorldReport, build
from stillwatch.worlds.catalogue import LOOK_ALIKES, PARTS, SHAPES
from stillwatch.worlds.world import World, load, preset, preset_names, with_dials

__all__ = ["LOOK_ALIKES", "PARTS", "SHAPES", "World", "WorldReport", "build", "load", "preset", "preset_names", "with_dials"]
