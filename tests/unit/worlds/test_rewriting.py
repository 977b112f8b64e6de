"""The rewriter of instructions."""

import numpy as np
import pytest
from tests.planting import a_library, planted

from stillwatch.worlds.hashing import mix
from stillwatch.worlds.rewriting import rewritten
from stillwatch.worlds.shapes.elicitation import Elicitation, paraphrased
from stillwatch.worlds.shapes.hydra import Hydra
from stillwatch.worlds.shapes.split import Split


def shingles(text: str) -> set[tuple[str, ...]]:
    """Runs of five words."""
    words = text.lower().split()
    return set(zip(*(words[i:] for i in range(5)), strict=False))


@pytest.mark.parametrize(
    "text",
    [
        "You are an impartial judge of model answers.",
        "If the index is missing, check the small cache.",
        "Always validate the final table before you merge anything.",
        "Check each step and correct yourself where needed.",
        "The pipeline must validate the input within 4 steps.",
        "Return scores, reasons and totals in that order.",
    ],
)
def test_a_sentence_has_many_wordings(text: str) -> None:
    """The same seed gives the same one; a wording is a whole sentence."""
    told = {rewritten(text, seed) for seed in range(40)}

    assert len(told) >= 5
    assert all(said[0].isupper() and said.endswith(".") and "  " not in said for said in told)
    assert rewritten(text, 3) == rewritten(text, 3)


def test_few_runs_of_words_survive() -> None:
    """Of a template's five-word runs two rewritings share less than two fifths, over the shipped wordings and made-up rules."""
    heads = paraphrased("reasoning", mix(3, list(range(20)))).to_pylist()
    heads += a_library().instructions(np.random.default_rng(1), 20, "pipeline", 5.0, 0).to_pylist()
    kept = []
    for head in heads:
        one, two = shingles(rewritten(head, 1)), shingles(rewritten(head, 2))
        kept.append(len(one & two) / max(1, min(len(one), len(two))))

    assert np.mean(kept) < 0.4


def test_what_is_no_english_prose_stays() -> None:
    """Other scripts, code and very short lines."""
    for text in ("请 检查 这个 索引。", "x = 1", "", "Ok.\n\nDone.", "  \n"):
        assert rewritten(text, 5) == text


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_templates_are_rewritten_by_their_share(share: float) -> None:
    """Each request anew: one template, nearly as many heads as requests are rewritten."""
    part = Elicitation(accounts=10, exchanges=400, cover=0.0, recipes=1, paraphrase=share)
    heads = [p.split("\n\n")[0] for p in planted(part).harvested]
    most = max(heads.count(h) for h in set(heads))

    assert abs(most / 400 - (1 - share)) < 0.08


def test_templates_in_the_system_prompt_are_rewritten_too() -> None:
    """And nothing else of the request."""
    part = Hydra(accounts=10, exchanges=200, cover=0.0, recipes=1, in_system=True, language=0)
    plain, told = planted(part), planted(Hydra(**{**vars(part), "paraphrase": 1.0}))

    assert plain.column("prompt") == told.column("prompt")
    assert len(set(plain.column("system_prompt"))) == 1
    assert len(set(told.column("system_prompt"))) > 50


def test_prompts_without_a_template_are_told_anew() -> None:
    """Also when the same one is sent again."""
    part = Split(accounts=10, exchanges=300, cover=0.0, samples=3, paraphrase=1.0, language=0)
    harvested = planted(part).harvested

    assert len(set(harvested)) > 250
