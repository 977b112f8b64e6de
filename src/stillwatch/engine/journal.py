"""Which stages of a run are finished, so that `--resume` goes on after the last of them."""

from pathlib import Path
from typing import Any

import orjson

from stillwatch.engine import parts

FILE = "stages.json"


class Journal:
    """
    A file beside the tables, rewritten whole after each stage.

    Args:
        root: Folder of the tables.
        digest: Names the inputs, settings and key; a journal of another run is not continued.
        resume: Go on with what is there, where the digest is the same.
    """

    def __init__(self, root: Path, digest: str, resume: bool) -> None:
        self._path = root / FILE
        self._digest = digest
        self._finished: dict[str, Any] = {}
        if resume and self._path.exists():
            stored = orjson.loads(self._path.read_bytes())
            if stored["digest"] == digest:
                self._finished = stored["finished"]

    def __contains__(self, stage: str) -> bool:
        return stage in self._finished

    def __getitem__(self, stage: str) -> Any:
        """What the stage left as a report: plain JSON values."""
        return self._finished[stage]

    def forget(self, *stages: str) -> None:
        """Take stages back that must run again; on disk before it returns."""
        for stage in stages:
            self._finished.pop(stage, None)
        self._write()

    def finish(self, stage: str, report: Any = None) -> None:
        """Record a finished stage; on disk before it returns."""
        self._finished[stage] = report
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = orjson.dumps({"digest": self._digest, "finished": self._finished}, option=orjson.OPT_INDENT_2)
        parts.write_bytes(self._path, content, durable=True)
