"""
Stillwatch: finds distillation campaigns in the logs of a language-model API, and says why.

The names in `__all__` are the public face; all else may change between minor versions. They are imported when they are first
asked for (PEP 562), so that `import stillwatch` and `stillwatch --help` cost nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for type checkers and editors alone: what `__getattr__` gives, with its types
    from stillwatch.errors import EngineError as EngineError
    from stillwatch.errors import LogFormatError as LogFormatError
    from stillwatch.errors import SettingsError as SettingsError
    from stillwatch.errors import StillwatchError as StillwatchError
    from stillwatch.ingest import inspect as inspect
    from stillwatch.pipeline import Outcome as Outcome
    from stillwatch.pipeline import scan as scan
    from stillwatch.pipeline import verify as verify
    from stillwatch.privacy import Key as Key
    from stillwatch.records.campaign import Campaign as Campaign
    from stillwatch.records.campaign import Document as Document
    from stillwatch.records.difference import Difference as Difference
    from stillwatch.records.progress import Observer as Observer
    from stillwatch.records.window import Window as Window
    from stillwatch.settings import Settings as Settings
    from stillwatch.settings import load as load_settings
    from stillwatch.settings import with_changes as with_changes
    from stillwatch.worlds import World as World
    from stillwatch.worlds import WorldReport as WorldReport
    from stillwatch.worlds import build as build_world
    from stillwatch.worlds import preset as preset_world

# public name -> where it lives, and its name there
_HOMES: dict[str, tuple[str, str]] = {
    "Campaign": ("stillwatch.records.campaign", "Campaign"),
    "Difference": ("stillwatch.records.difference", "Difference"),
    "Document": ("stillwatch.records.campaign", "Document"),
    "EngineError": ("stillwatch.errors", "EngineError"),
    "Key": ("stillwatch.privacy", "Key"),
    "LogFormatError": ("stillwatch.errors", "LogFormatError"),
    "Observer": ("stillwatch.records.progress", "Observer"),
    "Outcome": ("stillwatch.pipeline", "Outcome"),
    "Settings": ("stillwatch.settings", "Settings"),
    "SettingsError": ("stillwatch.errors", "SettingsError"),
    "StillwatchError": ("stillwatch.errors", "StillwatchError"),
    "Window": ("stillwatch.records.window", "Window"),
    "World": ("stillwatch.worlds", "World"),
    "WorldReport": ("stillwatch.worlds", "WorldReport"),
    "build_world": ("stillwatch.worlds", "build"),
    "inspect": ("stillwatch.ingest", "inspect"),
    "load_settings": ("stillwatch.settings", "load"),
    "preset_world": ("stillwatch.worlds", "preset"),
    "scan": ("stillwatch.pipeline", "scan"),
    "verify": ("stillwatch.pipeline", "verify"),
    "with_changes": ("stillwatch.settings", "with_changes"),
}

__all__ = [
    "Campaign",
    "Difference",
    "Document",
    "EngineError",
    "Key",
    "LogFormatError",
    "Observer",
    "Outcome",
    "Settings",
    "SettingsError",
    "StillwatchError",
    "Window",
    "World",
    "WorldReport",
    "build_world",
    "inspect",
    "load_settings",
    "preset_world",
    "scan",
    "verify",
    "with_changes",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'stillwatch' has no attribute '{name}'")
    module, own_name = _HOMES[name]
    value: object = getattr(importlib.import_module(module), own_name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
