"""A scalar reverse-mode autodiff engine: numbers that remember how they were made."""

from .check import GradientError, check_gate, check_gradient
from .derivative import grad, hessian, hvp, jacobian, value_and_grad
from .emit import javascript
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
from .modes import no_grad, trace_creation
from .value import Value, apply, first_nan, gradients, topological

__all__ = [
    "Failure", "Gate", "GradientError", "Interval", "Value", "acos", "apply", "asin", "atan",
    "check_gate", "check_gradient", "cos", "cosh", "elu", "exp", "expm1", "first_nan", "gates",
    "grad", "gradients", "hessian", "hvp", "jacobian", "javascript", "leaky_relu", "log",
    "log1p", "maximum", "minimum",
    "no_grad", "relu", "sigmoid", "sin", "sinh", "softplus", "sqrt", "tan", "tanh", "topological",
    "trace_creation", "value_and_grad", "where",
]  # fmt: skip
