"""Let your own backward pass be judged: is it right, and if not, which usual mistake is it?

    def backward_pass(root):
        root.grad = 1.0
        for v in reversed(topological(root)):
            for u, local in zip(v.inputs, v.partials):
                u.grad = v.grad * local

    print(grade(backward_pass))     # the smallest circuit on which it fails, the wire, the mistake
    grade_gradients(loss, {w: 3.0})  # gradients worked out by hand
    grade(gates["tanh"])            # the slopes of a gate, by `check_gate`

A wrong gradient is looked at backward from the root. The first value that is wrong is where the
mistake was made, since all that its gradient is made of is right. Then each of the `mistakes` is
planted in a pass of ours, at every place that it may have: the one that leaves the learner's
numbers is the one to talk about.
"""

from __future__ import annotations

import math
from collections import Counter, deque, namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import index
from types import MappingProxyType
from typing import NamedTuple

from . import modes
from .check import GradientError, check_gate
from .circuits import Circuit, expression, names, random_circuit
from .derivative import grad
from .gate import Gate
from .graph import gradients, topological
from .guard import attempt, name_of
from .mistake import Mistake, mistakes
from .scalars import number
from .table import gates as table
from .value import Value

__all__ = ["Grade", "grade", "grade_gradients"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Wire = tuple[Value, int]
    Gradients = dict[Value, float]

GATES = ("add", "mul", "sub", "max", "div", "exp", "sin", "tanh", "power")  # the simplest first
LARGEST = 8  # gates
OTHERS = 40  # circuits of each size
VOTERS = 20
MOST_TURNS = 2_000  # of a walk that takes every path
STEPS = 200_000  # of the interpreter, for one circuit: a right pass needs some thousand
ENGINES = (Value.backward, gradients, grad)
LONGEST = 300  # characters of a circuit that is printed
TOLERANCE = 1e-9  # relative
ROUNDING = 1e-12  # of all that was added up: sums may be taken in another order
UNTOUCHED = (
    "{name} left every gradient at 0. A pass begins with root.grad = 1.0, and at each gate adds "
    "upstream times local to the grad of each input."
)
EMPTY = (
    "Nothing has arrived at {wrong}. What goes back along a wire is the gradient of the gate's "
    "output times the slope in its input."
)
RETURNED = (
    "{name} returned {what}. It must set the grad of every value that root depends on, and return "
    "nothing; or return a dict that maps each Value to its gradient, a number."
)
WROTE = "{name} wrote to the data of {wrong}. A backward pass reads numbers, and writes gradients."
MISSING = "There is no gradient for {wrong}."
NOTHING = "Nothing came along this wire: does your pass take the {op} gate, and both of its inputs?"
UNKNOWN = "None of the usual mistakes gives this number: work this one wire out by hand."
UNKNOWN_SLOPE = "The rule and the differences of the gate's own output part: derive it once more."
ROOT = "A pass begins at the root, whose gradient with respect to itself is 1."


class Grade(NamedTuple):
    """What a judge says of a learner's work. Printed, it is for the learner to read.

    passed      whether it is right; a Grade is true if it is
    sentence    the judgement in words
    tried       how many circuits, or other cases, it was tried on, the one that failed included
    place       where the wrong number stands, in words
    expected    the right number there
    got         the learner's; None if there is none
    mistake     the entry of `mistakes` that gives the learner's numbers, if there is one; its hint
                says what to do instead
    circuit     the root of the smallest circuit on which the work fails
    expression  the circuit as statements, which `viz.parse` reads, with every number exact. Labels
                that it could not read, or that two values have, are made-up names in it
    wrong       the value whose gradient is wrong
    wire        the wire that brings it: (gate, operand), a Value and the place of its input
    gradients   the learner's gradients in this circuit; those of `grade` are also in `v.grad`

    `viz.draw` shows the circuit with the wrong wire marked.
    """

    passed: bool
    sentence: str
    tried: int = 0
    place: str = ""
    expected: float | None = None
    got: float | None = None
    mistake: Mistake | None = None
    circuit: Value | None = None
    expression: str = ""
    wrong: Value | None = None
    wire: Wire | None = None
    gradients: Mapping[Value, float] = MappingProxyType({})

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        lines = [self.sentence if self.passed else f"Not yet. {self.sentence}"]
        if self.circuit is not None:
            known = names(topological(self.circuit)).items()
            numbers = ", ".join(f"{name} = {v.data:g}" for v, name in known if not v.inputs)
            text = self.expression + f"    with {numbers}" * bool(numbers)
            if text:
                lines.append(f"    {text if len(text) <= LONGEST else text[:LONGEST] + ' ...'}")
        if self.expected is not None:
            got, expected = "nothing", f"{self.expected:.6g}"
            if self.got is not None:
                given = _nearest(self.got)
                for digits in range(6, 18):  # as many as it takes to see a difference
                    got, expected = f"{given:.{digits}g}", f"{self.expected:.{digits}g}"
                    if got != expected:
                        break
            lines.append(f"    {self.place}: got {got}, expected {expected}")
        elif self.place:
            lines.append(f"    {self.place}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def grade(
    work: Callable[[Value], Any] | Gate, *, gates: Sequence[Gate | str] = GATES,
    circuits: int = 100, seed: int = 0,
) -> Grade:  # fmt: skip
    """Judge a backward pass of yours on random circuits, by what the engine's own pass gives.

    work        backward_pass(root). It needs what the first two lessons teach and nothing more:
                `reversed(topological(root))` for the order, `v.inputs` and `v.partials` for the
                wires, and `v.grad` for the result. It leaves d(root)/dv in the `grad` of every v; a
                pass that keeps sums of its own, as that of lesson 2, returns them as a dict from
                Value to number, the leaves at least. Or a Gate, whose slopes `check_gate` compares
                with differences
    gates       which gates the circuits are made of, the simplest first: entries, or names or
                symbols of the table, as ["+", "*", "max"]
    circuits    how many, from one gate to eight
    seed        of the circuits: the same seed always gives the same grade

    On each circuit the pass runs twice. The second time it finds the gradients of the first: it may
    begin anew, or add to them as `Value.backward` does, and must not hand them on again.

    Where it fails, gates are taken away as long as it still fails. What is left is in the Grade,
    with the wire that is wrong first, and the usual mistake that gives the same numbers.

    Nothing of yours is touched: not your Values, the modes, or the random generators. A pass that
    raises, runs for ever, or calls the engine's own is told so. A gradient is right if it is within
    1e-9 of the engine's, or within what rounding can explain, in slopes that you work out yourself
    as well. TypeError for what cannot be called, or counts no circuits; ValueError for gates that
    are not known or take more than two inputs.
    """
    modes.refuse("grade() is called")
    if isinstance(work, Gate):
        return _grade_gate(work)
    from random import Random

    try:
        circuits = index(circuits)
    except TypeError:
        raise TypeError(f"grade: circuits must be a whole number, got {circuits!r}") from None
    chosen = [_gate(gate) for gate in gates]
    if not chosen or circuits < 1:
        raise ValueError("grade needs a circuit and a gate at least: grade(f, gates=['+', '*'])")
    rng = Random(seed)
    with modes.recording():
        for k in range(circuits):
            first = k % len(chosen)
            turned = [*chosen[first:], *chosen[:first]]  # each gate has its turn to be the root
            trial = _Trial(work, random_circuit(rng, turned, 1 + k * LARGEST // circuits))
            if trial.failed:
                trial = _smallest(trial, chosen, rng)
                votes: Counter[str] = Counter()
                if len(trial.explained()) > 1:  # larger circuits tell these mistakes apart
                    for _ in range(VOTERS):
                        votes.update(_Trial(work, random_circuit(rng, turned, LARGEST)).explained())
                return trial.grade(k + 1, votes)
    return Grade(True, f"Right: {circuits} circuits, and every gradient is the engine's.", circuits)


def grade_gradients(root: Value, given: Mapping[Value, float]) -> Grade:
    """Judge gradients that you worked out by hand, of any values of root's graph.

    The first wrong one, seen from the root, is reported, with the usual mistake that gives it. No
    `.grad` changes. One is right if it is within 1e-9 of the true gradient, relative to that,
    however small it is; or, where large parts cancel, within 1e-12 of the sum of the absolute
    values of all that was added up for it, which rounding can explain. TypeError unless `given`
    maps Values to numbers; ValueError for a Value that root does not depend on.
    """
    modes.refuse("grade_gradients() is called")
    order = set(topological(root))
    if not isinstance(given, Mapping):
        raise TypeError(
            "grade_gradients takes a dict of Values and numbers, as {w: 3.0}, got "
            f"{type(given).__name__}"
        )
    for value, gradient in given.items():
        if not isinstance(value, Value) or number(gradient) is None:
            raise TypeError(
                f"grade_gradients takes a dict of Values and numbers, as {{w: 3.0}}, got "
                f"{{{value!r}: {gradient!r}}}"
            )
        if value not in order:
            raise ValueError(f"{value!r} is not in the graph of {root!r}")
    got = {value: _nearest(gradient) for value, gradient in given.items()}
    right, sizes = gradients(root), _sizes(root)
    wrong = _first_wrong(right, got, sizes)
    if wrong is None:
        return Grade(True, f"Right: {len(got)} gradients, all the engine's.", len(got))
    return _told(root, right, got, wrong, sizes)._replace(tried=len(got))


def _nearest(x: Any) -> float:
    """x as a float: infinite where it is larger than every float, a wrong answer and no error."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


# ---------------------------------------------------------------- one run on one circuit


class _Trial:
    """A pass run on a circuit: what it did wrong, if anything."""

    def __init__(self, work: Callable[[Value], Any], circuit: Circuit) -> None:
        self.work, self.circuit = work, circuit
        self.name = name_of(work)
        self.values = circuit.values()
        self.root = self.values[-1]
        self.right, self.sizes = gradients(self.root), _sizes(self.root, least=1.0)
        self.got: Gradients = {}
        self.earlier: Gradients | None = None
        self.wrong: Value | None = None
        self._run()
        if not self.failed:
            self.earlier = self.right | self.got  # what it did not return was right as well
            self._run()

    @property
    def failed(self) -> bool:
        return bool(self.trouble) or self.wrong is not None

    def _run(self) -> None:
        numbers = [v.data for v in self.values]
        result, self.trouble = attempt(
            self.work, self.root, form="(root)", steps=STEPS, without=ENGINES
        )
        if self.trouble:
            return
        after = [v.grad for v in self.values]
        if isinstance(result, Mapping):
            given = {v: number(result[v]) for v in self.values if v in result}
            if None in given.values() or not given:
                self.trouble = RETURNED.format(name=self.name, what="a dict of something else")
                return
            self.got = {v: _nearest(x) for v, x in given.items()}
        elif result is not None and not any(after):
            kind = type(result).__name__
            self.trouble = RETURNED.format(name=self.name, what=f"a thing of type {kind}")
            return
        else:
            self.got = dict(zip(self.values, after, strict=True))
        written = [v for v, x in zip(self.values, numbers, strict=True) if v.data != x]
        if written:
            self.trouble = WROTE.format(name=self.name, wrong=written[0].label)
            return
        if not any(self.got.values()) and any(self.right[v] for v in self.got):
            self.trouble = UNTOUCHED.format(name=self.name)
        else:
            required = [v for v in self.values if v in self.got or not v.inputs]
            got = dict.fromkeys(required) | self.got
            self.wrong = _first_wrong(self.right, got, self.sizes, self.earlier)

    def explained(self) -> set[str]:
        """The names of the mistakes that give these numbers, if they are wrong."""
        if self.wrong is None:
            return set()
        found = _explanations(self.root, self.got, self.sizes, self.earlier)
        return {one.mistake.name for one in found}

    def grade(self, tried: int, votes: Mapping[str, int]) -> Grade:
        """The report on this circuit, which is the smallest."""
        for value in self.values:
            value.grad = self.got.get(value) or 0.0
        if self.wrong is None:
            report = Grade(False, self.trouble, circuit=self.root, expression=str(self.circuit))
        else:
            report = _told(
                self.root, self.right, self.got, self.wrong, self.sizes, self.earlier, votes
            )
        return report._replace(tried=tried)


def _smallest(trial: _Trial, gates: Sequence[Gate], rng: Any) -> _Trial:
    """The trial on a circuit that fails, when no part of it and no other smaller one seems to."""
    smaller: _Trial | None = trial
    while smaller is not None:
        trial = smaller
        others = (
            random_circuit(rng, rng.sample(gates, len(gates)), size)
            for size in range(1, trial.circuit.size) for _ in range(OTHERS)
        )  # fmt: skip
        circuits = chain(trial.circuit.smaller(rng, gates), others)
        trials = (_Trial(trial.work, one) for one in circuits)
        smaller = next((one for one in trials if one.failed), None)
    return trial


def _gate(gate: Gate | str) -> Gate:
    """The gate of that name or symbol."""
    if not isinstance(gate, Gate):
        named = table.named(gate) or next((one for one in table.values() if one.op == gate), None)
        if named is None:
            raise ValueError(f"grade: no gate is called {gate!r}: they are {', '.join(table)}")
        gate = named
    if len(gate.operands) > 2:
        raise ValueError(f"grade: {gate.name} takes {len(gate.operands)} inputs, above 2")
    return gate


# ---------------------------------------------------------------- what is wrong, and where


def _same(a: float | None, b: float, size: float = 0.0) -> bool:
    """Whether a is b but for rounding, of which `size` is the scale."""
    return a is not None and (
        math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=ROUNDING * size)
        or (math.isnan(a) and math.isnan(b))
    )


def _sizes(root: Value, least: float = 0.0) -> Gradients:
    """The sum of the absolute values of all parts of each gradient: its rounding is of that scale.

    0 where it is not finite. Each slope counts as `least` at least: 1 - y ** 2, which a learner may
    work out, is rounded as 1 is.
    """
    sizes = {root: 1.0}
    for gate, operand in _turns(reversed(topological(root))):
        source = gate.inputs[operand]
        part = sizes.get(gate, 0.0) * max(abs(gate.partials[operand]), least)
        sizes[source] = sizes.get(source, 0.0) + part
    return {value: size if math.isfinite(size) else 0.0 for value, size in sizes.items()}


def _first_wrong(
    right: Gradients, got: Mapping[Value, float | None], sizes: Gradients,
    earlier: Gradients | None = None,
) -> Value | None:  # fmt: skip
    """The value nearest to the root whose gradient is wrong.

    On top of `earlier` gradients the sum of both is right as well.
    """
    for value in reversed(right):
        once, again = right[value], right[value] + (earlier[value] if earlier else 0.0)
        if value in got and not any(_same(got[value], x, sizes[value]) for x in (once, again)):
            return value
    return None


def _told(
    root: Value, right: Gradients, got: Gradients, wrong: Value, sizes: Gradients,
    earlier: Gradients | None = None, votes: Mapping[str, int] = MappingProxyType({}),
) -> Grade:  # fmt: skip
    """The report of a wrong gradient: its wire, and the mistake that gives it.

    Of several mistakes it is the one with the most votes, and of these the likeliest.
    """

    def rank(planted: _Pass) -> tuple[int, bool]:
        return -votes.get(planted.mistake.name, 0), _unlikely(planted.mistake)

    expected, given = right[wrong], got.get(wrong)
    found = list(_explanations(root, got, sizes, earlier)) if given is not None else []
    wire, nothing = _wire(wrong, _Pass(root), None, given, sizes)
    if not found and given and not nothing:  # there may be more mistakes further on
        found = list(_explanations(root, {wrong: given}, sizes, earlier))
        found = found if len({one.mistake.name for one in found}) == 1 else []
    mistake = None
    if given == 0.0:  # of two equal parts one with a lost minus would give 0 as well
        found = [one for one in found if one.mistake is not mistakes["sign"]]
    if found:
        planted = min(found, key=rank)
        mistake = planted.mistake
        wire, _ = _wire(wrong, _Pass(root), planted, given, sizes)
    if mistake:
        sentence = mistake.sentence
    elif given is None:
        sentence = MISSING.format(wrong=_name(wrong))
    elif wire is None:
        sentence = ROOT
    elif given == 0.0 and not nothing:
        sentence = EMPTY.format(wrong=_name(wrong))
    else:
        sentence = NOTHING.format(op=wire[0].op) if nothing else UNKNOWN + _ratio(given, expected)
    if earlier:
        sentence = f"The first pass was right, the second was not. {sentence}"
    place = f"gradient of {_name(wrong)}"
    if wire is not None:
        gate, operand = wire
        ordinal = f"{('first', 'second')[operand]} " * (len(gate.inputs) > 1)
        place += f", on the wire into the {ordinal}input of {_name(gate)}"
    return Grade(
        False, sentence, place=place, expected=expected, got=given, mistake=mistake, circuit=root,
        expression=expression(root), wrong=wrong, wire=wire, gradients=got,
    )  # fmt: skip


def _unlikely(mistake: Mistake) -> bool:
    """Whether another is likelier where both give the same numbers.

    A minus that was lost at a difference gives what two others give there too.
    """
    return mistake.name != "sign"


def _ratio(got: float, expected: float) -> str:
    """A factor between the two, if it is one to think about."""
    factors = [sign * factor for sign in (1.0, -1.0) for factor in (2.0, 0.5, 3.0, 4.0, 0.25)]
    found = next((factor for factor in factors if _same(got, factor * expected)), None)
    return f" It is {found:g} times the right one." if found else ""


def _name(value: Value) -> str:
    return value.label or (value.op and f"a {value.op}") or f"{value.data:g}"


def _wire(
    wrong: Value, right: _Pass, planted: _Pass | None, got: float | None, sizes: Gradients
) -> tuple[Wire | None, bool]:
    """The wire into `wrong` on which the planted pass, or else the number, leaves the right way.

    And whether the number is what it would be if nothing came along that wire.
    """
    into: list[Wire] = [wire for wire in right.turns if wire[0].inputs[wire[1]] is wrong]
    if not into:
        return None, False  # the root
    was = right.contributions()
    total = sum(was[wire] for wire in into)
    left_out = [wire for wire in into if _same(got, total - was[wire], sizes[wrong])]
    now = planted.contributions() if planted else {}
    suspects = [wire for wire in into if now.get(wire) != was[wire]] if planted else left_out
    return (suspects or into[-1:])[0], bool(left_out)


# ---------------------------------------------------------------- passes with a mistake in them


class _Pass(namedtuple("_Pass", "root turns mistake wrong earlier start")):
    """A backward pass, wire by wire.

    turns    the wires in the order in which they hand on a gradient
    mistake  what is done wrong, on the wires `wrong`
    earlier  the gradients that a pass before has left
    start    the gradient of the root
    """

    __slots__ = ()

    def __new__(
        cls, root: Value, turns: Sequence[Wire] | None = None, mistake: Mistake | None = None,
        wrong: Sequence[Wire] = (), earlier: Gradients | None = None, start: float = 1.0,
    ) -> _Pass:  # fmt: skip
        turns = _turns(reversed(topological(root))) if turns is None else turns
        return super().__new__(cls, root, turns, mistake, frozenset(wrong), earlier, start)

    def _steps(self) -> Iterator[tuple[Wire, float, float]]:
        """(wire, what it contributes, the sum then)."""
        total: dict[Value, float] = {self.root: self.start}
        for wire in self.turns:
            gate, operand = wire
            source, slopes = gate.inputs[operand], gate.partials
            upstream, before = total.get(gate, 0.0), total.get(source, 0.0)
            contribution = upstream * slopes[operand]
            after = before + contribution
            if wire in self.wrong:
                others = {"other": slopes[1 - operand]} if len(slopes) > 1 else {}
                if self.earlier:
                    others["earlier"] = self.earlier[source]
                step = self.mistake.step(
                    upstream=upstream, local=slopes[operand], before=before, **others
                )
                if step is not None:
                    _, contribution, after = step
            total[source] = after
            yield wire, contribution, after

    def total(self) -> Gradients:
        """The gradients that it leaves."""
        total = {self.root: self.start}
        for (gate, operand), _, after in self._steps():
            total[gate.inputs[operand]] = after
        return total

    def contributions(self) -> dict[Wire, float]:
        """What each wire brings in all."""
        brought: dict[Wire, float] = {}
        for wire, contribution, _ in self._steps():
            brought[wire] = brought.get(wire, 0.0) + contribution
        return brought


def _explanations(
    root: Value, got: Gradients, sizes: Gradients, earlier: Gradients | None
) -> Iterator[_Pass]:
    """The passes with a mistake that leave these numbers, the plainest first."""
    for planted in _planted(root, earlier):
        total = planted.total()
        if all(_same(x, total[value], sizes[value]) for value, x in got.items()):
            yield planted


def _planted(root: Value, earlier: Gradients | None) -> Iterator[_Pass]:
    """All passes with one of the usual mistakes: made everywhere, at one kind of gate, once."""
    right = _turns(reversed(topological(root)))
    orders = {"first arrival": list(_orders(root, again=False))}
    orders["every arrival"] = list(_orders(root, again=True))
    for places in _places(right):
        for mistake in mistakes.values():
            if "grader" not in mistake.readers:
                continue
            what, instead = mistake.plant
            if what == "order":
                for turns in orders[instead] if places == right else ():
                    yield _Pass(root, turns, mistake)
            elif instead == "earlier":
                firsts = {gate.inputs[operand]: (gate, operand) for gate, operand in right[::-1]}
                between = [wire for value, wire in firsts.items() if value.inputs]
                for start in (1.0, 1.0 + earlier[root]) if earlier else ():
                    for left in ([*firsts.values()], between):  # or the leaves alone were cleared
                        yield _Pass(root, right, mistake, left, earlier, start)
            elif what == "before":
                # Which part is the last, and stays, is a matter of the order.
                for turns in (right, *_other_right_orders(root)):
                    yield _Pass(root, turns, mistake, places)
            elif instead != "other" or len(places) > 1 or 0.0 not in places[0][0].partials:
                # Else nothing comes along this one wire, as if it had been passed over.
                yield _Pass(root, right, mistake, places)


def _places(wires: Sequence[Wire]) -> Iterator[Sequence[Wire]]:
    """The sets of wires on which somebody may make a mistake."""
    yield wires
    for op in dict.fromkeys(gate.op for gate, _ in wires):
        of_gate = [wire for wire in wires if wire[0].op == op]
        yield of_gate
        for operand in dict.fromkeys(operand for _, operand in of_gate):
            yield [wire for wire in of_gate if wire[1] == operand]
    for wire in wires:
        yield [wire]


def _turns(values: Any) -> list[Wire]:
    return [(value, operand) for value in values for operand in range(len(value.inputs))]


def _other_right_orders(root: Value) -> Iterator[list[Wire]]:
    """Orders in which a right pass may go besides ours."""
    ours = list(reversed(topological(root)))
    yield [(v, operand) for v in ours for operand in reversed(range(len(v.inputs)))]
    readers = dict.fromkeys(ours, 0)
    for gate, operand in _turns(ours):
        readers[gate.inputs[operand]] += 1
    for end in (deque.popleft, deque.pop):
        ready, order = deque([root]), []
        while ready:
            order.append(end(ready))
            for source in order[-1].inputs:
                readers[source] -= 1
                if not readers[source]:
                    ready.append(source)
        yield _turns(order)
        for gate, operand in _turns(ours):
            readers[gate.inputs[operand]] += 1


def _orders(root: Value, again: bool) -> Iterator[list[Wire]]:
    """Wrong orders: a gate hands on when it is first reached or, with `again`, whenever it is."""
    walks = [
        _walk(root, again, flip, end, late)
        for flip in (False, True) for end in (deque.pop, deque.popleft)
        for late in (False, True)
    ]  # fmt: skip
    walks += [_descent(root, again, flip) for flip in (False, True)]
    for walk in walks:
        turns = list(islice(walk, MOST_TURNS + 1))
        if len(turns) <= MOST_TURNS:
            yield turns
    if not again:
        yield _turns(topological(root))  # from the leaves up


def _flipped(wires: list[Wire], flip: bool) -> list[Wire]:
    return wires[::-1] if flip else wires


def _walk(root: Value, again: bool, flip: bool, end: Any, late: bool) -> Iterator[Wire]:
    """Value by value, from a stack or a queue; `late`: a value counts as seen when it is taken."""
    waiting, seen = deque([root]), set[Value]()
    while waiting:
        value = end(waiting)
        if late and not again:
            if value in seen:
                continue
            seen.add(value)
        wires = _flipped(_turns([value]), flip)
        yield from wires
        for gate, operand in wires:
            source = gate.inputs[operand]
            if again or source not in seen:
                waiting.append(source)
                if not late:
                    seen.add(source)


def _descent(root: Value, again: bool, flip: bool) -> Iterator[Wire]:
    """Wire by wire, as a recursion that goes down as soon as an input has its part."""
    waiting, seen = _flipped(_turns([root]), not flip), set[Value]()
    while waiting:
        gate, operand = waiting.pop()
        yield gate, operand
        source = gate.inputs[operand]
        if again or source not in seen:
            seen.add(source)
            waiting += _flipped(_turns([source]), not flip)


# ---------------------------------------------------------------- a gate


def _grade_gate(gate: Gate) -> Grade:
    """The verdict of `check_gate`, as a Grade."""

    def checked() -> Any:
        try:
            return check_gate(gate)
        except GradientError as error:
            return error.report

    report, trouble = attempt(checked, form="()")
    if trouble:
        return Grade(False, f"check_gate({gate.name!r}) {trouble.removeprefix('checked ')}")
    if report.ok:
        return Grade(True, f"Right: {len(report)} slopes agree with differences.", len(report))
    row = report[0]
    at = row.name.partition(" at ")[2]
    # In "a, b at ..." the slope of a slope failed.
    slopes = [f"{operand} at {at}" for operand in gate.operands]
    others = [one.numeric for one in report if one.name in slopes and one is not row]
    known = {"other": others[0]} if others and len(gate.operands) == 2 else {}
    found = []
    for one in mistakes.values():
        step = one.step(upstream=1.0, local=row.numeric, before=0.0, **known)
        fits = step is not None and math.isclose(step[2], row.analytic, rel_tol=1e-5)
        if fits and one.plant[0] == "local" and "grader" in one.readers:
            found.append(one)
    mistake = min(found, key=_unlikely, default=None)
    sentence = mistake.sentence if mistake else UNKNOWN_SLOPE
    return Grade(
        False, sentence, len(report), f"slope in {row.name}", row.numeric, row.analytic, mistake,
        expression=f"{gate.name}({', '.join(gate.operands + gate.parameters)})",
    )  # fmt: skip
