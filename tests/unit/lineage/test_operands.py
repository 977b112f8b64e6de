"""From what is typed to an operand."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from stillwatch.errors import LineageError
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.operands import Access, answers_file, host_of, open_operand
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.transport import ApiKey
from stillwatch.lineage.weights import Weights


def test_each_kind_is_opened_by_what_it_is(tmp_path: Path) -> None:
    """An address with a model, a file of outputs, a checkpoint."""
    (tmp_path / "said.jsonl").write_text('{"prompt": "p", "output": "o"}\n')
    save_file({"w": np.ones((2, 2), np.float32)}, tmp_path / "model.safetensors")

    assert isinstance(open_operand("https://host/v1#m", Access()), Endpoint)
    assert isinstance(open_operand(str(tmp_path / "said.jsonl"), Access()), Texts)
    assert isinstance(open_operand(str(tmp_path / "model.safetensors"), Access()), Weights)


def test_a_key_goes_to_its_host_only() -> None:
    """Another host is asked without."""
    access = Access(keys={"one.example": ApiKey("k" * 20)})

    ours, theirs = open_operand("https://one.example/v1#m", access), open_operand("https://two.example/v1#m", access)

    assert isinstance(ours, Endpoint)
    assert isinstance(theirs, Endpoint)
    assert ours.transport.key is not None
    assert theirs.transport.key is None


def test_answers_are_kept_by_address_and_model(tmp_path: Path) -> None:
    """Each endpoint has a file of its own, named without its address."""
    operand = open_operand("http://127.0.0.1:9/v1#m", Access(answers=tmp_path))

    assert operand.name == "http://127.0.0.1:9/v1#m"
    assert answers_file(operand.name) != answers_file("http://127.0.0.1:9/v1#n")


def test_what_cannot_be_opened() -> None:
    """The message says what to write."""
    with pytest.raises(LineageError, match=r"https://host/v1#MODEL"):
        open_operand("https://host/v1", Access())
    with pytest.raises(LineageError, match="no such file"):
        open_operand("no/such/model", Access())
    assert host_of("https://u:p@Host.example:1/v1") == "host.example"
