"""docs/from_pytorch.md: what each row says happens, happens; on PyTorch's side, where it is."""

import ast
import importlib.util
import math
import re
from pathlib import Path

import pytest

from autograd_core import Value

PAGE = Path(__file__).parents[1] / "docs" / "from_pytorch.md"
TEXT = PAGE.read_text(encoding="utf-8")
TORCH_SETUP, OUR_SETUP, LOOP = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines() if line.startswith("| `")
]  # fmt: skip
KINDS = ("same", "other name", "differs", "error", "not there")
needs_torch = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="needs PyTorch")


def of_code(cell):
    (code,) = re.fullmatch(r"`([^`]+)`", cell).groups()
    return code


def run(code, names):
    """Run statements; the value of the last if it is an expression."""
    body = ast.parse(code).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "row", "exec"), names)
    return last and eval(compile(ast.Expression(last.value), "row", "eval"), names)


def ours():
    names = {}
    exec(OUR_SETUP, names)
    return names


@pytest.fixture
def theirs():
    """PyTorch's names, in float64, with a model that starts as ours."""
    import torch

    torch.set_default_dtype(torch.float64)
    names = {}
    exec(TORCH_SETUP, names)
    state = ours()["model"].state_dict()
    names["model"].load_state_dict({name: torch.tensor(x) for name, x in state.items()})
    yield names
    torch.set_default_dtype(torch.float32)
    torch.autograd.set_detect_anomaly(False)


def numbers(thing):
    """A result as a flat list of floats; None for what is not numbers."""
    if isinstance(thing, Value):
        return [thing.data]
    if hasattr(thing, "detach"):
        return numbers(thing.detach().tolist())
    if isinstance(thing, int | float):
        return [float(thing)]
    if isinstance(thing, list | tuple):
        parts = [numbers(x) for x in thing]
        return None if None in parts else [x for part in parts for x in part]
    return None


def test_the_table_is_what_it_says():
    assert 60 <= len(ROWS) <= 120
    assert all(len(row) == 3 and row[2].startswith(KINDS) for row in ROWS)
    assert {kind for kind in KINDS for row in ROWS if row[2].startswith(kind)} == {*KINDS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: of_code(row[0]))
def test_a_row_says_what_happens_here(row):
    here, claim = of_code(row[1]), row[2]
    if claim.startswith("error"):
        (said,) = re.findall(r'^error "([^"]+)"', claim)
        with pytest.raises((AttributeError, TypeError), match=re.escape(said)):
            run(here, ours())
    else:
        run(here, ours())
    for code in re.findall(r"`([^`]+)`", claim):
        if "torch." not in code and not re.search(r"^[@=]|=$|^\w+=|^\w+\(\)$", code):
            run(code, ours())
    if claim.startswith("same"):  # the name is PyTorch's
        word = r"[a-zA-Z_]\w*"
        of_torch = {*re.findall(word, of_code(row[0]))} - {"torch", "list", "tensor"}
        assert len({*re.findall(word, here)} & of_torch) >= 1


@needs_torch
@pytest.mark.parametrize("row", ROWS, ids=lambda row: of_code(row[0]))
@pytest.mark.filterwarnings("ignore")
def test_a_row_is_right_about_pytorch(row, theirs):
    there = numbers(run(of_code(row[0]), theirs))
    draws = re.search(r"init\.\w+_\(", row[0])
    if row[2].startswith(("same", "other name")) and "report" not in row[2] and not draws:
        here = numbers(run(of_code(row[1]), ours()))
        assert None in (here, there) or here == pytest.approx(there, rel=1e-12)


def test_the_loop_of_the_page_runs():
    names = ours()
    exec(LOOP, names)
    assert len(names["losses"]) == 5 and math.isfinite(names["loss"].data)


@needs_torch
def test_every_hint_is_for_a_name_of_pytorch():
    import torch

    from autograd_core import errors
    from nn.elsewhere import HINTS

    owners = {
        "nn": torch.nn, "nn.init": torch.nn.init, "nn.optim": torch.optim,
        "nn.optim.lr_scheduler": torch.optim.lr_scheduler, "Module": torch.nn.Module,
    }  # fmt: skip
    for owner, hints in HINTS.items():
        assert [name for name in hints if not hasattr(owners[owner], name)] == []
    assert [name for name in errors.OF_TORCH if not hasattr(torch, name)] == []
