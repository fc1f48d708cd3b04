"""The part in C and the class in Python: the same results, to the last bit and the last word."""

import gc
import hashlib
import inspect
import os
import random
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

import autograd_core
from autograd_core import Gate, Value, apply, gates, is_native, no_grad, trace_creation

ROOT = str(Path(autograd_core.__file__).parents[1])
native = pytest.mark.skipif(not is_native(), reason="there is no part in C here")

# Prints what 500 random graphs are: numbers with all their bits, and what errors say.
GRAPHS = '''
import math, random, sys
from autograd_core import *

METHODS = [name for name in gates if hasattr(Value, name)]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3, 40.0, -800.0, 1e-320, 1e200, -1e308,
           math.inf, -math.inf, math.nan, True, 10**400, 2**53]
for seed in range(500):
    rng = random.Random(seed)
    values = [Value(rng.gauss(0, 2), "abc"[i]) for i in range(3)]
    for _ in range(30):
        a, b = rng.choice(values), rng.choice(values)
        if rng.random() < 0.2:
            b = rng.choice(SPECIAL)
        try:
            match rng.randrange(9):
                case 0: v = a + b
                case 1: v = b - a
                case 2: v = a * b
                case 3: v = b / a
                case 4: v = a ** b
                case 5: v = b ** a
                case 6: v = rng.choice([-a, abs(a), a.max(b), a.min(b), a.elu(rng.random())])
                case 7: v = a.leaky_relu(slope=0.2) if rng.random() < 0.5 else a.elu()
                case _:
                    name = rng.choice(METHODS)
                    gate = gates[name]
                    v = getattr(a, name)(*[b] * (len(gate.operands) - 1))
        except (ArithmeticError, ValueError, TypeError) as error:
            print(type(error).__name__, error)
            continue
        print(v.op, v.data.hex(), *[x.hex() for x in v.partials], v.constants, len(v.inputs))
        values.append(v)
    root = values[-1]
    for _ in range(2):
        root.backward(rng.choice([1.0, 2, -0.5]))
        print(*[v.grad.hex() for v in values])
    print([v.op for v in topological(root)], first_nan(root), repr(root), len(topological(*values)))
'''  # fmt: skip


def run(program, python_path, pure):
    command = [sys.executable, "-c", program]
    environment = {
        **os.environ, "PYTHONPATH": python_path, "AUTOGRAD_CORE_PURE": "1" if pure else "",
    }  # fmt: skip
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    return done.stdout


@native
def test_500_random_graphs_are_the_same_in_both_builds():
    both = [run(GRAPHS, ROOT, pure) for pure in (False, True)]
    assert both[0].count(b"Error") > 500
    assert hashlib.sha256(both[0]).digest() == hashlib.sha256(both[1]).digest()


@native
def test_pure_is_asked_for_by_the_environment():
    program = "import autograd_core; print(autograd_core.is_native())"
    assert run(program, ROOT, pure=False).strip() == b"True"
    assert run(program, ROOT, pure=True).strip() == b"False"


def test_value_is_final_and_says_what_to_do():
    with pytest.raises(TypeError, match=r"Weight: Value is final.*in a class of your own"):

        class Weight(Value):
            pass


def test_methods_have_names_docstrings_and_signatures():
    assert Value.exp.__doc__ == gates["exp"].describe(lambda: None, "Value.exp").__doc__
    assert Value.exp.__name__ == "exp" and Value.exp.__qualname__ == "Value.exp"
    assert list(inspect.signature(Value.max).parameters) == ["self", "b"] or not is_native()
    assert Value.asin is Value.arcsin
    assert Value.__module__ == "autograd_core.value" and "computational graph" in Value.__doc__


@pytest.mark.parametrize("label", [3, None, b"x", ["x"]])
def test_a_label_is_a_str_also_when_it_is_written_later(label):
    x = Value(1.0)
    with pytest.raises(TypeError, match="label must be a str"):
        x.label = label
    assert x.label == ""


def test_a_number_that_is_refused_leaves_the_old_one():
    x = Value(2.0, "x")
    for number in (10**400, "3", None):
        with pytest.raises((OverflowError, TypeError)):
            x.__init__(number)
        assert x.data == 2.0 and x.label == "x"


def test_the_label_of_a_subclass_of_str_makes_no_cycle(without_gc):
    class Name(str):
        pass

    name = Name("x")
    x = Value(1.0, name)
    name.of = x
    gone = weakref.ref(x)
    assert x.label == "x"
    if is_native():
        name = None
        del x
        assert gone() is None


def test_gates_that_are_not_in_the_table_keep_their_gate_and_constants():
    twice = Gate(
        "twice", lambda xp, x, by, plus: x * by + plus, lambda xp, y, x, by, plus: (by,),
        parameters=("by", "plus"), latex="<by> <x> + <plus>", slopes=("<by>",),
    )  # fmt: skip
    x = Value(3.0)
    y = apply(twice, x, 2.0, plus=1.0)
    assert y.gate is twice and y.constants == (2.0, 1.0) and y.data == 7.0
    y.backward()
    assert x.grad == 2.0


def test_what_few_nodes_have_is_freed_with_them():
    own = Gate("same", lambda xp, x: x, lambda xp, y, x: (1.0,), latex="<x>", slopes=("1",))
    gone = []
    for _ in range(100):
        with trace_creation():
            x = Value(1.0, "x")
            y = apply(own, x)
        assert "test_native.py" in y.line and y.gate is own
        gone.append(weakref.ref(y))
        del x, y
    assert not any(reference() for reference in gone)
    if is_native():
        assert not autograd_core.native._native.notes


def test_no_block_and_no_byte_is_left_after_1000_rounds(without_gc):
    rng = random.Random(0)

    def once():
        x, y = Value(rng.random(), "x"), Value(rng.random())
        z = (x * y + 2.0).tanh() ** 2 - y.elu(0.5) / 3
        with no_grad():
            z.exp()
        z.backward()
        with pytest.raises(TypeError):
            x + "a"

    for _ in range(50):
        once()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(1000):
        once()
    gc.collect()
    assert sys.getallocatedblocks() - before < 50


DEEP = """
import sys, threading
from autograd_core import Value

def deep():
    x = v = Value(1.0)
    for _ in range(int(sys.argv[1])):
        v = v * 1.0
    v.backward()
    print(x.grad, repr(v))
    del v  # freed, without release()

threading.stack_size(256 * 1024)
thread = threading.Thread(target=deep)
thread.start()
thread.join()
"""


@native
@pytest.mark.parametrize("gates, malloc", [(1_000_000, "debug"), (10_000_000, "pymalloc")])
def test_a_chain_of_millions_is_freed_on_a_small_stack_on_every_python(gates, malloc):
    done = subprocess.run(
        [sys.executable, "-c", DEEP, str(gates)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": ROOT, "PYTHONMALLOC": malloc},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-300:]
    assert done.stdout == "1.0 Value(data=1.0, grad=1.0)\n"


@native
def test_from_cpython_3_12_on_one_build_serves_all():
    from autograd_core.native import _native

    assert (".abi3." in _native.__file__) == (sys.version_info >= (3, 12))
