"""Log-probabilities against output heads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy import stats

from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.logits import OutputSubspace, TokenRanking
from stillwatch.lineage.panel import PanelScore, make_panel
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.transport import Transport
from stillwatch.lineage.vocabulary import byte_alphabet
from stillwatch.lineage.weights import Weights, open_weights

N_TOKENS, HIDDEN = 150, 8
BYTES = byte_alphabet()
TOKENS = [*BYTES][:N_TOKENS]


def head(seed: int) -> np.ndarray:
    """An output head whose rows have a common part, as trained ones do."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(N_TOKENS, HIDDEN)) + rng.normal(size=HIDDEN)).astype(np.float32)


def checkpoint(folder: Path, weights: np.ndarray, name: str = "base") -> Weights:
    """A checkpoint with this head and one layer of what else a transformer has."""
    place = folder / name
    place.mkdir()
    ones = {n: np.ones(s, np.float32) for n, s in {
        "model.layers.0.mlp.gate_proj.weight": (4, HIDDEN), "model.layers.0.mlp.up_proj.weight": (4, HIDDEN),
        "model.layers.0.mlp.down_proj.weight": (HIDDEN, 4), "model.embed_tokens.weight": (N_TOKENS, HIDDEN),
        "model.layers.0.self_attn.q_proj.weight": (HIDDEN, HIDDEN), "model.layers.0.self_attn.k_proj.weight": (HIDDEN, HIDDEN),
        "model.layers.0.self_attn.v_proj.weight": (HIDDEN, HIDDEN), "model.layers.0.self_attn.o_proj.weight": (HIDDEN, HIDDEN),
        "model.layers.0.input_layernorm.weight": (HIDDEN,), "model.layers.0.post_attention_layernorm.weight": (HIDDEN,),
        "model.norm.weight": (HIDDEN,)}.items()}  # fmt: skip
    save_file(ones | {"lm_head.weight": weights}, place / "model.safetensors")
    (place / "config.json").write_text(json.dumps({"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": HIDDEN}))
    vocabulary = {"model": {"type": "BPE", "vocab": {w: i for i, w in enumerate(TOKENS)}, "merges": []}}
    (place / "tokenizer.json").write_text(json.dumps(vocabulary))
    return open_weights(place)


def log_probs(weights: np.ndarray, n: int, seed: int) -> np.ndarray:
    """What a model with this head says at n positions."""
    logits = np.random.default_rng(seed).normal(size=(n, HIDDEN)) @ weights.astype(np.float64).T
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


def said(weights: np.ndarray, shown: int = N_TOKENS, ids: bool = True, n: int = 5) -> Texts:
    """A recording of these, likeliest tokens first."""
    lines = []
    shown = min(shown, len(weights))
    for i, row in enumerate(log_probs(weights, n, 77)):
        order = np.argsort(-row)[:shown]
        names = tuple(bytes([BYTES[TOKENS[j]]]).decode("latin-1") for j in order)
        score = TokenScore(names[0], float(row[order[0]]), names, row[order], tuple(int(j) for j in order) if ids else None)
        lines.append(Spoken(f"p{i}", names[0], (score,)))
    return Texts("suspect", tuple(lines), "")


def only(test: Any, suspect: Any, base: Weights, given: Given | None = None) -> Result:
    """The one result."""
    (found,) = test.run(suspect, [base], given or Given())
    assert isinstance(found, Result)
    return found


def test_the_model_itself_and_a_fine_tuned_child_fit_the_head(tmp_path: Path) -> None:
    """Compatible, with the energy outside, position by position, and what shuffled ids leave."""
    parent = head(1)
    child = parent + 0.01 * head(5)

    own, near = (only(OutputSubspace(), said(w), checkpoint(tmp_path, parent, n)) for w, n in ((parent, "a"), (child, "b")))

    assert own.verdict is near.verdict is Verdict.COMPATIBLE
    assert own.statistic is not None
    assert near.statistic is not None
    assert own.statistic < 1e-8 < near.statistic < 0.003
    assert own.null_mean is not None
    assert own.null_mean > 0.5
    assert len(own.parts) == 5
    assert own.log10_p is None


def test_another_head_is_excluded_in_words_that_name_the_claim(tmp_path: Path) -> None:
    """Not this head, nor a light fine-tune of it."""
    found = only(OutputSubspace(), said(head(2)), checkpoint(tmp_path, head(1)))

    assert found.verdict is Verdict.EXCLUDED
    assert "nor from a light fine-tune" in found.sentence


def test_in_between_it_cannot_tell(tmp_path: Path) -> None:
    """A head moved by a fifth is neither."""
    assert only(OutputSubspace(), said(head(1) + 0.2 * head(9)), checkpoint(tmp_path, head(1))).verdict is Verdict.NO_POWER


