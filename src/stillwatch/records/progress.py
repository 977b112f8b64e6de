"""What a long run tells the person who waits for it; the command line draws it, a library caller may ignore it."""

from typing import Protocol


class Observer(Protocol):
    """Told of stages and rows; never of anyone's text."""

    def stage(self, name: str, total_rows: int | None) -> None:
        """A stage begins; `total_rows` is None where it is not known beforehand."""
        ...

    def advance(self, rows: int) -> None:
        """So many more rows of the stage are done."""
        ...

    def done(self) -> None:
        """The stage has ended."""
        ...

    def say(self, sentence: str) -> None:
        """One sentence that the person should read."""
        ...


class Silent:
    """An observer that keeps quiet."""

    def stage(self, name: str, total_rows: int | None) -> None:
        """Nothing."""

    def advance(self, rows: int) -> None:
        """Nothing."""

    def done(self) -> None:
        """Nothing."""

    def say(self, sentence: str) -> None:
        """Nothing."""
