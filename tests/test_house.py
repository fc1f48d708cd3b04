"""The rules of the house, read from the source: who imports whom, and what nobody may do."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import autograd_core
from autograd_core import is_native

ROOT = Path(autograd_core.__file__).parents[1]
FILES = sorted(
    path for package in ("autograd_core", "nn", "viz") for path in (ROOT / package).rglob("*.py")
)
NAMES = [str(path.relative_to(ROOT)) for path in FILES]

# What runs only when the package is built: it may look at the compiler's dialects, and setuptools.
BUILT_BY = ("rules", "loop_source", "build", "hatch_build")

# The one file whose imports climb: the engine's face hands out what stands above it, late.
LAZY_FACE = ("autograd_core", {"autograd_core.program", "nn", "viz"})

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


def is_of_the_build(path):
    return path.parent.name == "native" and path.stem in BUILT_BY


def test_nothing_that_runs_needs_what_builds_it():
    for path in FILES:
        if not is_of_the_build(path):
            for module, names, _ in imports(path):
                assert not (module.endswith("native") and {*BUILT_BY} & {*(names or ())}), path
                assert module.rpartition(".")[2] not in ("hatch_build", "build"), path


def of_floor(floor):
    """The engine's own files, or the compiler's."""
    inside = [
        (path, "program" in path.parts)
        for path in of_package("autograd_core")
        if not is_of_the_build(path)
    ]
    return [path for path, compiler in inside if compiler == (floor == "program")]


def test_packages_found():
    assert {"autograd_core/table.py", "nn/layers.py", "viz/dot.py"} <= set(NAMES)


def test_relative_imports_are_seen():
    assert ("viz.picture", False) in {
        (module, late) for module, _, late in imports(ROOT / "viz" / "dot.py")
    }
    assert ("viz.plots", True) in {
        (module, late) for module, _, late in imports(ROOT / "nn" / "__main__.py")
    }


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def graph():
    """For each module the modules of the house that it imports, early or late, or for its types."""
    modules = {module_of(path): path for path in FILES}
    uses = {}
    for module, path in modules.items():
        uses[module] = set()
        for name, names, _ in imports(path):
            inner = {f"{name}.{x}" for x in names or ()} & modules.keys()
            uses[module] |= inner or {name} & modules.keys()
        uses[module].discard(module)
    return uses


def test_imports_only_go_down():
    """No circle: then the files have an order in which each imports only those before it."""
    uses = graph()
    assert LAZY_FACE[1] <= uses[LAZY_FACE[0]]
    uses[LAZY_FACE[0]] -= LAZY_FACE[1]
    order = list(TopologicalSorter(uses).static_order())
    assert order.index("autograd_core.graph") < order.index("autograd_core.value")
    assert order.index("autograd_core.value") < order.index("autograd_core.program.compiled")


def test_a_circle_is_found():
    with pytest.raises(CycleError):
        list(TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())


@pytest.mark.parametrize(
    "path",
    [path for path in of_floor("engine") if path.name != "__init__.py"],
    ids=lambda p: p.name,
)
def test_the_engine_never_looks_up_at_the_compiler(path):
    for module, names, _ in imports(path):
        assert not module.startswith("autograd_core.program"), f"{path.name} imports {module}"
        assert not (module == "autograd_core" and "program" in (names or ()))


def test_the_engine_works_without_the_compiler(tmp_path):
    """In a copy without the folder program/ it is imported, and passes its tests."""
    engine = tmp_path / "autograd_core"
    shutil.copytree(
        ROOT / "autograd_core", engine, ignore=shutil.ignore_patterns("program", "__pycache__")
    )
    shutil.copytree(ROOT / "tests" / "engine", tmp_path / "tests")
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-W", "error"]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--ignore=tests/test_native.py", "tests"],
        cwd=tmp_path, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
    count = int(re.search(r"(\d+) passed", run.stdout)[1])
    assert count > 1000 and "skipped" not in run.stdout


@pytest.mark.parametrize("path", of_package("autograd_core"), ids=lambda path: path.name)
def test_engine_and_compiler_need_only_the_standard_library(path):
    others = {module.partition(".")[0] for module, _, _ in imports(path)} - {"autograd_core"}
    if path.parent.name == "autograd_core" and path.name == "__init__.py":
        others -= LAZY_FACE[1]
    if is_of_the_build(path):
        assert others <= {*sys.stdlib_module_names, "setuptools", "hatchling", "packaging"}
        return
    if path.stem.startswith("run_"):  # an executor may need what makes it quick
        return
    arrays = {"executors": {"numpy"}, "compiled": {"numpy"}}
    assert others - arrays.get(path.stem, set()) <= sys.stdlib_module_names


def test_arrays_come_late():
    """`import autograd_core` and `import nn` do not load NumPy."""
    everywhere, early = importing("numpy")
    runs = {name for name in NAMES if name.startswith("autograd_core/program/run_")}
    assert everywhere <= runs | {
        "autograd_core/program/compiled.py", "autograd_core/program/executors.py",
        "nn/training.py", "nn/judges.py", "nn/layers.py",
    }  # fmt: skip
    assert early <= runs
    for path in of_package("autograd_core") + of_package("nn"):
        for module, names, late in imports(path):
            imported = {module.rpartition(".")[2], *(names or ())}
            assert late or not any(name.startswith("run_") for name in imported), path.name


@pytest.mark.parametrize("path", of_package("nn") + of_package("viz"), ids=lambda p: p.parent.name)
def test_rooms_use_the_public_names(path):
    for module, names, _ in imports(path):
        if module.partition(".")[0] == "autograd_core":
            assert module == "autograd_core" and names is not None, f"import of {module}"
            assert set(names) <= {*autograd_core.__all__, "__version__"}


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


def test_graphviz_only_where_pictures_are_drawn():
    everywhere, _ = importing("graphviz")
    assert everywhere == {"viz/diagram.py", "viz/dot.py"}


@pytest.mark.parametrize("module", ["torch", "IPython", "micrograd"])
def test_never_imported(module):
    assert importing(module)[0] == set()


@each_file
def test_docstring(path):
    if not path.name.startswith("_") or path.name in ("__init__.py", "__main__.py"):
        assert (ast.get_docstring(tree(path)) or "").strip()


@each_file
def test_all_exists(path):
    if path.name == "hatch_build.py" or (path.name == "run_native.py" and not is_native()):
        return  # imported only where packages are built; where there is the loop in C
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


def test_nn_and_viz_are_found_beside_a_users_own_nn(tmp_path):
    """`from autograd_core import nn, viz`: the same modules, unless a user's file hides them."""
    folder = str(Path(autograd_core.__file__).parents[1])
    alone = (
        "from autograd_core import nn as ours, viz as drawn; import nn, viz; "
        "assert nn is ours and viz is drawn; print(ours.MLP(2, [1], rng=0)([1.0, 2.0]).data)"
    )
    beside = (
        "from autograd_core import nn as ours; import nn, autograd_core; assert nn.mine == 1; "
        "assert ours is autograd_core.nn and not hasattr(ours, 'mine'); "
        "print(ours.MLP(2, [1], rng=0)([1.0, 2.0]).data)"
    )
    (tmp_path / "nn.py").write_text("mine = 1\n")
    said = []
    for text, first in ((alone, folder), (beside, str(tmp_path))):
        code = f"import sys; sys.path[:0] = [{first!r}, {folder!r}]; {text}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1] != ""


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert autograd_core.__version__ == version("autograd-core")


@pytest.mark.parametrize("path", [p for p in FILES if p.name != "__init__.py"], ids=module_of)
def test_no_name_hides_a_module(path):
    """`autograd_core.gates` is the table: its module has another name, and so it is everywhere."""
    package, _, name = module_of(path).rpartition(".")
    if path.name == "hatch_build.py" or (path.name == "run_native.py" and not is_native()):
        return  # see test_all_exists
    module = importlib.import_module(f"{package}.{name}")
    assert getattr(importlib.import_module(package), name, module) is module
