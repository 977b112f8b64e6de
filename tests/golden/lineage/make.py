"""
Trained tiny models of four architectures, kept so that tests need no torch: `python -m tests.golden.lineage.make`.

Each has a base (seed 1), its child by training on other text, and a stranger (seed 2) of the base's recipe and data.
"""

from pathlib import Path

import numpy as np
import torch
from benchmarks.quality.lineage.architectures import FORMS, begin, config_of, hub_state, save, train
from benchmarks.quality.lineage.tiny import Recipe, corpus

HERE = Path(__file__).parent
KEPT = ("qwen2_moe", "qwen3_moe", "mixtral", "deepseek_v32")


def main() -> None:
    """Train and write: half precision, some 100 kB a model."""
    torch.set_num_threads(1)
    text = corpus()
    for name in KEPT:
        form = FORMS[name]
        grown, loss = train(begin(form, [1, 2]), form, Recipe(steps=100, batch=8, length=32, rate=1e-2), text)
        child, _ = train(
            {n: w[:1] for n, w in grown.items()}, form, Recipe(steps=30, batch=8, length=32, rate=2e-3, offset=2_000_000), text
        )
        print(f"{name}: {loss:.3f} nats a byte")
        for role, stack, index in (("base", grown, 0), ("stranger", grown, 1), ("child", child, 0)):
            state = {n: w.astype(np.float16) for n, w in hub_state(stack, form, index).items()}
            save(state, config_of(form), HERE / name / role)


if __name__ == "__main__":
    main()
