"""Agreement on the first word, against strangers."""

from stillwatch.lineage.agreement import TopAgreement, strangers_id
from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.panel import PanelScore, make_panel
from stillwatch.lineage.speech import Spoken
from stillwatch.lineage.texts import Texts

PROMPTS = [f"p{i}" for i in range(40)]


def voice(name: str, agree: int) -> Texts:
    """Says the base's word to so many prompts, else its own."""
    return Texts(name, tuple(Spoken(p, f"word{i} x" if i < agree else f"{name}{i} x") for i, p in enumerate(PROMPTS)), "")


def only(suspect: Texts, given: Given) -> Result:
    """The one result."""
    (said,) = TopAgreement().run(suspect, [voice("base", 40)], given)
    assert isinstance(said, Result)
    return said


def test_agreement_beyond_all_strangers_is_calibrated() -> None:
    """The p-value is the rank among them, and names them as its panel."""
    strangers = tuple(voice(f"s{i}", i) for i in range(19))

    found = only(voice("suspect", 30), Given(alpha=0.05, strangers=strangers))

    assert found.verdict is Verdict.CALIBRATED
    assert round(10 ** (found.log10_p or 0.0), 3) == 0.05
    assert found.panel_id == strangers_id(strangers)
    assert not found.exact


def test_agreement_like_a_strangers_has_no_power() -> None:
    """Half of the strangers agree as much."""
    found = only(voice("suspect", 9), Given(alpha=0.05, strangers=tuple(voice(f"s{i}", i) for i in range(19))))

    assert found.verdict is Verdict.NO_POWER


def test_a_panel_stands_in_for_strangers_and_without_either_nothing_is_said() -> None:
    """Scores of earlier strangers calibrate; no scores, no p-value."""
    panel = make_panel(tuple(PanelScore("top-token-agreement", "toy", "seeds", i / 100) for i in range(19)))

    from_panel = only(voice("suspect", 30), Given(alpha=0.05, panel=panel))
    alone = only(voice("suspect", 30), Given())

    assert from_panel.verdict is Verdict.CALIBRATED
    assert from_panel.panel_id == panel.panel_id
    assert alone.verdict is Verdict.NO_POWER
    assert alone.log10_p is None
    assert alone.panel_id is None
    assert "says nothing" in alone.sentence


def test_no_prompt_in_common() -> None:
    """Nothing can be compared."""
    (said,) = TopAgreement().run(Texts("s", (Spoken("other", "x"),), ""), [voice("base", 40)], Given())

    assert isinstance(said, Skipped)
