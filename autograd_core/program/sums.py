"""The four sums of a program, each declared once, as the gates are.

    dot         a0 b0 + a1 b1 + ...; operands a0, b0, a1, b1, ...
    affine      n results: n biases + an n x m matrix (row by row) times m numbers
    lane_sum    the sum over all lanes of a b: one number
    outer       n x m results: the sums over all lanes of a_i b_j, from n and m numbers

A gate has one output, which depends on the operands of its lane. A sum may have many results, or
add up all lanes. What every reader of programs asks about a sum stands in its entry; how it is run
stands in each executor and text, and `parts` serves those that do not know it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["AFFINE", "DOT", "LANE_SUM", "OUTER", "SUMS", "Sum", "abridged"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeAlias

    Shape: TypeAlias = "tuple[int, ...]"


class Sum:
    """One entry. A shape is (n, m) for `affine` and `outer`, () for the others.

    arity       arity(shape) -> how many operands it takes; None: pairs, as many as you like
    size        size(shape) -> how many results it has
    value       value(numbers, shape) -> its results for a single lane
    formula     formula(names, shape) -> the right side of its line in a listing
    roles       roles(count, shape) -> what each of its operands is
    shaped      whether it has a shape
    over_lanes  whether its result is one number for all lanes, whatever its operands are
    shared      shared(shape) -> how many operands, the first ones, must be one number for all lanes
    parts       parts(builder, operands, shape) -> the registers of its results, spelt out in gates
                and simpler sums, for a reader of programs that does not know it; None for
                `lane_sum`, which all must know
    """

    __slots__ = (
        "arity", "formula", "name", "over_lanes", "parts", "roles", "shaped", "shared",
        "size", "value",
    )  # fmt: skip

    gate: ClassVar[None] = None  # so that readers may ask both an Op and a Sum
    slope: ClassVar[None] = None

    name: str
    arity: Callable[[Shape], int | None]
    value: Callable[[Sequence[float], Shape], list[float]]
    formula: Callable[[Sequence[str], Shape], str]
    roles: Callable[[int, Shape], list[str]]
    size: Callable[[Shape], int]
    shaped: bool
    over_lanes: bool
    shared: Callable[[Shape], int]
    parts: Callable[[Any, Sequence[int], Shape], list[int]] | None

    def __init__(
        self,
        name: str,
        *,
        arity: Callable[[Shape], int | None],
        value: Callable[[Sequence[float], Shape], list[float]],
        formula: Callable[[Sequence[str], Shape], str],
        roles: Callable[[int, Shape], list[str]],
        size: Callable[[Shape], int] = lambda shape: 1,
        shaped: bool = False,
        over_lanes: bool = False,
        shared: Callable[[Shape], int] = lambda shape: 0,
        parts: Callable[[Any, Sequence[int], Shape], list[int]] | None = None,
    ) -> None:
        self.name = name
        self.arity = arity
        self.value = value
        self.formula = formula
        self.roles = roles
        self.size = size
        self.shaped = shaped
        self.over_lanes = over_lanes
        self.shared = shared
        self.parts = parts

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__


def pairs_sum(a: Sequence[float], b: Sequence[float]) -> float:
    """a0 b0 + a1 b1 + ... from left to right."""
    total = -0.0  # -0.0 + x is x for every x; not sum(), which rounds otherwise from Python 3.12 on
    for x, y in zip(a, b, strict=True):
        total += x * y
    return total


def abridged(names: Sequence[str]) -> str:
    """Names in a line; of many the first two and the last."""
    return " ".join(names) if len(names) <= 5 else f"{names[0]} {names[1]} ... {names[-1]}"


def _affine(numbers: Sequence[float], shape: Shape) -> list[float]:
    n, m = shape
    biases, matrix, vector = numbers[:n], numbers[n : n + n * m], numbers[n + n * m :]
    rows = [matrix[i * m : (i + 1) * m] for i in range(n)]
    return [b + pairs_sum(row, vector) for b, row in zip(biases, rows, strict=True)]


def _affine_formula(names: Sequence[str], shape: Shape) -> str:
    n, m = shape
    biases, matrix, vector = names[:n], names[n : n + n * m], names[n + n * m :]
    return f"affine({n} x {m}: {abridged(matrix)}; {abridged(vector)}) + ({abridged(biases)})"


def _outer_formula(names: Sequence[str], shape: Shape) -> str:
    n, m = shape
    return f"outer({n} x {m}: {abridged(names[:n])}; {abridged(names[n:])})"


def _pairs_formula(name: str) -> Callable[[Sequence[str], Shape], str]:
    def formula(names: Sequence[str], shape: Shape) -> str:
        pairs = zip(names[::2], names[1::2], strict=True)
        return f"{name}({', '.join([a if b == '1' else f'{a} {b}' for a, b in pairs])})"

    return formula


def _pair_roles(count: int, shape: Shape) -> list[str]:
    return [str(i // 2 + 1) if count > 2 else "" for i in range(count)]


def _dot_parts(builder: Any, operands: Sequence[int], shape: Shape) -> list[int]:
    pairs = zip(operands[::2], operands[1::2], strict=True)
    total, *others = [builder.gate("mul", a, b) for a, b in pairs]
    for product in others:
        total = builder.gate("add", total, product)
    return [total]


def _affine_parts(builder: Any, operands: Sequence[int], shape: Shape) -> list[int]:
    n, m = shape
    one, vector = builder.constant(1.0), operands[n + n * m :]
    results = []
    for i, bias in enumerate(operands[:n]):
        row = operands[n + i * m : n + (i + 1) * m]
        pairs = [r for pair in zip(row, vector, strict=True) for r in pair]
        results.append(builder.emit(DOT, (bias, one, *pairs)))
    return results


def _outer_parts(builder: Any, operands: Sequence[int], shape: Shape) -> list[int]:
    left, right = operands[: shape[0]], operands[shape[0] :]
    return [builder.emit(LANE_SUM, (a, b)) for a in left for b in right]


DOT = Sum(
    "dot", arity=lambda shape: None, parts=_dot_parts,
    value=lambda numbers, shape: [pairs_sum(numbers[::2], numbers[1::2])],
    formula=_pairs_formula("dot"), roles=_pair_roles,
)  # fmt: skip
AFFINE = Sum(
    "affine", shaped=True, parts=_affine_parts,
    arity=lambda shape: shape[0] + shape[0] * shape[1] + shape[1],
    size=lambda shape: shape[0],
    shared=lambda shape: shape[0] + shape[0] * shape[1],
    value=_affine, formula=_affine_formula,
    roles=lambda count, shape: (
        ["bias"] * shape[0] + ["matrix"] * (shape[0] * shape[1]) + [""] * shape[1]
    ),
)  # fmt: skip
LANE_SUM = Sum(
    "lane_sum", over_lanes=True, arity=lambda shape: 2,
    value=lambda numbers, shape: [numbers[0] * numbers[1]],
    formula=_pairs_formula("lane_sum"), roles=_pair_roles,
)  # fmt: skip
OUTER = Sum(
    "outer", shaped=True, over_lanes=True, parts=_outer_parts,
    arity=lambda shape: shape[0] + shape[1],
    size=lambda shape: shape[0] * shape[1],
    value=lambda numbers, shape: [a * b for a in numbers[: shape[0]] for b in numbers[shape[0] :]],
    formula=_outer_formula,
    roles=lambda count, shape: ["a"] * shape[0] + ["b"] * shape[1],
)  # fmt: skip
SUMS = (DOT, AFFINE, LANE_SUM, OUTER)
