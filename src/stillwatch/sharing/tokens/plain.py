"""
ristretto255 in plain Python, straight from RFC 9496: slow, not constant-time, and easy to hold against the text.

It checks libsodium in tests, and lets a client verify where libsodium is missing.
"""

from stillwatch.sharing.tokens.group import ORDER

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)
_ONE_MINUS_D_SQ = (1 - _D * _D) % _P
_D_MINUS_ONE_SQ = (_D - 1) ** 2 % _P

Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T of the twisted Edwards curve (Hisil et al. 2008)
_ZERO: Point = (0, 1, 1, 0)


def _sqrt_ratio(u: int, v: int) -> tuple[bool, int]:
    """RFC 9496 section 4.2: is u/v a square, and the non-negative root of u/v or of SQRT_M1 · u/v."""
    r = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    check = v * r * r % _P
    correct, flipped, flipped_i = check == u % _P, check == -u % _P, check == -u * _SQRT_M1 % _P
    if flipped or flipped_i:
        r = r * _SQRT_M1 % _P
    return correct or flipped, _absolute(r)


def _absolute(x: int) -> int:
    return -x % _P if x % _P & 1 else x % _P


_SQRT_AD_MINUS_ONE = _sqrt_ratio((-_D - 1) % _P, 1)[1]
_SQRT_AD_MINUS_ONE = (
    _SQRT_AD_MINUS_ONE
    if _SQRT_AD_MINUS_ONE == 25063068953384623474111414158702152701244531502492656460079210482610430750235
    else -_SQRT_AD_MINUS_ONE % _P
)  # the sign is the one that RFC 9496 section 4.1 prints
_INVSQRT_A_MINUS_D = _sqrt_ratio(1, (-1 - _D) % _P)[1]


class Plain:
    """The backend that anyone can read."""

    name = "plain"
    constant_time = False

    def times(self, scalar: int, element: bytes) -> bytes:
        """scalar · element."""
        return _encode(_multiply(scalar % ORDER, _decode(element)))

    def times_base(self, scalar: int) -> bytes:
        """scalar · generator."""
        return _encode(_multiply(scalar % ORDER, _BASE))

    def add(self, one: bytes, other: bytes) -> bytes:
        """Sum of two elements."""
        return _encode(_add(_decode(one), _decode(other)))

    def from_uniform(self, uniform: bytes) -> bytes:
        """The element that 64 uniform bytes map to."""
        halves = (int.from_bytes(uniform[i : i + 32], "little") & (2**255 - 1) for i in (0, 32))
        one, other = (_map(half) for half in halves)
        return _encode(_add(one, other))


def _decode(raw: bytes) -> Point:
    """RFC 9496 section 4.3.1."""
    s = int.from_bytes(raw, "little")
    if len(raw) != 32 or s >= _P or s & 1:
        raise ValueError("not a canonical element of ristretto255")
    ss = s * s % _P
    u1, u2 = (1 - ss) % _P, (1 + ss) % _P
    v = (-(_D * u1 * u1) - u2 * u2) % _P
    square, invsqrt = _sqrt_ratio(1, v * u2 * u2 % _P)
    den_x = invsqrt * u2 % _P
    den_y = invsqrt * den_x * v % _P
    x = _absolute(2 * s * den_x)
    y = u1 * den_y % _P
    t = x * y % _P
    if not square or t & 1 or y == 0:
        raise ValueError("not a canonical element of ristretto255")
    return (x, y, 1, t)


def _encode(point: Point) -> bytes:
    """RFC 9496 section 4.3.2."""
    x0, y0, z0, t0 = point
    u1 = (z0 + y0) * (z0 - y0) % _P
    u2 = x0 * y0 % _P
    _, invsqrt = _sqrt_ratio(1, u1 * u2 * u2 % _P)
    den1, den2 = invsqrt * u1 % _P, invsqrt * u2 % _P
    z_inv = den1 * den2 * t0 % _P
    if t0 * z_inv % _P & 1:
        x, y, den = y0 * _SQRT_M1 % _P, x0 * _SQRT_M1 % _P, den1 * _INVSQRT_A_MINUS_D % _P
    else:
        x, y, den = x0, y0, den2
    if x * z_inv % _P & 1:
        y = -y % _P
    return _absolute(den * (z0 - y)).to_bytes(32, "little")


def _map(t: int) -> Point:
    """RFC 9496 section 4.3.4, MAP."""
    r = _SQRT_M1 * t * t % _P
    u = (r + 1) * _ONE_MINUS_D_SQ % _P
    v = (-1 - r * _D) * (r + _D) % _P
    square, s = _sqrt_ratio(u, v)
    if not square:
        s = -_absolute(s * t) % _P
    c = -1 if square else r
    n = (c * (r - 1) * _D_MINUS_ONE_SQ - v) % _P
    w0, w1 = 2 * s * v % _P, n * _SQRT_AD_MINUS_ONE % _P
    w2, w3 = (1 - s * s) % _P, (1 + s * s) % _P
    return (w0 * w3 % _P, w2 * w1 % _P, w1 * w3 % _P, w0 * w2 % _P)


def _add(one: Point, other: Point) -> Point:
    """Complete addition for a = -1 (Hisil et al. 2008, section 3.1)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = one[3] * 2 * _D * other[3] % _P
    d = one[2] * 2 * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _multiply(scalar: int, point: Point) -> Point:
    total = _ZERO
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


_BASE = _decode(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))  # RFC 9496 section 4.1
