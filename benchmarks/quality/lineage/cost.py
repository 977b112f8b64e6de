"""
What the weights tests cost: SmolLM2-135M whole, a pair the shape of a 7B model, and a folder of many checkpoints.

    python -m benchmarks.quality.lineage.cost SCRATCH [--gguf SMOLLM2.gguf] [--seven-billion] [--folder N]

The 7B pair is random bf16 on disk in SCRATCH (27 GB, removed afterwards): two strangers, the dearest case, because nothing lets a
test stop early. Its files are dropped from the page cache first. The folder holds N checkpoints of 100 MB in families of five.
Costs are also given as a multiple of a yardstick timed in the same run, one SHA-256 over 1 GB.
"""

import argparse
import hashlib
import os
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
from benchmarks.quality.lineage.children import noisy, pruned, write
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Shape, shapes

from stillwatch.lineage.base import Given
from stillwatch.lineage.run import compare
from stillwatch.lineage.tree import grow
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

SCENARIO = "quality.lineage-cost"
SHARD_BYTES = 4_500_000_000
SEVEN = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "vocab_size": 32000,
    "head_dim": 128,
}
HUNDRED_MB = Shape(layers=14, width=384, ff=1024, heads=6, kv_heads=2, vocabulary=8192)


def yardstick() -> float:
    """CPU-seconds of one SHA-256 over 1 GB."""
    block, digest, start = bytes(10_000_000), hashlib.sha256(), time.process_time()
    for _ in range(100):
        digest.update(block)
    return time.process_time() - start


def seven_shapes() -> dict[str, tuple[int, ...]]:
    """Tensors of a Llama-2-7B."""
    d, ff, v = 4096, 11008, 32000
    told: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (v, d), "lm_head.weight": (v, d), "model.norm.weight": (d,)}
    for i in range(32):
        at = f"model.layers.{i}."
        told |= {f"{at}self_attn.{p}_proj.weight": (d, d) for p in "qkvo"}
        told |= {at + "mlp.gate_proj.weight": (ff, d), at + "mlp.up_proj.weight": (ff, d), at + "mlp.down_proj.weight": (d, ff)}
        told |= {at + "input_layernorm.weight": (d,), at + "post_attention_layernorm.weight": (d,)}
    return told


def write_seven(folder: Path, seed: int) -> Path:
    """Random bf16 of about the size of weights, in shards with an index; one that is there already is only made cold."""
    if (folder / "config.json").is_file():
        for path in folder.glob("*.safetensors"):
            with path.open("rb") as cold:
                os.posix_fadvise(cold.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return folder
    folder.mkdir(parents=True)
    rng, shards, held = np.random.default_rng(seed), [{}], 0  # type: ignore[var-annotated]  # name -> shape, a shard each
    for name, shape in seven_shapes().items():
        size = 2 * int(np.prod(shape))
        if held + size > SHARD_BYTES:
            shards, held = [*shards, {}], 0
        shards[-1][name] = shape
        held += size
    weight_map = {}
    for number, shard in enumerate(shards):
        file = f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        header, at = {}, 0
        for name, shape in shard.items():
            size = 2 * int(np.prod(shape))
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
            weight_map[name], at = file, at + size
        raw = orjson.dumps(header)
        with (folder / file).open("wb") as out:
            out.write(len(raw).to_bytes(8, "little") + raw)
            for shape in shard.values():
                bits = np.frombuffer(rng.bytes(2 * int(np.prod(shape))), dtype=np.uint16)
                out.write(((bits & 0x807F) | 0x3C80).tobytes())  # random sign and fraction, 2^-6 in size
            out.flush()
            os.fsync(out.fileno())
            os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    (folder / "model.safetensors.index.json").write_bytes(orjson.dumps({"weight_map": weight_map}))
    (folder / "config.json").write_bytes(orjson.dumps(SEVEN))
    return folder


class Counted(Weights):
    """Weights that count the bytes of the rows asked for."""

    asked = 0

    def rows(self, tensor: str, at: object = None) -> np.ndarray:
        """As ever, counting."""
        found = super().rows(tensor, at)  # type: ignore[arg-type]  # passed on as it came
        Counted.asked += len(found) * self.places[tensor].row_bytes
        return found


def counted(weights: Weights) -> Weights:
    """The same operand, counting."""
    return Counted(weights.name, weights.places, weights.vocabulary, weights.hints)


def measured(what: str, stick: float, run: Callable[[], dict[str, object]]) -> dict[str, object]:
    """CPU and wall seconds, peak memory, bytes of rows, and what the run says."""
    Counted.asked = 0
    cpu, wall = time.process_time(), time.perf_counter()
    told = run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "what": what,
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "yardsticks": round(cpu / stick, 2),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "read_gb": round(Counted.asked / 1e9, 3),
        **told,
    }


