"""What a request sets and what comes back."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tests.planting import some_people, some_rows

from stillwatch.worlds import clients
from stillwatch.worlds.answers import FAILED_SHARE, answered, asked, failures, normal, reply, responses, settings_of, tokens
from stillwatch.worlds.build import grammar
from stillwatch.worlds.hashing import mix
from stillwatch.worlds.writing import Written

N = 4_000
PEOPLE = some_people(50)
H = mix(1, np.arange(N))
CONFIG = settings_of(PEOPLE, np.arange(N) % 50, H)


def test_a_reply_follows_from_conversation_and_turn() -> None:
    """The same twice, another for another conversation."""
    rows = some_rows(20)

    first = reply(grammar(), PEOPLE, rows).to_pylist()

    assert reply(grammar(), PEOPLE, rows).to_pylist() == first
    assert len(set(first)) == 20


def test_answers_are_written_as_asked() -> None:
    """None at all, those that a corpus has, or made-up ones; a failed request has none."""
    rows, failed = some_rows(3), np.array([False, True, False])
    written = Written(pa.array(["a", "b", "c"]), pa.nulls(3, pa.string()), pa.array(["x", "y", None]))
    bare = Written(written.prompt, written.system)

    assert responses("none", grammar(), PEOPLE, rows, written, failed).to_pylist() == [None] * 3
    assert responses("given", grammar(), PEOPLE, rows, written, failed).to_pylist() == ["x", None, None]
    assert responses("given", grammar(), PEOPLE, rows, bare, failed).to_pylist() == [None] * 3
    made_up = responses("grammar", grammar(), PEOPLE, rows, bare, failed).to_pylist()
    assert [r is None for r in made_up] == [False, True, False]


def test_an_account_has_usual_settings() -> None:
    """Most of its requests have the same."""
    mine = CONFIG[::50]

    assert np.bincount(mine).max() > 0.8 * len(mine)


def test_a_request_sets_what_its_configuration_says() -> None:
    """Absent values are null."""
    columns = asked(np.array([0, 1, 2]))
    told = clients.settings()

    assert [v is None for v in columns["temperature"].to_pylist()] == np.isnan(told.temperature[:3]).tolist()
    assert columns["n"].to_pylist() == told.n[:3].tolist()


def test_no_answer_is_longer_than_the_limit() -> None:
    """And it says so where the limit ended it."""
    columns = answered(CONFIG, pa.nulls(N, pa.string()), failures(H), H)
    limit = clients.settings().max_tokens[CONFIG]
    length = columns["completion_tokens"].to_numpy()
    reason = np.array(columns["finish_reason"].to_pylist())

    assert (length[limit > 0] <= limit[limit > 0]).all()
    assert ((reason == "length") == ((limit > 0) & (length == limit))).all()


def test_failures_have_no_answer() -> None:
    """A few requests, with an error's status."""
    failed = failures(H)
    columns = answered(CONFIG, pa.nulls(N, pa.string()), failed, H)

    assert abs(failed.mean() - FAILED_SHARE) < 0.008
    assert (columns["completion_tokens"].to_numpy()[failed] == 0).all()
    assert (columns["status"].to_numpy()[failed] >= 400).all()
    assert (columns["status"].to_numpy()[~failed] == 200).all()
    assert pc.is_null(columns["finish_reason"]).to_numpy(zero_copy_only=False)[failed].all()


def test_tokens_are_a_quarter_of_the_characters() -> None:
    """Rounded up; a missing text has none; an answer's length is its text's."""
    config = np.array([int(np.flatnonzero(clients.settings().max_tokens < 0)[0])])
    columns = answered(config, pa.array(["x" * 41]), np.zeros(1, np.bool_), H[:1])

    assert tokens(pa.array(["abcd", "abcde", None, ""])).tolist() == [1, 2, 0, 0]
    assert columns["completion_tokens"].to_pylist() == [11]


def test_reasoning_is_counted_where_it_was_asked_for() -> None:
    """Null elsewhere."""
    columns = answered(CONFIG, pa.nulls(N, pa.string()), np.zeros(N, np.bool_), H)
    effort = asked(CONFIG)["reasoning_effort"]

    assert pc.is_null(effort).equals(pc.is_null(columns["reasoning_tokens"]))


def test_normal_numbers_are_normal() -> None:
    """Mean, spread and tail."""
    z = normal(mix(3, np.arange(50_000)))

    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02
    assert abs((np.abs(z) > 1.96).mean() - 0.05) < 0.005
