"""A scalar reverse-mode autodiff engine: numbers that remember how they were made."""

from . import functions as _functions
from .check import GradientError, check_gate, check_gradient
from .comparison import Comparison, comparisons
from .derivative import grad, hessian, hvp, jacobian, value_and_grad
from .draws import drawn
from .errors import TraceError
from .functions import *  # noqa: F403 - one function per gate, listed there
from .gate import Failure, Gate, Identity, Interval
from .graph import first_nan, first_stale, gradients, is_stale, release, topological
from .mistake import Mistake, mistakes
from .modes import changed, is_tracing, no_grad, trace_creation, used
from .native import is_native
from .scalars import Number
from .table import gates
from .value import Value, apply

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    import nn as nn
    import viz as viz

    from .circuits import Circuit, random_circuit
    from .grader import Grade, grade, grade_gradients
    from .guard import attempt
    from .program import (
        CompiledGraph,
        Instruction,
        Op,
        Program,
        compile_graph,
        javascript,
        run,
        to_c,
        to_numpy,
    )

__all__ = [
    "Circuit", "Comparison", "CompiledGraph", "Failure", "Gate", "Grade", "GradientError",
    "Identity", "Instruction", "Interval", "Mistake", "Number", "Op", "Program", "TraceError",
    "Value", "apply", "attempt", "changed", "check_gate", "check_gradient", "comparisons",
    "compile_graph",
    "drawn", "first_nan", "first_stale", "gates", "grad", "grade", "grade_gradients", "gradients",
    "hessian", "hvp", "is_native", "is_stale", "is_tracing", "jacobian", "javascript", "mistakes",
    "no_grad",
    "random_circuit", "release", "run", "to_c", "to_numpy", "topological", "trace_creation", "used",
    "value_and_grad",
]  # fmt: skip
__all__ += _functions.__all__


def _late(name: str) -> object:
    """The names of the compiler, the grader and its circuits, `nn`, `viz`: loaded when asked for.

    The engine stands below them and never needs them: this is the one place that looks up.
    """
    if name in ("nn", "viz"):
        globals()[name] = room = _room(name)
        return room
    if name not in __all__:
        from .errors import OF_TORCH

        hint = f"{__name__} has no {name}: {OF_TORCH[name]}" if name in OF_TORCH else ""
        raise AttributeError(hint or f"module {__name__!r} has no attribute {name!r}")
    home: object
    if name in ("Circuit", "random_circuit"):
        from . import circuits as home
    elif name in ("Grade", "grade", "grade_gradients"):
        from . import grader as home
    elif name == "attempt":
        from . import guard as home
    else:
        from . import program as home
    globals()[name] = answer = getattr(home, name)
    return answer


if not TYPE_CHECKING:  # to a checker, a name that is not here is a mistake
    __getattr__ = _late


def _room(name: str) -> object:
    """The package beside this one: `import nn`, also where a user's own nn.py comes before it."""
    import sys
    from importlib import import_module
    from importlib.util import find_spec, module_from_spec, spec_from_file_location
    from pathlib import Path

    ours = Path(__file__).resolve().parents[1] / name / "__init__.py"
    known = sys.modules.get(name)
    origin = getattr(known, "__file__", None) if known else getattr(find_spec(name), "origin", None)
    if origin and Path(origin).resolve() == ours:
        return import_module(name)
    spec = spec_from_file_location(
        f"{__name__}.{name}", ours, submodule_search_locations=[str(ours.parent)]
    )
    assert spec and spec.loader
    sys.modules[spec.name] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module
