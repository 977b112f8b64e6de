"""
What tiny models say: recordings of their outputs, their log-probabilities, and the models behind an address.

Every recording comes from running the models; tests on words and on log-probabilities are then asked as they ask anybody.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import orjson
import torch
from benchmarks.quality.lineage.tiny import Shape, Stack, forward
from safetensors.numpy import load_file
from torch import Tensor
from torch.nn import functional

from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.transport import Transport
from stillwatch.lineage.vocabulary import byte_alphabet

_PROMPT = 16  # bytes
_GREEDY = 16  # bytes


@dataclass(frozen=True)
class Voices:
    """
    Recordings, one a model in each tuple.

    Args:
        greedy: One output a prompt at temperature 0.
        sampled: Some a prompt at temperature 1.
        scored: All log-probabilities of the next byte after each prompt, told twice.
        likelihoods: `(models, texts)` mean log-likelihood of each training text.
        texts: These texts, in the order of training.
    """

    greedy: tuple[Texts, ...]
    sampled: tuple[Texts, ...]
    scored: tuple[Texts, ...]
    likelihoods: np.ndarray
    texts: tuple[str, ...]


def stack_of(folders: Sequence[Path]) -> Stack:
    """Saved models as one stack."""
    states = [load_file(folder / "model.safetensors") for folder in folders]
    return {name: torch.from_numpy(np.stack([state[name] for state in states])) for name in states[0]}


def byte_vocabulary(folder: Path) -> None:
    """The vocabulary of 256 bytes beside a checkpoint, as a tokenizer file tells it."""
    model = {"type": "BPE", "vocab": dict(byte_alphabet().items()), "merges": []}
    (folder / "tokenizer.json").write_bytes(orjson.dumps({"model": model}))


def record_voices(
    stack: Stack, shape: Shape, names: Sequence[str], fresh: Tensor, seen: Tensor, length: int, samples: int = 2
) -> Voices:
    """
    Run the models.

    Args:
        fresh: `(prompts, 16)` bytes that no model was trained on.
        seen: `(texts, n)` training texts in their order.
        length: Bytes of a drawn output; the likeliest, of which tests read the first word, has 16.
        samples: Drawn outputs a prompt.
    """
    prompts = [f"{i}: {_text(row)}" for i, row in enumerate(fresh.tolist())]
    with torch.no_grad():
        greedy = continued(stack, shape, fresh, _GREEDY, None)
        drawn = [continued(stack, shape, fresh, length, torch.Generator().manual_seed(seed)) for seed in range(1, samples + 1)]
        scores = functional.log_softmax(forward(stack, shape, fresh)[:, :, -1].double(), -1).numpy()
    return Voices(
        tuple(_texts(name, prompts, [greedy[m]]) for m, name in enumerate(names)),
        tuple(_texts(name, prompts, [some[m] for some in drawn]) for m, name in enumerate(names)),
        tuple(_scored(name, prompts, scores[m]) for m, name in enumerate(names)),
        likelihoods(stack, shape, seen),
        tuple(f"{i}: {_text(row)}" for i, row in enumerate(seen.tolist())),
    )


def continued(stack: Stack, shape: Shape, prompts: Tensor, length: int, draw: torch.Generator | None) -> np.ndarray:
    """Bytes `(models, prompts, length)` that each model adds: the likeliest, or drawn at temperature 1."""
    models, n = len(stack["model.norm.weight"]), len(prompts)
    parts = []
    for m in range(models):
        alone = {name: w[m : m + 1] for name, w in stack.items()}
        rows = prompts
        for _ in range(length):
            logits = forward(alone, shape, rows)[0, :, -1]
            if draw is None:
                following = logits.argmax(-1, keepdim=True)
            else:
                following = torch.multinomial(logits.softmax(-1), 1, generator=draw)
            rows = torch.cat([rows, following], 1)
        parts.append(rows[:, prompts.shape[1] :])
    return torch.stack(parts).view(models, n, length).numpy()


def likelihoods(stack: Stack, shape: Shape, rows: Tensor) -> np.ndarray:
    """Mean log-likelihood of every row under every model, `(models, rows)`."""
    parts = []
    with torch.no_grad():
        for some in rows.split(64):
            logits = functional.log_softmax(forward(stack, shape, some[:, :-1]), -1)
            targets = some[:, 1:].expand(len(logits), -1, -1)[..., None]
            parts.append(logits.gather(-1, targets)[..., 0].mean(-1))
    return torch.cat(parts, 1).double().numpy()


def _text(raw: Sequence[int]) -> str:
    return bytes(int(b) for b in raw).decode("latin-1")


def _texts(name: str, prompts: Sequence[str], outputs: Sequence[np.ndarray]) -> Texts:
    said = [Spoken(prompt, _text(rows[i])) for i, prompt in enumerate(prompts) for rows in outputs]
    return Texts(name, tuple(said), "")


def _scored(name: str, prompts: Sequence[str], scores: np.ndarray) -> Texts:
    lines = []
    for prompt, row in zip(prompts, scores, strict=True):
        ids = np.argsort(-row)
        token = TokenScore("", float(row[ids[0]]), (), row[ids], tuple(map(int, ids)))
        lines += [Spoken(prompt, "", (token,))] * 2
    return Texts(name, tuple(lines), "")


@contextmanager
def served(stack: Stack, shape: Shape, names: Sequence[str]) -> Iterator[list[Endpoint]]:
    """The models behind an OpenAI-compatible address on loopback: bytes counted, no name but the one asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                raw = "".join(f"<{m['role']}>{m['content']}" for m in asked["messages"]).encode()
                with torch.no_grad():
                    alone = {name: w[names.index(asked["model"])][None] for name, w in stack.items()}
                    logits = forward(alone, shape, torch.tensor([list(raw[-64:])]))
                said = chr(int(logits[0, 0, -1].argmax()))
                usage = {"prompt_tokens": len(raw), "completion_tokens": 1, "total_tokens": len(raw) + 1}
                told = {"model": asked["model"], "choices": [{"message": {"content": said}}], "usage": usage}
                self.tell(200, told)
            except (KeyError, TypeError, ValueError):
                self.tell(400, {"error": {"message": "bad request"}})

        def do_GET(self) -> None:
            self.tell(404, {"error": {"message": "not found"}})

        def tell(self, status: int, told: object) -> None:
            body = orjson.dumps(told)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield [Endpoint(Transport(f"http://127.0.0.1:{server.server_port}/v1"), name) for name in names]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
