"""The API against a model: whatever members post, version, mark and delete, each sees what the model says, in its order."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from tests.exchanging import Api, indicator, later, marked, open_api

from stillwatch.sharing.taxii import marking
from stillwatch.sharing.taxii.sqlite import SqliteDatabase

LEVELS = (marking.CLEAR, marking.GREEN, marking.AMBER, marking.AMBER_STRICT)
WHO = ("ada", "ben")
READERS = {"ada": marking.AMBER_STRICT, "green": marking.GREEN}


class Model:
    """What an exchange should hold: every version in the order of its arrival."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, int, dict[str, Any]]] = []  # owner, version, level, object

    def post(self, who: str, thing: dict[str, Any], level: int) -> bool:
        """Store, or refuse what is another's or differs under a stored version."""
        same = [row for row in self.rows if row[3]["id"] == thing["id"]]
        for _, version, _, stored in same:
            if version == thing["modified"]:
                return stored == thing
        if same and same[0][0] != who:
            return False
        self.rows.append((who, thing["modified"], level, thing))
        return True

    def last(self, name: str) -> str:
        """The newest version of an object."""
        return max(version for _, version, _, thing in self.rows if thing["id"] == name)

    def seen(self, who: str, clearance: int, *, every: bool) -> list[dict[str, Any]]:
        """What a member sees, in order."""
        return [
            thing
            for owner, version, level, thing in self.rows
            if (level <= clearance or owner == who) and (every or version == self.last(thing["id"]))
        ]


class Machine(RuleBasedStateMachine):
    """Random members doing random things; pollers follow along."""

    things: Bundle[tuple[str, dict[str, Any], int]] = Bundle("things")

    @initialize()
    def begin(self) -> None:
        """A fresh exchange, and a model that is empty too."""
        self.folder = tempfile.TemporaryDirectory()
        self.database = SqliteDatabase(str(Path(self.folder.name) / "x.db"))
        self.api: Api = open_api(self.database)
        self.api.client.__enter__()
        self.model = Model()
        self.polled: dict[str, list[dict[str, Any]]] = {who: [] for who in READERS}
        self.after: dict[str, str | None] = dict.fromkeys(READERS)

    def teardown(self) -> None:
        """Close what was opened."""
        if hasattr(self, "api"):
            self.api.client.__exit__(None, None, None)
            self.database.close()
            self.folder.cleanup()

    def send(self, who: str, thing: dict[str, Any], level: int) -> None:
        """Post one object and compare the answer with the model's."""
        told = self.api.post([thing], who=who).json()
        assert (told["success_count"] == 1) == self.model.post(who, thing, level)

    @rule(target=things, who=st.sampled_from(WHO), level=st.sampled_from(LEVELS))
    def post_new(self, who: str, level: int) -> tuple[str, dict[str, Any], int]:
        """A new object."""
        thing = indicator(created_by_ref=self.api.producers[who], object_marking_refs=marked(level))
        self.send(who, thing, level)
        return who, thing, level

    @rule(kept=things)
    def post_again(self, kept: tuple[str, dict[str, Any], int]) -> None:
        """The same bytes again, whether or not they were deleted meanwhile."""
        self.send(*kept)

    @rule(kept=things)
    def post_conflict(self, kept: tuple[str, dict[str, Any], int]) -> None:
        """Other bytes under the same version."""
        who, thing, level = kept
        self.send(who, thing | {"name": "other"}, level)

    @rule(kept=things, seconds=st.sampled_from([-120, -60, 60, 120, 180]), level=st.sampled_from(LEVELS))
    def post_version(self, kept: tuple[str, dict[str, Any], int], seconds: int, level: int) -> None:
        """An older or younger version, marked anew."""
        who, thing, _ = kept
        self.send(who, later(thing, seconds, object_marking_refs=marked(level)), level)

    @rule(kept=things)
    def steal(self, kept: tuple[str, dict[str, Any], int]) -> None:
        """Another member's version of it."""
        who, thing, level = kept
        other = WHO[1 - WHO.index(who)]
        self.send(other, later(thing, 300, created_by_ref=self.api.producers[other]), level)

    @rule(kept=consumes(things))
    def delete(self, kept: tuple[str, dict[str, Any], int]) -> None:
        """All versions of one object, by its owner."""
        who, thing, _ = kept
        there = any(row[3]["id"] == thing["id"] for row in self.model.rows)
        answer = self.api.request("DELETE", f"objects/{thing['id']}/", who=who, params={"match[version]": "all"})
        assert answer.status_code == (200 if there else 404)
        self.model.rows = [row for row in self.model.rows if row[3]["id"] != thing["id"]]

    @rule(reader=st.sampled_from(sorted(READERS)), limit=st.integers(1, 4))
    def poll(self, reader: str, limit: int) -> None:
        """One page further, by the date of the last."""
        params: dict[str, Any] = {"limit": limit, "match[version]": "all"}
        if self.after[reader] is not None:
            params["added_after"] = self.after[reader]
        answer = self.api.get("objects/", who=reader, **params)
        got = answer.json().get("objects", [])
        self.polled[reader] += got
        self.after[reader] = answer.headers.get("x-taxii-date-added-last", self.after[reader])
        seen = [(thing["id"], thing["modified"]) for thing in self.polled[reader]]
        assert len(set(seen)) == len(seen), "a version came twice"

    @invariant()
    def lists_are_the_models(self) -> None:
        """Both readers see exactly the model's view, newest versions and all of them."""
        if not hasattr(self, "model"):
            return
        for reader, clearance in READERS.items():
            for every, asked in ((False, "last"), (True, "all")):
                got = self.api.get("objects/", who=reader, **{"match[version]": asked}).json().get("objects", [])
                assert got == self.model.seen(reader, clearance, every=every)


Machine.TestCase.settings = settings(
    max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestMachine = Machine.TestCase
