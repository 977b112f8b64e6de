"""Token counts of an endpoint against candidates' tokenizers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from stillwatch.lineage import probes
from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.token_counts import TokenCounts, load_tokenizers
from stillwatch.lineage.transport import Transport
from stillwatch.lineage.weights import open_weights

Count = Callable[[str], int]
WORDS: Count = lambda text: len(text.split())  # noqa: E731
BYTES: Count = lambda text: len(text.encode())  # noqa: E731


@pytest.fixture
def counting(serve: Any, told: Any, chat: Any) -> Callable[[Callable[[Any], int]], Endpoint]:
    """An endpoint that reports what a function says, 30 tokens of template on top."""

    def start(count: Callable[[Any], int]) -> Endpoint:
        server = serve(lambda asked: told(chat("x", 30 + count(asked))))
        return Endpoint(Transport(server.url), "m")

    return start


def text_of(asked: Any) -> str:
    """The text that was put."""
    return str(asked.body["messages"][0]["content"])


def only(said: Any) -> Result:
    """The one result."""
    (result,) = said
    assert isinstance(result, Result)
    return result


def against(suspect: Endpoint, base: Any) -> Result:
    """The result against one base."""
    return only(TokenCounts().run(suspect, [base], Given()))


def byte_checkpoint(folder: Path) -> Any:
    """A checkpoint whose tokenizer has one token a byte."""
    from stillwatch.lineage.vocabulary import byte_alphabet

    vocabulary = {word: i for i, word in enumerate(byte_alphabet())}
    steps = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    model: dict[str, Any] = {"type": "BPE", "vocab": vocabulary, "merges": [], "dropout": None, "unk_token": None}
    model |= {"continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False}
    tree: dict[str, Any] = {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": steps, "model": model}
    tree |= {"truncation": None, "padding": None, "post_processor": None, "decoder": None}
    (folder / "tokenizer.json").write_text(json.dumps(tree))
    save_file({"w": np.ones((2, 2), np.float32)}, folder / "model.safetensors")
    return open_weights(folder)


def test_a_candidate_with_the_same_tokenizer_is_compatible(counting: Any, tmp_path: Path) -> None:
    """The template's tokens cancel; all probes agree, and the report says how often strangers do."""
    result = against(counting(lambda a: BYTES(text_of(a))), byte_checkpoint(tmp_path))

    assert result.verdict is Verdict.COMPATIBLE
    assert result.statistic == result.n == len(probes.PROBES) - 1
    assert "0 agree with it on every probe" in result.sentence
    assert not result.exact
    assert result.log10_p is None


def test_a_candidate_with_another_tokenizer_is_excluded(counting: Any, tmp_path: Path) -> None:
    """The kinds of text that differ are named."""
    result = against(counting(lambda a: WORDS(text_of(a))), byte_checkpoint(tmp_path))

    assert result.verdict is Verdict.EXCLUDED
    assert "probes cost another number of tokens" in result.sentence


def test_an_endpoint_as_candidate_is_asked_too(counting: Any) -> None:
    """Two endpoints are compared by their own counts."""
    assert against(counting(lambda a: WORDS(text_of(a))), counting(lambda a: 9 + WORDS(text_of(a)))).verdict is Verdict.COMPATIBLE


def test_one_differing_probe_decides_nothing(counting: Any, tmp_path: Path) -> None:
    """A gateway that squeezes spaces does not exclude a candidate."""
    result = against(counting(lambda a: BYTES(text_of(a).replace("j                end", "j end"))), byte_checkpoint(tmp_path))

    assert result.verdict is Verdict.NO_POWER
    assert "'runs of spaces'" in result.sentence


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (lambda a: 7, "every probe costs the same"),
        (lambda a: BYTES(text_of(a)) * 3, "more tokens than it has bytes"),
        (lambda a: 900 - BYTES(text_of(a)), "costs less than a single word"),
        (lambda a: BYTES(text_of(a)) + (40 if text_of(a).count("plain words") == 4 else 0), "does not grow in step"),
        (lambda a: BYTES(text_of(a)) + a.number % 7, "another number of tokens when sent again"),
        (lambda a: -30, "0 tokens for a text"),
    ],
)
def test_lies_take_the_power_away(counting: Any, tmp_path: Path, lie: Any, words: str) -> None:
    """An endpoint whose usage contradicts itself excludes nobody, and the report says how it lies."""
    result = against(counting(lie), byte_checkpoint(tmp_path))

    assert result.verdict is Verdict.NO_POWER
    assert words in result.sentence


def test_counts_scaled_by_a_factor_are_recognised(counting: Any, tmp_path: Path) -> None:
    """Counts of the candidate's tokenizer times 0.6 are said to be that."""
    result = against(counting(lambda a: round(0.6 * BYTES(text_of(a)))), byte_checkpoint(tmp_path))

    assert result.verdict is Verdict.NO_POWER
    assert "those of this candidate times 0.60" in result.sentence


def test_usage_that_is_not_reported(serve: Any, told: Any, tmp_path: Path) -> None:
    """Without usage there is no test."""
    server = serve(lambda _: told({"choices": [{"message": {"content": "x"}}]}))

    result = against(Endpoint(Transport(server.url), "m"), byte_checkpoint(tmp_path))

    assert result.verdict is Verdict.NO_POWER
    assert "reports no prompt_tokens" in result.sentence


def test_a_checkpoint_without_tokenizer_is_skipped_with_the_reason(counting: Any, tmp_path: Path) -> None:
    """The reason says what to download."""
    save_file({"w": np.ones((2, 2), np.float32)}, tmp_path / "model.safetensors")

    (said,) = TokenCounts().run(counting(lambda a: BYTES(text_of(a))), [open_weights(tmp_path)], Given())

    assert isinstance(said, Skipped)
    assert "no tokenizer.json" in said.reason


def test_the_shipped_panel_tells_all_its_tokenizers_apart() -> None:
    """Each pair of real tokenizers differs on at least a third of the probes."""
    panel = load_tokenizers()
    names = sorted(panel)

    unequal = [sum(x != y for x, y in zip(panel[a], panel[b], strict=True)) for i, a in enumerate(names) for b in names[i + 1 :]]

    assert len(names) >= 6
    assert min(unequal) >= 8


def test_an_endpoint_that_counts_as_a_known_tokenizer_is_named(counting: Any, tmp_path: Path) -> None:
    """Where no candidate fits, the panel may: the report says whose counts they are."""
    llama = load_tokenizers()["llama3"]
    by_text = dict(zip([probes.wrapped(t) for _, t in probes.PROBES], llama, strict=True))

    result = against(counting(lambda a: 5 + by_text.get(text_of(a), WORDS(text_of(a)))), byte_checkpoint(tmp_path))

    assert result.verdict is Verdict.EXCLUDED
    assert "The endpoint counts as llama3." in result.sentence


def test_a_panel_for_other_probes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of other texts are never compared."""
    from stillwatch.errors import LineageError

    monkeypatch.setattr(probes, "digest", lambda: "another")

    with pytest.raises(LineageError, match="made for other probes"):
        load_tokenizers()
