"""
Unkeyed attribution on real text: fourteen hosted models that answered the same 805 prompts (AlpacaEval).

    python -m benchmarks.quality.lineage.teachers OUTPUTS.parquet

There is no student in this corpus whose teacher is known, so the best case is measured: a *perfect student* says what its
teacher would say. For each teacher, the suspect speaks with a share of the teacher's words (to prompts that the candidate's
recording does not hold) and else with a third model's. The field is everybody else, asked the same prompts. With twelve strangers
a rank never goes below 1/13: nothing can be called at 0.01, and what would be called at 0.1 is told. Four candidates that did not
teach it give false calls. About two CPU-minutes.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from benchmarks.quality.lineage.record import record

from stillwatch.lineage.base import Given, Result, Verdict
from stillwatch.lineage.speech import Spoken
from stillwatch.lineage.text_unkeyed import TextUnkeyed
from stillwatch.lineage.texts import Texts

SCENARIO = "quality.lineage-teachers"
SHARES = (1.0, 0.5, 0.25, 0.1, 0.0)
ALPHA, N_PROMPTS = 0.1, 64
_CANDIDATES = 5  # the teacher and the next four; the one after them is the student's other voice


def read(path: Path) -> tuple[list[str], list[str], dict[str, dict[str, str]]]:
    """Models, prompts, and what each model said to each prompt."""
    table = pq.read_table(path, columns=["model", "prompt", "response"])
    said: dict[str, dict[str, str]] = {}
    for model, prompt, response in zip(*(table[c].to_pylist() for c in table.column_names), strict=True):
        said.setdefault(model, {})[prompt] = response or ""
    prompts = sorted(set.intersection(*(set(s) for s in said.values())))
    return sorted(said), [str(p) for p in np.random.default_rng(1).permutation(prompts)], said


def spoken(name: str, said: dict[str, str], prompts: list[str]) -> Texts:
    """A recording over these prompts."""
    return Texts(name, tuple(Spoken(prompt, said[prompt]) for prompt in prompts), "")


def student(teacher: dict[str, str], own: dict[str, str], prompts: list[str], share: float) -> Texts:
    """Says what its teacher would to a share of the prompts, and what another model would to the others."""
    cut = round(share * len(prompts))
    return spoken("student", {p: (teacher if i < cut else own)[p] for i, p in enumerate(prompts)}, prompts)


def race(path: Path) -> list[dict[str, object]]:
    """For each share: how often the teacher ranks first and would be called, and how often candidates that are no teacher."""
    models, prompts, said = read(path)
    asked, recorded = prompts[:N_PROMPTS], prompts[N_PROMPTS : 4 * N_PROMPTS]
    rows: list[dict[str, object]] = []
    for share in SHARES:
        count: Counter[str] = Counter()
        for k, teacher in enumerate(models):
            own = models[(k + _CANDIDATES) % len(models)]
            suspect = student(said[teacher], said[own], asked, share)
            for candidate in (models[(k + j) % len(models)] for j in range(_CANDIDATES)):
                field = tuple(spoken(m, said[m], asked) for m in models if m not in (candidate, own))
                given = Given(alpha=ALPHA, strangers=field, prompts=N_PROMPTS)
                (told,) = TextUnkeyed().run(suspect, [spoken(candidate, said[candidate], recorded)], given)
                assert isinstance(told, Result)
                role = "teacher" if candidate == teacher else "other"
                count[f"{role}_asked"] += 1
                count[f"{role}_first"] += (told.log10_p or 0.0) <= -np.log10(len(field) + 1) + 1e-9
                count[f"{role}_called"] += told.verdict is Verdict.CALIBRATED
        rows.append({"share": share, "n_strangers": len(models) - 2, **count})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outputs", type=Path)
    rows = race(parser.parse_args().outputs)
    record(SCENARIO, {"alpha": ALPHA, "n_prompts": N_PROMPTS, "rows": rows})


if __name__ == "__main__":
    main()
