"""
Stored bytes of weights -> float32, a few rows at a time.

Every format is one row of CODES: how many values share how many bytes. Quantised GGUF formats are decoded by the `gguf` package,
the plain ones here, because numpy knows neither bfloat16 nor the 8-bit floats.
"""

from dataclasses import dataclass

import gguf
import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import LineageError

Bytes = NDArray[np.uint8]
Float32 = NDArray[np.float32]

_PLAIN = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I8": np.int8, "U8": np.uint8, "I16": np.int16,
    "U16": np.uint16, "I32": np.int32, "U32": np.uint32, "I64": np.int64, "U64": np.uint64, "BOOL": np.bool_,
}  # fmt: skip
_FLOATS = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})


@dataclass(frozen=True, slots=True)
class Code:
    """
    One stored format.

    Args:
        values, n_bytes: So many numbers share so many bytes.
        quantised: They share a scale, too.
        run: Neighbours that share one scale and nothing else, so that they may change places before quantisation and the result
            is the same, permuted; 0 where there are none (codebooks over several values).
    """

    name: str
    values: int
    n_bytes: int
    quantised: bool = False
    run: int = 0

    @property
    def holds_weights(self) -> bool:
        """Are these numbers weights by themselves? Integers are not: they are indices, masks or packed by some other tool."""
        return self.quantised or self.name in _FLOATS


# ggml-quants: scales a block of 32, or a sub-block of 16 or 32 of a super-block of 256
_RUNS = {
    **dict.fromkeys(("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q4_K", "Q5_K", "IQ4_NL", "IQ4_XS", "MXFP4"), 32),
    **dict.fromkeys(("Q2_K", "Q3_K", "Q6_K"), 16),
}

SAFETENSORS_CODES = {
    **{name: Code(name, 1, np.dtype(kind).itemsize) for name, kind in _PLAIN.items()},
    "BF16": Code("BF16", 1, 2),
    "F8_E4M3": Code("F8_E4M3", 1, 1),
    "F8_E5M2": Code("F8_E5M2", 1, 1),
}
GGUF_CODES = {
    int(kind): Code(kind.name, values, n_bytes, quantised=values > 1, run=_RUNS.get(kind.name, 0))
    for kind, (values, n_bytes) in gguf.GGML_QUANT_SIZES.items()
}


def decode(code: Code, raw: Bytes, where: str) -> Float32:
    """
    Rows of stored bytes as numbers.

    Args:
        code: The stored format.
        raw: `(rows, bytes of a row)`.
        where: Names the tensor in errors.

    Returns:
        `(rows, values of a row)`.

    Raises:
        LineageError: the format holds no weights, cannot be decoded, or a value is NaN or infinite.
    """
    if not code.holds_weights:
        raise LineageError(
            f"{where}: stored as {code.name}, which is no weight by itself (packed by GPTQ, AWQ or bitsandbytes?). "
            "Convert the checkpoint to bf16 safetensors or to GGUF first"
        )
    values = _dequantised(code, raw, where) if code.quantised else _plain(code.name, raw)
    if not np.isfinite(values).all():
        raise LineageError(f"{where}: holds NaN or infinite weights: the checkpoint is damaged or its training diverged")
    return values


def _plain(name: str, raw: Bytes) -> Float32:
    if name == "BF16":
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
    if name.startswith("F8"):
        return _eight_bit(name)[raw]
    with np.errstate(over="ignore"):
        return raw.view(np.dtype(_PLAIN[name]).newbyteorder("<")).astype(np.float32)


def _dequantised(code: Code, raw: Bytes, where: str) -> Float32:
    try:
        with np.errstate(all="ignore"):  # a NaN scale is reported by the caller, not warned about
            return np.asarray(gguf.dequantize(raw, gguf.GGMLQuantizationType[code.name]), dtype=np.float32)
    except NotImplementedError as error:
        raise LineageError(
            f"{where}: {code.name} cannot be decoded by the installed gguf package. Upgrade it, or requantise"
        ) from error


def _eight_bit(name: str) -> Float32:
    """
    The value of each of the 256 bytes.

    References:
        Micikevicius et al., FP8 formats for deep learning (2022), table 1: E4M3 has no infinity, NaN is S.1111.111.
    """
    byte = np.arange(256)
    exponent_bits, bias = (4, 7) if name == "F8_E4M3" else (5, 15)
    mantissa_bits = 7 - exponent_bits
    sign = np.where(byte >= 128, -1.0, 1.0)
    exponent = (byte >> mantissa_bits) & ((1 << exponent_bits) - 1)
    mantissa = (byte & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    value = np.where(exponent == 0, mantissa * 2.0 ** (1 - bias), (1 + mantissa) * 2.0 ** (exponent - bias))
    lost = (byte & 127) == 127 if name == "F8_E4M3" else exponent == 31
    return np.where(lost, np.nan, sign * value).astype(np.float32)
