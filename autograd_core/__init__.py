"""A scalar reverse-mode autodiff engine: numbers that remember how they were made."""

from .check import GradientError, check_gate, check_gradient
from .compiled import CompiledGraph, compile_graph
from .derivative import grad, hessian, hvp, jacobian, value_and_grad
from .emit import javascript
from .errors import TraceError
from .functions import (
    acos,
    asin,
    atan,
    cos,
    cosh,
    elu,
    exp,
    expm1,
    leaky_relu,
    log,
    log1p,
    maximum,
    minimum,
    relu,
    sigmoid,
    sin,
    sinh,
    softplus,
    sqrt,
    tan,
    tanh,
    where,
)  # fmt: skip
from .gates import Failure, Gate, Interval, gates
from .modes import is_tracing, no_grad, trace_creation
from .program import Instruction, Program
from .value import Value, apply, first_nan, gradients, topological

__all__ = [
    "CompiledGraph", "Failure", "Gate", "GradientError", "Instruction", "Interval", "Program",
    "TraceError", "Value", "acos", "apply", "asin", "atan", "check_gate", "check_gradient",
    "compile_graph", "cos", "cosh", "elu", "exp", "expm1", "first_nan", "gates", "grad",
    "gradients", "hessian", "hvp", "is_tracing", "jacobian", "javascript", "leaky_relu", "log",
    "log1p", "maximum", "minimum", "no_grad", "relu", "sigmoid", "sin", "sinh", "softplus",
    "sqrt", "tan", "tanh", "topological", "trace_creation", "value_and_grad", "where",
]  # fmt: skip
