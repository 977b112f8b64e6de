"""Counters of one process in the text format of Prometheus; never a member's name, never content."""

import os
import threading
from collections import Counter

_HELP = {
    "requests": "answers by kind of request and HTTP status",
    "request_seconds": "seconds spent on answers by kind of request",
    "objects_stored": "objects and versions stored or known already",
    "objects_refused": "objects refused, by the first words of the reason",
    "objects_served": "objects sent to members",
    "signed_in_not": "requests without a valid key",
    "webhooks": "calls of members' webhooks, by outcome",
    "limited": "requests refused because a limit was reached",
}


class Metrics:
    """Counters; safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        self._guard = threading.Lock()

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Count; `name` is one of those that have a help text."""
        with self._guard:
            self._counts[name, tuple(sorted(labels.items()))] += amount  # type: ignore[assignment]  # seconds are floats

    def write(self) -> str:
        """All counters, labelled with this process."""
        with self._guard:
            counts = sorted(self._counts.items())
        lines: list[str] = []
        for name, told in _HELP.items():
            full = f"stillwatch_exchange_{name}_total"
            lines += [f"# HELP {full} {told}", f"# TYPE {full} counter"]
            for (counted, labels), amount in counts:
                if counted == name:
                    inside = ",".join(f'{k}="{v}"' for k, v in (*labels, ("process", str(os.getpid()))))
                    lines.append(f"{full}{{{inside}}} {amount:g}")
        return "\n".join(lines) + "\n"
