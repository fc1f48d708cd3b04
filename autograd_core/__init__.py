"""A scalar reverse-mode autodiff engine: numbers that remember how they were made."""

from . import functions as _functions
from .check import GradientError, check_gate, check_gradient
from .comparisons import Comparison, comparisons
from .derivative import grad, hessian, hvp, jacobian, value_and_grad
from .errors import TraceError
from .functions import *  # noqa: F403 - one function per gate, listed there
from .gate import Failure, Gate, Identity, Interval
from .graph import first_nan, first_stale, gradients, is_stale, release, topological
from .mistakes import Mistake, mistakes
from .modes import is_tracing, no_grad, trace_creation, used
from .native import is_native
from .table import gates
from .value import Value, apply

TYPE_CHECKING = False
if TYPE_CHECKING:
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
    "Identity", "Instruction", "Interval", "Mistake", "Op", "Program", "TraceError", "Value",
    "apply", "attempt", "check_gate", "check_gradient", "comparisons", "compile_graph", "first_nan",
    "first_stale", "gates", "grad", "grade", "grade_gradients", "gradients", "hessian", "hvp",
    "is_native", "is_stale", "is_tracing", "jacobian", "javascript", "mistakes", "no_grad",
    "random_circuit", "release", "run", "to_c", "to_numpy", "topological", "trace_creation", "used",
    "value_and_grad",
]  # fmt: skip
__all__ += _functions.__all__


def __getattr__(name: str) -> object:
    """The names of the compiler, of the grader and its circuits, loaded when asked for.

    The engine stands below the compiler and never needs it: this is the one place that looks up.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
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