def pair(suspect: Path, base: Path) -> dict[str, object]:
    """Both weights tests on a pair."""
    a, b = counted(open_weights(suspect, "suspect")), counted(open_weights(base, "base"))
    found = compare(a, [b], [WeightsExact(), WeightsRobust()], Given())
    size = sum(place.n_bytes for weights in (a, b) for place in weights.places.values())
    return {"pair_gb": round(size / 1e9, 3)} | {r.test: str(r.verdict) for r in found.results}


def folder_of(scratch: Path, n: int) -> dict[str, object]:
    """A folder of n checkpoints of 100 MB, in families of five, joined to a forest."""
    shape = HUNDRED_MB
    config = {"hidden_size": shape.width, "num_attention_heads": shape.heads, "num_key_value_heads": shape.kv_heads}
    config |= {"head_dim": shape.head, "num_hidden_layers": shape.layers}
    folder = scratch / "folder"
    try:
        for family in range(n // 5):
            rng = np.random.default_rng(family)
            state = {name: (rng.standard_normal(s, dtype=np.float32) * np.float32(0.02)) for name, s in shapes(shape).items()}
            write(folder / f"{family:02d}-base", state, config)
            for i in range(1, 4):
                write(folder / f"{family:02d}-tuned-{i}", noisy(state, 0.2, 1_000 + 10 * family + i), config)
            write(folder / f"{family:02d}-pruned", pruned(state, 0.5), config)
        cpu, wall = time.process_time(), time.perf_counter()
        forest = grow(folder, Given())
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "checkpoints": n,
        "checkpoint_mb": round(4 * sum(int(np.prod(s)) for s in shapes(shape).values()) / 1e6),
        "grow_cpu_s": round(cpu, 2),
        "grow_wall_s": round(wall, 2),
        "families": sum(n > 0 for _, n in forest.roots),
        "edges_right": sum(e.parent.endswith("-base") and e.parent[:2] == e.child[:2] for e in forest.edges),
        "n_tested": forest.n_tested,
        "n_pairs": forest.n_pairs,
    }


def main() -> None:
    """Measure what was asked for, append the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--seven-billion", action="store_true")
    parser.add_argument("--folder", type=int)
    told = parser.parse_args()
    stick, rows = yardstick(), []
    if told.gguf is not None:
        rows.append(measured("SmolLM2-135M Q4_1 against itself", stick, lambda: pair(told.gguf, told.gguf)))
    if told.folder is not None:
        rows.append(measured("folder, made and joined", stick, lambda: folder_of(told.scratch, told.folder)))
    if told.seven_billion:
        try:
            made = [write_seven(told.scratch / f"seven-{seed}", seed) for seed in (1, 2)]
            rows.append(measured("7B-shaped strangers, bf16", stick, lambda: pair(made[0], made[1])))
        finally:
            for seed in (1, 2):
                shutil.rmtree(told.scratch / f"seven-{seed}", ignore_errors=True)
    record(SCENARIO, {"yardstick_cpu_s": round(stick, 3), "rows": rows})


if __name__ == "__main__":
    main()
