"""What PyTorch has and `nn` has not: asked for, it is an AttributeError that says what to write.

docs/from_pytorch.md has all of it in tables, and what has the same name.
"""

from __future__ import annotations

__all__ = ["HINTS", "missing"]

_LIST = (
    "a {} of modules in an attribute will do, as self.layers = [nn.Linear(2, 8), nn.Linear(8, 1)]"
)
_UNITS = (
    "the layers here are made of single units: write a Module of yours, whose forward uses Values"
)
_RULE = "an optimiser is its rule, a function: the head of nn.optim shows how to write one"
_LAMBDA = "LambdaLR(optimizer, {})"
_FLOATS = "every number is a Python float, in the computer's memory: leave it out"
_BUFFER = (
    "numbers that are saved and not trained are plain attributes, named in the class's _buffers"
)

# For each owner the names that are tried, and the rest of the sentence "... has no NAME: ...".
HINTS: dict[str, dict[str, str]] = {
    "nn": {
        "functional": "gates are functions of autograd_core, as `from autograd_core import relu`; "
        "losses are modules, as nn.MSELoss()(outputs, targets)",
        "Parameter": "every leaf Value in an attribute is one, as self.w = Value(0.5)",
        "ModuleList": _LIST.format("list"),
        "ModuleDict": _LIST.format("dict"),
        "ParameterList": "a list of Values in an attribute will do",
        "BCELoss": "nn.BCEWithLogitsLoss() takes the scores before the sigmoid",
        "NLLLoss": "nn.CrossEntropyLoss() takes the scores before the softmax",
        "Softmax": "nn.CrossEntropyLoss() takes the scores; the shares are e / sum(es) for es = "
        "[x.exp() for x in scores]",
        "LogSoftmax": "nn.CrossEntropyLoss() takes the scores",
        "GELU": "write a Module whose forward is nearly [x * (1.702 * x).sigmoid() for x in xs]",
        "SiLU": "write a Module whose forward is [x * x.sigmoid() for x in xs]",
        "Flatten": "an example is a flat list of numbers",
        "Conv2d": _UNITS,
        "Embedding": _UNITS,
        "LayerNorm": _UNITS,
        "RNN": _UNITS,
        "LSTM": _UNITS,
        "MultiheadAttention": _UNITS,
        "utils": "a norm is clipped by arithmetic: norm = math.hypot(*[p.grad for p in ps]), then "
        "p.grad *= min(1.0, limit / (norm + 1e-6)) for each of them",
    },
    "nn.init": {
        "ones_": "constant_(weights, 1.0)",
        "eye_": "orthogonal_(weights) keeps lengths too; for the identity write to each .data",
        "trunc_normal_": "normal_(weights, 0.0, std)",
    },
    "nn.optim": dict.fromkeys(("Adadelta", "Adagrad", "Adamax", "LBFGS", "NAdam", "RAdam"), _RULE),
    "nn.optim.lr_scheduler": {
        "CosineAnnealingLR": _LAMBDA.format("lambda epoch: 0.5 + 0.5 * cos(pi * epoch / T_max)"),
        "MultiStepLR": _LAMBDA.format("lambda epoch: gamma ** sum(epoch >= m for m in milestones)"),
        "LinearLR": _LAMBDA.format("a function of the epoch"),
        "OneCycleLR": _LAMBDA.format("a function of the epoch"),
        "ReduceLROnPlateau": "nn.fit(..., watch=f) calls f(epoch, loss) after each pass: set "
        "optimizer.lr there",
    },
    "Module": {
        **dict.fromkeys(("to", "cuda", "cpu", "double", "float", "half"), _FLOATS),
        **dict.fromkeys(("buffers", "named_buffers", "register_buffer"), _BUFFER),
        "requires_grad_": "what should not move is not given to the optimiser, as in "
        "SGD(model[1].parameters(), lr=0.1)",
        "register_parameter": "set an attribute, as self.w = Value(0.5)",
        "add_module": "set an attribute, as self.hidden = nn.Linear(2, 8)",
    },
}  # fmt: skip


def missing(owner: str, name: str, thing: object, shown: str = "") -> AttributeError:
    """The error for a name that a module of this package, or a Module, does not have."""
    hint = HINTS[owner].get(name)
    if hint is not None:
        return AttributeError(f"{shown or owner} has no {name}: {hint}")
    # With these two Python may add "Did you mean ...?".
    return AttributeError(f"module {owner!r} has no attribute {name!r}", name=name, obj=thing)
