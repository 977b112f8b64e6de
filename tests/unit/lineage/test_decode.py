"""Stored bytes of weights to float32."""

import gguf
import numpy as np
import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.decode import GGUF_CODES, SAFETENSORS_CODES, decode

COMMON = [
    "Q4_0",
    "Q4_1",
    "Q5_0",
    "Q5_1",
    "Q8_0",
    "Q2_K",
    "Q3_K",
    "Q4_K",
    "Q5_K",
    "Q6_K",
    "IQ4_NL",
    "IQ4_XS",
    "IQ3_S",
    "BF16",
    "F16",
]


def raw(values: np.ndarray) -> np.ndarray:
    """Bytes, one row."""
    return np.frombuffer(values.tobytes(), dtype=np.uint8)[None]


@pytest.mark.parametrize(("name", "dtype"), [("F64", np.float64), ("F32", np.float32), ("F16", np.float16)])
def test_plain_floats_are_read_as_they_are(name: str, dtype: type) -> None:
    """
    Numbers that float32 holds come back unchanged.
    """
    values: np.ndarray = np.array([0.0, -1.5, 1024.0], dtype=dtype)

    assert decode(SAFETENSORS_CODES[name], raw(values), "t").tolist() == [[0.0, -1.5, 1024.0]]


def test_bfloat16_is_the_upper_half_of_a_float32() -> None:
    """
    Every float32 whose lower half is zero survives.
    """
    values = np.array([1.0, -2.5, 3e30], dtype=np.float32)
    kept = values.view(np.uint32) >> 16

    found = decode(SAFETENSORS_CODES["BF16"], raw(kept.astype("<u2")), "t")

    assert np.array_equal(found[0], (kept << 16).view(np.float32))


@pytest.mark.parametrize(
    ("name", "byte", "value"),
    [
        ("F8_E4M3", 0x00, 0.0),
        ("F8_E4M3", 0x38, 1.0),
        ("F8_E4M3", 0x7E, 448.0),
        ("F8_E4M3", 0x81, -(2.0**-9)),
        ("F8_E5M2", 0x3C, 1.0),
        ("F8_E5M2", 0x7B, 57344.0),
        ("F8_E5M2", 0x01, 2.0**-16),
    ],
)
def test_eight_bit_floats_follow_their_paper(name: str, byte: int, value: float) -> None:
    """
    Zero, one, the largest and the smallest number of both formats.
    """
    assert decode(SAFETENSORS_CODES[name], np.array([[byte]], dtype=np.uint8), "t").item() == value


@pytest.mark.parametrize("name", COMMON)
def test_gguf_types_are_decoded_as_the_gguf_package_does(name: str) -> None:
    """
    Whole rows of every common type come out as the reference decodes them.
    """
    kind = gguf.GGMLQuantizationType[name]
    values, n_bytes = gguf.GGML_QUANT_SIZES[kind]
    stored = np.random.default_rng(1).integers(0, 60, size=(2, n_bytes * 512 // values), dtype=np.uint8)

    found = decode(GGUF_CODES[int(kind)], stored, "t")

    assert found.shape == (2, 512)
    assert np.array_equal(found, gguf.dequantize(stored, kind).reshape(2, 512))


@pytest.mark.parametrize(("name", "bad"), [("F32", np.nan), ("F32", np.inf), ("F16", np.nan)])
def test_nan_and_infinity_are_refused(name: str, bad: float) -> None:
    """
    A damaged or diverged checkpoint is named with its tensor.
    """
    dtype = np.float32 if name == "F32" else np.float16

    with pytest.raises(LineageError, match="mlp: holds NaN or infinite weights"):
        decode(SAFETENSORS_CODES[name], raw(np.array([1.0, bad], dtype=dtype)), "mlp")


def test_an_eight_bit_nan_is_refused() -> None:
    """
    FP8 has its NaN, too.
    """
    with pytest.raises(LineageError, match="holds NaN"):
        decode(SAFETENSORS_CODES["F8_E4M3"], np.array([[0x7F]], dtype=np.uint8), "t")


def test_integers_are_no_weights() -> None:
    """
    Weights that another tool packed into integers are refused with a remedy.
    """
    with pytest.raises(LineageError, match=r"stored as I32, which is no weight.*Convert the checkpoint"):
        decode(SAFETENSORS_CODES["I32"], raw(np.array([1], dtype=np.int32)), "model.qweight")


def test_a_type_that_the_gguf_package_cannot_decode_is_named() -> None:
    """
    The message says what to upgrade.
    """
    code = GGUF_CODES[int(gguf.GGMLQuantizationType.Q8_1)]

    with pytest.raises(LineageError, match=r"Q8_1 cannot be decoded by the installed gguf package"):
        decode(code, np.zeros((1, code.n_bytes), dtype=np.uint8), "t")
