"""The rules of the house, read from the source: who imports whom, and what nobody may do."""

import ast
import importlib
import sys
from pathlib import Path

import pytest

import autograd_core

ROOT = Path(autograd_core.__file__).parents[1]
FILES = sorted(
    path for package in ("autograd_core", "nn", "viz") for path in (ROOT / package).rglob("*.py")
)
NAMES = [str(path.relative_to(ROOT)) for path in FILES]

# A module of the engine imports only modules of a lower number; a new one gets its place here.
RANKS = {
    "gates": 0, "elementary": 0, "errors": 0, "modes": 0, "value": 1, "emit": 1, "program": 1,
    "functions": 2, "trace": 2, "failure": 2, "passes": 2, "schedule": 2, "derivative": 3,
    "run_numpy": 3, "run_numba": 3, "source_c": 3, "source_numpy": 3, "check": 4, "compiled": 4,
    "__init__": 5,
}  # fmt: skip
# A method that hands over to a later room, which it imports when it is called.
LATE = {("program", "source_c"), ("program", "source_numpy"), ("program", "compiled")}

each_file = pytest.mark.parametrize("path", FILES, ids=NAMES)


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    """(module, names, whether inside a function) of each import; a relative one made absolute."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found = []
    work = [(tree(path), False)]
    while work:
        node, late = work.pop()
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(node, ast.Import):
            found += [(alias.name, None, late) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            found.append((module, [alias.name for alias in node.names], late))
        work += [(child, late) for child in ast.iter_child_nodes(node)]
    return found


def importing(module):
    """The files that import `module`, and of these the ones that do so at the top."""
    hits = {
        (name, late)
        for name, path in zip(NAMES, FILES, strict=True)
        for imported, _, late in imports(path)
        if imported.partition(".")[0] == module
    }
    return {name for name, _ in hits}, {name for name, late in hits if not late}


def of_package(package):
    return [path for path in FILES if path.relative_to(ROOT).parts[0] == package]


def test_packages_found():
    assert {"autograd_core/gates.py", "nn/layers.py", "viz/dot.py"} <= set(NAMES)


def test_relative_imports_are_seen():
    assert ("viz.picture", False) in {
        (module, late) for module, _, late in imports(ROOT / "viz" / "dot.py")
    }
    assert ("viz.plots", True) in {
        (module, late) for module, _, late in imports(ROOT / "nn" / "__main__.py")
    }


@pytest.mark.parametrize("path", of_package("autograd_core"), ids=lambda path: path.name)
def test_engine_stands_alone(path):
    others = {module.partition(".")[0] for module, _, _ in imports(path)} - {"autograd_core"}
    arrays = {
        "run_numpy": {"numpy"},
        "run_numba": {"llvmlite", "numba", "numpy"},
        "compiled": {"numpy"},
    }
    assert others - arrays.get(path.stem, set()) <= sys.stdlib_module_names


def test_arrays_come_late():
    """`import autograd_core` and `import nn` load neither NumPy nor Numba."""
    everywhere, early = importing("numpy")
    assert everywhere <= {
        "autograd_core/compiled.py", "autograd_core/run_numba.py", "autograd_core/run_numpy.py",
        "nn/train.py",
    }  # fmt: skip
    assert early == {"autograd_core/run_numba.py", "autograd_core/run_numpy.py"}
    assert importing("numba")[0] == {"autograd_core/run_numba.py"}
    for path in of_package("autograd_core") + of_package("nn"):
        for module, names, late in imports(path):
            if "run_numba" in (names or []) or module.endswith(("run_numba", "run_numpy")):
                assert late, f"{path.name} imports {module} early"


@pytest.mark.parametrize("path", of_package("autograd_core"), ids=lambda path: path.name)
def test_engine_order(path):
    assert path.stem in RANKS, "give the new module its place in RANKS"
    for module, names, late in imports(path):
        if module.partition(".")[0] != "autograd_core":
            continue
        parts = module.split(".")[1:]
        for used in parts[:1] or names:
            if late and (path.stem, used) in LATE:
                continue
            assert used in RANKS, f"{path.stem} imports {used}"
            assert RANKS[used] < RANKS[path.stem], f"{path.stem} imports {used}"


@pytest.mark.parametrize("path", of_package("nn") + of_package("viz"), ids=lambda p: p.parent.name)
def test_rooms_use_the_public_names(path):
    for module, names, _ in imports(path):
        if module.partition(".")[0] == "autograd_core":
            assert module == "autograd_core" and names is not None, f"import of {module}"
            assert set(names) <= set(autograd_core.__all__)


@pytest.mark.parametrize(("package", "other"), [("nn", "viz"), ("viz", "nn")])
def test_rooms_apart(package, other):
    for path in of_package(package):
        for module, _, late in imports(path):
            if module.partition(".")[0] == other:
                assert path.name == "__main__.py" and late, f"{path.name} imports {module}"


@pytest.mark.parametrize("module", ["subprocess", "multiprocessing", "pty"])
def test_one_room_runs_programs(module):
    everywhere, _ = importing(module)
    assert everywhere == ({"viz/render.py"} if module == "subprocess" else set())


@each_file
def test_no_other_way_to_run_a_program(path):
    ways = {"system", "popen", "spawnl", "spawnv", "execl", "execv", "fork", "startfile"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert not (node.value.id == "os" and node.attr in ways), f"line {node.lineno}"


def test_matplotlib_is_late():
    everywhere, early = importing("matplotlib")
    assert everywhere <= {"viz/plots.py", "nn/__main__.py"} and "viz/plots.py" in everywhere
    assert early == set()


def test_graphviz_in_one_room():
    everywhere, _ = importing("graphviz")
    assert everywhere == {"viz/dot.py"}


@pytest.mark.parametrize("module", ["torch", "IPython", "micrograd"])
def test_never_imported(module):
    assert importing(module)[0] == set()


@each_file
def test_docstring(path):
    if not path.name.startswith("_") or path.name in ("__init__.py", "__main__.py"):
        assert (ast.get_docstring(tree(path)) or "").strip()


@each_file
def test_all_exists(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    names = getattr(module, "__all__", [])
    assert [name for name in names if not hasattr(module, name)] == []
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("package", ["autograd_core", "nn", "viz"])
def test_star_import(package):
    module = importlib.import_module(package)
    assert module.__all__
    assert all(not name.startswith("_") for name in module.__all__)


def forbidden(source):
    """The lines that run text as code, or touch the recursion limit."""
    names = {"eval", "exec", "compile", "__import__", "setrecursionlimit"}
    lines = []
    for node in ast.walk(ast.parse(source)):
        hit = False
        if isinstance(node, ast.Name):
            hit = node.id in names
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            hit = node.attr == "setrecursionlimit"
            hit = hit or (owner in ("builtins", "__builtins__") and node.attr in names)
        elif isinstance(node, ast.ImportFrom):
            hit = node.module in ("builtins", "sys") and any(a.name in names for a in node.names)
        if hit:
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')", "run = exec", "builtins.compile(x)", "from builtins import eval as e",
        "sys.setrecursionlimit(9)", "from sys import setrecursionlimit", "__import__('os')",
    ],
)  # fmt: skip
def test_forbidden_is_found(source):
    assert forbidden(source) == [1]
    assert forbidden("re.compile(x); model.eval()") == []


@each_file
def test_no_text_runs_as_code(path):
    assert forbidden(path.read_text(encoding="utf-8")) == []
