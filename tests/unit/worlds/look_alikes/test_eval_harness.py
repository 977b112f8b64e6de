"""Evaluation harnesses."""

from collections import Counter

from tests.planting import ERA, Planted, a_library, planted

from stillwatch.worlds.look_alikes.eval_harness import EvalHarness

PART = EvalHarness(accounts=12, exchanges=900, items=80, own=0.0)


def test_accounts_run_the_same_items() -> None:
    """There are no more prompts than items, and most items come from several accounts."""
    world = planted(PART)
    senders: dict[str, set[str]] = {}
    for account, prompt in zip(world.column("account_id"), world.column("prompt"), strict=True):
        senders.setdefault(prompt, set()).add(account)

    assert len(senders) <= 80
    assert Counter(len(s) > 1 for s in senders.values())[True] > 60


def test_runs_begin_after_the_release_and_use_the_new_model() -> None:
    """No run begins before the release; most requests go to the new model."""
    world = planted(PART)
    models = Counter(world.column("model"))

    assert world.events.at.min() >= ERA.release
    assert models[ERA.models[-1]] > 0.6 * 900


def test_nothing_to_run_is_no_error() -> None:
    """With all traffic their own the benchmark is not sent."""
    world = Planted(EvalHarness(accounts=3, exchanges=30, own=1.0), library=a_library(2))

    assert len(world.events) == 30
