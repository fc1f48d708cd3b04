"""What the tests of the engine share."""

import gc
import itertools
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import autograd_core
from autograd_core import Gate

ROOT = Path(autograd_core.__file__).parents[1]
INF, NAN = math.inf, math.nan
SPECIAL = [
    0.0, -0.0, 0.3, -0.3, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 40.0, -800.0, 1e-320, -1e-320, 1e200,
    1e308, -1e308, INF, -INF, NAN,
]  # fmt: skip


def shared(function):
    """The function as a fixture of its name: test files cannot import from this one."""
    return pytest.fixture(scope="session", name=function.__name__)(lambda: function)


@pytest.fixture
def without_gc():
    """The cycle collector is off: what is freed is freed by reference count."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@shared
def layered(rng, leaves, gates=60):
    """A random graph with many forks, the same for the same seed; its values stay small."""
    nodes = list(leaves)
    for _ in range(gates):
        a, b = rng.choice(nodes), rng.choice(nodes)
        nodes.append(rng.choice([
            lambda a, b: a + b, lambda a, b: (a * b).sin(), lambda a, b: a - b.tanh(),
            lambda a, b: (a * 0.5).max(b), lambda a, b: a.sigmoid() / (b * b + 1.0),
        ])(a, b))  # fmt: skip
    return sum(node.tanh() for node in nodes)


@shared
def grads(values):
    """Their gradients, exactly."""
    return [v.grad.hex() for v in values]


@shared
def on_thread(function, stack=0):
    """What `function` returns or raises on a thread of its own, with a stack of that many bytes."""
    outcome = []

    def run():
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))

    before = threading.stack_size(stack)
    try:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join(300)
    assert not thread.is_alive(), "the thread waits for ever"
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def fresh(code, **environment):
    """What a Python of its own prints that runs `code` beside the packages."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


share_fresh = shared(fresh)


@shared
def on_small_stack(path, call, kib=256):
    """What a call of a function in the test file `path` returns on a thread with so small a stack.

    In a Python of its own: a stack that overflows ends the interpreter.
    """
    return fresh(
        f"import gc, runpy, threading; names = runpy.run_path({str(path)!r}); gc.disable()\n"
        f"threading.stack_size({kib} * 1024)\n"
        f"threading.Thread(target=lambda: print(eval({call!r}, names))).start()"
    ).strip()


@shared
def bits(*numbers):
    """Exact and comparable: -0.0 is not 0.0, nan is nan."""
    return [x.hex() for x in numbers]


@pytest.fixture(scope="session")
def special_numbers():
    """Zeros, seams, tails, subnormal numbers, infinities and nan."""
    return SPECIAL


@shared
def special_points(gate):
    """Every combination of special operands; conditions are 0 or 1."""
    names = gate.operands + gate.parameters
    return itertools.product(*([0.0, 1.0] if n == "condition" else SPECIAL for n in names))


@shared
def square(**changes):
    """A gate x**2; fields of its entry may be given in place of the right ones."""
    fields = {
        "name": "square",
        "forward": lambda xp, x: x * x,
        "partials": lambda xp, y, x: (2.0 * x,),
        "latex": "<x>^2",
        "slopes": ("2 <x>",),
    }
    return Gate(**{**fields, **changes})