def test_a_panel_of_strangers_calibrates(tmp_path: Path) -> None:
    """With scores of strangers the verdict is their rank; a stranger among strangers has no power."""
    base = checkpoint(tmp_path, head(1))
    scores = [1.0 - (only(OutputSubspace(), said(head(100 + i)), base).statistic or 0.0) for i in range(19)]
    given = Given(alpha=0.05, panel=make_panel(tuple(PanelScore("output-subspace", "toy", "seeds", s) for s in scores)))

    child = only(OutputSubspace(), said(head(1) + 0.05 * head(7)), base, given)
    strangers = [only(OutputSubspace(), said(head(300 + i)), base, given) for i in range(40)]

    assert child.verdict is Verdict.CALIBRATED
    assert child.panel_id == given.panel.panel_id  # type: ignore[union-attr]  # just made
    assert sum(s.verdict is Verdict.CALIBRATED for s in strangers) <= stats.binom.ppf(0.999, 40, 0.05)


def test_tokens_are_found_by_their_bytes_where_no_ids_are_told(tmp_path: Path) -> None:
    """An API that spells tokens is as good where each has bytes of its own."""
    ascii_only = only(OutputSubspace(), said(head(1), ids=False), checkpoint(tmp_path, head(1)))

    assert ascii_only.verdict is Verdict.COMPATIBLE
    assert ascii_only.parts[0].n < N_TOKENS


def test_twenty_alternatives_are_too_few_for_a_subspace(tmp_path: Path) -> None:
    """The reason gives both numbers; so does silence."""
    base = checkpoint(tmp_path, head(1))

    (few,) = OutputSubspace().run(said(head(1), shown=5), [base], Given())
    (none,) = OutputSubspace().run(Texts("s", (Spoken("p", "x"),), ""), [base], Given())

    assert isinstance(few, Skipped)
    assert "needs more" in few.reason
    assert isinstance(none, Skipped)
    assert "shows 0" in none.reason


def test_an_order_that_the_head_can_give_is_compatible_and_another_is_excluded(tmp_path: Path) -> None:
    """Speaks of exactly this head."""
    base = checkpoint(tmp_path, head(1))

    own, other = only(TokenRanking(), said(head(1), shown=30), base), only(TokenRanking(), said(head(2), shown=30), base)

    assert own.verdict is Verdict.COMPATIBLE
    assert other.verdict is Verdict.EXCLUDED
    assert "fine-tuned child may still be one" in other.sentence


def test_a_short_order_is_feasible_for_anybody(tmp_path: Path) -> None:
    """Three of twelve tokens in eight dimensions prove nothing, and that is measured."""
    few = head(1)[:12]

    found = only(TokenRanking(), said(few, shown=3), checkpoint(tmp_path, few))

    assert found.verdict is Verdict.NO_POWER
    assert "even when it is drawn by chance" in found.sentence


def test_orders_that_are_not_ranked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than three tokens, or a head too large for linear programs, are skipped with the reason."""
    base = checkpoint(tmp_path, head(1))

    (short,) = TokenRanking().run(said(head(1), shown=2), [base], Given())
    monkeypatch.setattr("stillwatch.lineage.logits._LARGEST_RANKED_HEAD", 4)
    (large,) = TokenRanking().run(said(head(1)), [base], Given())

    assert isinstance(short, Skipped)
    assert "three tokens" in short.reason
    assert isinstance(large, Skipped)
    assert "8 dimensions" in large.reason


def test_programs_that_do_not_finish_are_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test is skipped, and says why."""

    def unfinished(*_: object) -> float:
        raise ArithmeticError("time limit")

    monkeypatch.setattr("stillwatch.lineage.logits.ranking_margin", unfinished)

    (found,) = TokenRanking().run(said(head(1)), [checkpoint(tmp_path, head(1))], Given())

    assert isinstance(found, Skipped)
    assert found.reason == "time limit"


def test_an_endpoint_is_asked_for_everything_and_then_for_twenty(serve: Any, told: Any, tmp_path: Path) -> None:
    """A server that refuses a whole vocabulary is asked for what APIs allow."""

    def answer(asked: Any) -> Any:
        if asked.path.endswith("/chat/completions"):
            tops = [{"token": chr(65 + i), "logprob": -float(i + 1)} for i in range(asked.body["top_logprobs"])]
            content = [{"token": "A", "logprob": -1.0, "top_logprobs": tops}]
            return told({"choices": [{"message": {"content": "A"}, "logprobs": {"content": content}}]})
        return told({"error": "logprobs must be at most 20"}, 400)

    server = serve(answer)

    (found,) = OutputSubspace().run(Endpoint(Transport(server.url), "m"), [checkpoint(tmp_path, head(1))], Given(prompts=2))

    assert isinstance(found, Result)
    assert found.parts[0].n == 20
    assert server.asked[0].body["logprobs"] == N_TOKENS
