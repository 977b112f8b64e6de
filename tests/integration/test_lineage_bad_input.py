"""What people and servers hand over by mistake or in malice, through all of `lineage test`: one sentence, never a traceback."""

import json
import pickle
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import save_file
from tests.checkpoints import LLAMA, State, random_state, write_folder, write_gguf

from stillwatch.cli.lineage import command
from stillwatch.errors import LineageError

STATE = random_state(LLAMA, 1)
UP = "model.layers.1.mlp.up_proj.weight"


class Trap:
    """A pickle that leaves a mark when somebody loads it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.write_text, (self.mark, "loaded")


def truncated_shard(folder: Path) -> Path:
    """Two shards with an index, the second cut off."""
    halves = [dict(list(STATE.items())[:9]), dict(list(STATE.items())[9:])]
    files = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    folder.mkdir()
    for file, half in zip(files, halves, strict=True):
        save_file(half, folder / file)
    index = {name: file for file, half in zip(files, halves, strict=True) for name in half}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    whole = (folder / files[1]).read_bytes()
    (folder / files[1]).write_bytes(whole[: len(whole) // 2])
    return folder


def missing_shard(folder: Path) -> Path:
    """The index names a file that is not there."""
    truncated_shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    return folder


def changed(folder: Path, change: Callable[[State], object]) -> Path:
    """A folder whose tensors were tampered with."""
    state = dict(STATE)
    change(state)
    return write_folder(folder, state, LLAMA)


def truncated_gguf(folder: Path) -> Path:
    """A `.gguf` file cut off."""
    folder.mkdir()
    path = write_gguf(folder / "m.gguf", STATE, LLAMA)
    path.write_bytes(path.read_bytes()[:-5_000])
    return path


def zip_bomb(folder: Path) -> Path:
    """A small archive that unpacks to a thousand times its size, under a checkpoint's name."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "model.safetensors", "w", zipfile.ZIP_DEFLATED) as bomb, bomb.open("data", "w") as inner:
        for _ in range(64):
            inner.write(bytes(1 << 20))
    return folder


def pickled(folder: Path) -> Path:
    """A pickle under a checkpoint's name."""
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(pickle.dumps(Trap(folder / "mark")))
    return folder


def torch_folder(folder: Path) -> Path:
    """A folder as torch saves it, and nothing else."""
    folder.mkdir()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(folder / "mark")))
    return folder


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "truncated shard": (truncated_shard, r"truncated: tensor .* Download it again"),
    "missing shard": (missing_shard, r"model-00002-of-00002\.safetensors"),
    "truncated gguf": (truncated_gguf, r"truncated"),
    "missing tensor": (lambda f: changed(f, lambda s: s.pop(UP)), r"layer 1 has mlp\.gate but no mlp\.up.*download it again"),
    "NaN": (lambda f: changed(f, lambda s: s.update({UP: s[UP] * np.nan})), rf"{UP}: holds NaN or infinite weights"),
    "integers": (lambda f: changed(f, lambda s: s.update({UP: s[UP].astype(np.int8)})), rf"{UP}: .*I8"),
    "zip bomb": (zip_bomb, r"a zip archive.*Convert the checkpoint to safetensors"),
    "pickle": (pickled, r"a Python pickle.*Convert the checkpoint to safetensors"),
    "torch folder": (torch_folder, r"a Python pickle.*Convert the checkpoint to safetensors"),
    "nothing": (lambda f: f, r"no such file or folder"),
}


def run(*line: str) -> Result:
    """One call of the command line."""
    return CliRunner().invoke(command, list(line), standalone_mode=False)


@pytest.mark.parametrize("side", ["suspect", "base"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_operand_is_one_sentence_and_no_code_is_run(tmp_path: Path, name: str, side: str) -> None:
    """
    Whichever side it stands on: what is wrong, where, and what to do; a pickle is never loaded, an archive never unpacked.
    """
    make, words = BAD[name]
    bad, good = str(make(tmp_path / "bad")), str(write_folder(tmp_path / "good", STATE, LLAMA))

    found = run("test", *((bad, "--against", good) if side == "suspect" else (good, "--against", bad)))

    assert isinstance(found.exception, LineageError | click.ClickException), found.exception
    with pytest.raises(LineageError, match=f"(?i){words}"):
        raise found.exception
    assert not (tmp_path / "bad" / "mark").exists()


def test_vocabularies_that_share_nothing_withhold_one_row(tmp_path: Path) -> None:
    """
    The residual stream is left out and the result says why; every other symmetry is tested.
    """
    folders = [write_folder(tmp_path / name, STATE, LLAMA) for name in ("suspect", "base")]
    for letter, folder in zip("xy", folders, strict=True):
        vocabulary = {f"{letter}{i}": i for i in range(LLAMA["vocab_size"])}
        (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": vocabulary, "merges": []}}))

    found = run("test", str(folders[0]), "--against", str(folders[1]), "-o", "json")

    exact = next(r for r in json.loads(found.stdout)["results"] if r["test"] == "weights-exact")
    assert found.return_value == 3
    assert not any("residual" in part["name"] for part in exact["parts"])
    assert "the vocabularies share 0 tokens" in " ".join(exact["assumptions"])


class Limited(BaseHTTPRequestHandler):
    """Answers so many questions, then asks to be left alone for an hour."""

    allowed: ClassVar[int] = 0
    answered: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Answer, or refuse."""
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kind = type(self)
        if len(kind.answered) >= kind.allowed:
            return self.tell(429, {}, {"Retry-After": "3600"})
        kind.answered.append(raw)
        self.tell(200, {"choices": [{"message": {"content": f"well {len(raw)}"}}]}, {})
        return None

    def do_GET(self) -> None:
        """No list of models."""
        self.tell(404, {}, {})

    def tell(self, status: int, tree: object, headers: dict[str, str]) -> None:
        """One answer."""
        body = json.dumps(tree).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_run_that_a_limit_ended_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """
    The first run ends with the number of answers kept; once the limit is lifted the second asks only what was not answered.
    """

    class Handler(Limited):
        allowed: ClassVar[int] = 4
        answered: ClassVar[list[str]] = []

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, args=(0.01,))
    thread.start()
    base = tmp_path / "base.jsonl"
    base.write_text("".join(json.dumps({"prompt": f"p{i}", "output": "o"}) + "\n" for i in range(6)))
    key = tmp_path / "key.json"
    key.write_text(
        json.dumps({"format": "stillwatch.lineage.key/1", "secret": "ab" * 16, "green_list": {"words": 2, "share": 0.5}})
    )
    line = ("test", f"http://127.0.0.1:{web.server_port}/v1#m", "--against", str(base), "--key", str(key), "--prompts", "6")

    first = run(*line, "--out", str(tmp_path / "out"), "-o", "json")
    kept = list(Handler.answered)
    Handler.allowed = 10_000
    second = run(*line, "--out", str(tmp_path / "out"), "-o", "json")
    web.shutdown()
    web.server_close()
    thread.join()

    failed = [s for s in json.loads(first.stdout)["skipped"] if s["failed"]]
    assert first.return_value == 1
    assert len(kept) == 4
    assert failed
    assert all("run the same command again" in s["reason"] for s in failed)
    assert second.return_value == 0
    assert not [s for s in json.loads(second.stdout)["skipped"] if s["failed"]]
    assert not set(kept) & set(Handler.answered[4:])
