"""Where commands get peers' STIX objects from, and how they say what was left out of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from stillwatch.cli import output
from stillwatch.errors import SharingError
from stillwatch.sharing.taxii.remote import Remote


def objects(source: str, member: str | None, member_key: Path | None) -> list[Any]:
    """STIX objects of a bundle's file, or the indicators of a TAXII collection."""
    if not source.startswith(("https://", "http://")):
        listed: list[Any] = bundle(Path(source))["objects"]
        return listed
    if member is None or member_key is None:
        raise click.UsageError("a collection is read with --member and --member-key")
    return list(Remote(source, member, member_key.read_text("utf-8").strip()).objects("indicator"))


def bundle(path: Path) -> dict[str, Any]:
    """
    A bundle's file.

    Raises:
        SharingError: it cannot be read, or is no bundle.
    """
    try:
        told = orjson.loads(path.read_bytes())
    except OSError as error:
        raise SharingError(f"{path}: cannot be read ({error.strerror})") from error
    except orjson.JSONDecodeError as error:
        raise SharingError(f"{path}: is no JSON") from error
    if not isinstance(told, dict) or not isinstance(told.get("objects"), list):
        raise SharingError(f"{path}: is no bundle of STIX objects")
    return told


def tell_left_out(counts: Mapping[str, int]) -> None:
    """One line a reason."""
    for why, n in sorted(counts.items()):
        output.say(f"left out: {n} indicator{'' if n == 1 else 's'}: {why}")
