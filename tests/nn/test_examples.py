"""The course's training program (10-40-40-5), beside the same program in PyTorch."""

import importlib.util
import random
from pathlib import Path

import pytest

from nn.data import DataLoader, TensorDataset

SOURCE = Path(__file__).parents[2] / "examples" / "deep_network.py"


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("deep_network", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def points():
    rng = random.Random(0)
    x = [[rng.gauss(0.0, 1.0) for _ in range(10)] for _ in range(100)]
    y = [[rng.gauss(0.0, 1.0) for _ in range(5)] for _ in range(100)]
    return x, y


def test_it_starts_and_falls_as_in_the_notes_and_says_so(program, points, capsys):
    losses = program.train(
        program.build(random.Random(1)), DataLoader(TensorDataset(*points), batch_size=10), 3
    )
    assert 10.0 < losses[0] < 25.0 and losses[2] < losses[1] < losses[0]
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch {epoch:3d}, loss {loss:.3f}" for epoch, loss in enumerate(losses)
    ]


def test_the_losses_are_pytorchs(program, points, capsys):
    torch = pytest.importorskip("torch")
    model = program.build(random.Random(2))
    theirs = torch.nn.Sequential(
        torch.nn.Linear(10, 40), torch.nn.ReLU(), torch.nn.Linear(40, 40), torch.nn.ReLU(),
        torch.nn.Linear(40, 5),
    ).double()  # fmt: skip
    state = model.state_dict()
    theirs.load_state_dict(
        {name: torch.tensor(x, dtype=torch.float64) for name, x in state.items()}
    )
    x, y = (torch.tensor(part, dtype=torch.float64) for part in points)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
    expected = []
    for _ in range(3):
        epoch_loss = 0.0
        for start in range(0, 100, 10):
            optimizer.zero_grad()
            batch = slice(start, start + 10)
            loss = torch.nn.functional.mse_loss(theirs(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        expected.append(epoch_loss)
        scheduler.step()
    losses = program.train(model, DataLoader(TensorDataset(*points), batch_size=10), 3)
    assert losses == pytest.approx(expected, abs=1e-9)
