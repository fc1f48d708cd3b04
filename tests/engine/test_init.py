"""What `import autograd_core` gives, and what it costs."""

import re
import shutil
from pathlib import Path

import pytest

import autograd_core
from autograd_core import errors

ROOT = Path(autograd_core.__file__).parents[1]


def test_the_public_names_are_there():
    promised = """Value grad value_and_grad jacobian hessian hvp check_gradient check_gate
        first_nan no_grad trace_creation gates where maximum minimum exp log log1p expm1 sqrt sin
        cos tan tanh sinh cosh asin acos atan sigmoid softplus relu leaky_relu elu""".split()
    assert set(promised) <= set(autograd_core.__all__)
    assert all(hasattr(autograd_core, name) for name in promised)


def test_what_is_loaded_late_is_there_when_it_is_first_asked_for(fresh):
    names = ["Circuit", "random_circuit", "Grade", "grade", "grade_gradients", "attempt"]
    code = f"import autograd_core as a; print(*[getattr(a, name).__name__ for name in {names}])"
    assert fresh(code).split() == names


def test_a_name_of_pytorch_is_an_error_that_says_what_to_write():
    for name, hint in errors.OF_TORCH.items():
        with pytest.raises(AttributeError, match=f"core has no {name}: {re.escape(hint)}"):
            getattr(autograd_core, name)


IMPORTED = """
import sys
before = set(sys.modules)
import autograd_core
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_importing_the_engine_imports_no_heavy_package(fresh):
    imported = set(fresh(IMPORTED).split())
    assert "autograd_core" in imported
    third_party = "numpy graphviz torch IPython matplotlib scipy mpmath tqdm pytest".split()
    assert not imported & {*third_party, "subprocess", "typing", "nn", "viz"}


def test_importing_the_engine_does_not_load_the_compiler(fresh):
    code = "import sys, autograd_core as a; a.Value(1.0).exp().backward(); "
    code += "print(*[name for name in sys.modules if name.startswith('autograd_core.program')])"
    assert fresh(code) == "\n"


def test_the_recursion_limit_is_never_touched(fresh):
    code = "import sys; before = sys.getrecursionlimit(); import autograd_core as a; "
    code += "v = a.Value(1.0); [v := v + 1.0 for _ in range(9000)]; v.backward(); a.grad(v, [v]); "
    code += "print(sys.getrecursionlimit() - before)"
    assert fresh(code).strip() == "0"
    assert all("setrecursionlimit" not in path.read_text(encoding="utf-8")
               for path in (ROOT / "autograd_core").rglob("*.py"))  # fmt: skip


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'autograd_core' has no attribute 'nonesuch'"):
        _ = autograd_core.nonesuch
    assert not hasattr(autograd_core, "compile")


WITHOUT_PROGRAM = """
import sys
sys.modules["autograd_core.program"] = None
from autograd_core import Value, check_gate, exp, gates, grad, hessian
x = Value(0.5)
y = exp(x * x).tanh()
y.backward()
assert grad(y, [x])[0].data == x.grad
check_gate("tanh")
try:
    from autograd_core import compile_graph
except ImportError:
    print("no compiler, and the engine works")
"""


def test_the_engine_works_without_the_compiler(fresh):
    assert fresh(WITHOUT_PROGRAM) == "no compiler, and the engine works\n"


# ------------------------------------------------------------------ from autograd_core import nn

ALONE = """
import autograd_core
drawn = autograd_core.viz
from autograd_core import nn as ours
import nn, viz
assert nn is ours and viz is drawn
"""
BESIDE = """
from autograd_core import nn as ours
import nn, autograd_core
assert nn.whose == "mine" and ours is autograd_core.nn is not nn
"""
MADE_BY_HAND = """
import sys, types
sys.modules["nn"] = mine = types.ModuleType("nn")
from autograd_core import nn as ours
import nn
assert nn is mine
"""
TRIED_AGAIN = """
import sys
sys.modules["autograd_core.nn.part"] = None
for _ in range(2):
    try:
        from autograd_core import nn as ours
    except ImportError as error:
        assert "part" in str(error)
    else:
        raise AssertionError("half of a package was handed out")
del sys.modules["autograd_core.nn.part"]
from autograd_core import nn as ours
"""


@pytest.mark.parametrize(
    "code, own", [(ALONE, False), (BESIDE, True), (MADE_BY_HAND, False), (TRIED_AGAIN, True)]
)
def test_the_packages_beside_the_engine_are_found_where_a_users_own_nn_is(
    code, own, fresh, tmp_path
):
    less = shutil.ignore_patterns("program", "__pycache__")
    shutil.copytree(ROOT / "autograd_core", tmp_path / "autograd_core", ignore=less)
    for path, text in (
        ("nn/__init__.py", "from .part import whose"), ("nn/part.py", "whose = 'ours'"),
        ("viz/__init__.py", ""), ("users/nn.py", "whose = 'mine'"),
    ):  # fmt: skip
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    path = [str(tmp_path / "users")] * own + [str(tmp_path)]
    code = f"import sys; sys.path[:0] = {path!r}\n{code}print(ours.whose)"
    assert fresh(code) == "ours\n"
