"""Where commands get peers' STIX objects from, and how they say what was left out of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from stillwatch.cli import output
from stillwatch.errors import SharingError
from stillwatch.sharing.taxii.remote import Remote


def objects(source: str, member: str | None, member_key: Path | None, *, own: bool = True) -> list[Any]:
    """
    STIX objects of a bundle's file, or the indicators of a TAXII collection.

    Args:
        own: False leaves out what the member published itself: one is no peer of one's own.
    """
    if not source.startswith(("https://", "http://")):
        listed: list[Any] = bundle(Path(source))["objects"]
        return listed
    if member is None or member_key is None:
        raise click.UsageError("a collection is read with --member and --member-key")
    remote = Remote(source, member, member_key.read_text("utf-8").strip())
    found = list(remote.objects("indicator"))
    identity = None if own else remote.identity()
    others = [one for one in found if identity is None or not isinstance(one, dict) or one.get("created_by_ref") != identity]
    tell_left_out({"published by yourself": len(found) - len(others)} if len(others) < len(found) else {})
    return others


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
