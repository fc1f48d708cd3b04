"""Data: batches of lists and arrays, data sets from a seed."""

import math
import random
import statistics

import numpy as np
import pytest

import nn
from nn import MLP
from nn.data import DataLoader, TensorDataset, circles, gaussian_points, moons, xor

POINTS = [(float(i), -float(i)) for i in range(10)]
LABELS = list(range(10))


def flat(batches):
    return [x for batch in batches for x in batch]


# ---------------------------------------------------------------- TensorDataset


@pytest.mark.parametrize("form", [list, tuple, np.array])
def test_a_dataset_gives_items_side_by_side(form):
    dataset = TensorDataset(form(POINTS), form(LABELS))
    assert len(dataset) == 10
    x, y = dataset[3]
    assert tuple(x) == (3.0, -3.0) and y == 3


def test_a_dataset_of_one_and_of_three():
    assert TensorDataset(LABELS)[4] == (4,)
    assert TensorDataset(LABELS, POINTS, LABELS)[4] == (4, (4.0, -4.0), 4)


def test_a_dataset_refuses_lengths_that_differ():
    with pytest.raises(ValueError, match="the same length, got 10 and 9 and 10"):
        TensorDataset(POINTS, LABELS[:9], POINTS)
    with pytest.raises(ValueError, match=r"needs sequences.*TensorDataset\(points, labels\)"):
        TensorDataset()


@pytest.mark.parametrize("thing", [3.0, None, iter([1]), {1, 2}, {"a": 1}, np.array(3.0)])
def test_a_dataset_refuses_what_is_not_a_sequence(thing):
    with pytest.raises(TypeError, match=f"argument 1 must be a list.*{type(thing).__name__}"):
        TensorDataset(LABELS[:1], thing)


# ---------------------------------------------------------------- DataLoader


@pytest.mark.parametrize("form", [list, np.array])
@pytest.mark.parametrize(
    ("size", "drop_last", "sizes"),
    [
        (1, False, [1] * 10), (3, False, [3, 3, 3, 1]), (3, True, [3, 3, 3]), (5, True, [5, 5]),
        (10, False, [10]), (99, False, [10]), (99, True, []),
    ],
)  # fmt: skip
def test_batches_come_in_order(form, size, drop_last, sizes):
    loader = DataLoader(TensorDataset(form(POINTS), form(LABELS)), size, drop_last=drop_last)
    batches = list(loader)
    assert len(loader) == len(batches) == len(sizes)
    assert [len(x) for x, _ in batches] == [len(y) for _, y in batches] == sizes
    assert all(type(x) is type(y) is list for x, y in batches)
    assert flat(y for _, y in batches) == LABELS[: sum(sizes)]
    assert [tuple(x) for x in flat(x for x, _ in batches)] == POINTS[: sum(sizes)]


def test_shuffle_keeps_pairs_and_loses_none():
    loader = DataLoader(TensorDataset(POINTS, LABELS), 3, shuffle=True, rng=0)
    orders = []
    for _ in range(4):
        batches = list(loader)
        assert all(x == [POINTS[i] for i in y] for x, y in batches)
        orders.append(flat(y for _, y in batches))
        assert sorted(orders[-1]) == LABELS
    assert len(set(map(tuple, orders))) == 4
    assert LABELS not in orders


def test_shuffle_draws_from_rng_each_pass():
    dataset = TensorDataset(LABELS)

    def order(loader):
        return flat(x for (x,) in loader)

    one, two = (DataLoader(dataset, 4, shuffle=True, rng=7) for _ in range(2))
    first, second = order(one), order(one)
    assert [order(two), order(two)] == [first, second] and first != second
    source = random.Random(7)
    assert order(DataLoader(dataset, 4, shuffle=True, rng=source)) == first
    expected = list(range(10))
    source.shuffle(expected)
    assert expected == second
    random.seed(7)
    assert order(DataLoader(dataset, 4, shuffle=True)) == first


def test_no_draw_without_shuffle():
    source = random.Random(7)
    state = source.getstate()
    list(DataLoader(TensorDataset(LABELS), rng=source))
    assert source.getstate() == state


@pytest.mark.parametrize("size", [0, -1, 2.5, None, "3"])
def test_a_bad_batch_size(size):
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        DataLoader(TensorDataset(LABELS), size)


def test_a_loader_takes_a_dataset():
    with pytest.raises(TypeError, match=r"DataLoader\(TensorDataset\(x, y\).*got list"):
        DataLoader(LABELS)
    with pytest.raises(ValueError, match="dataset is empty"):
        DataLoader(TensorDataset([], []))
    with pytest.raises(TypeError, match="rng must be"):
        DataLoader(TensorDataset(LABELS), rng="a")


def test_batch_goes_through_a_model():
    model = MLP(2, [3, 1], rng=0)
    for data in (POINTS, np.array(POINTS)):
        for x, y in DataLoader(TensorDataset(data, LABELS), 4):
            assert len(model(x)) == len(y)


# ---------------------------------------------------------------- data sets


@pytest.mark.parametrize("make", [moons, circles, xor])
def test_sets_have_their_size_both_labels_and_a_random_order(make):
    for n in (0, 1, 2, 5, 101):
        points, labels = make(n, rng=3)
        assert len(points) == len(labels) == n and set(labels) <= {0, 1}
        assert labels.count(0) - labels.count(1) in (0, 1)
    assert make(20, rng=3) == make(20, rng=random.Random(3)) != make(20, rng=4)
    _, labels = make(40, rng=3)
    assert labels != sorted(labels) and labels[:10] != [0, 1] * 5


def test_moons_draw_as_before():
    points, labels = moons(4, rng=1)
    assert labels == [0, 1, 1, 0]
    assert points[0] == pytest.approx((-1.1092173215104142, 0.0031334516831718), abs=1e-12)
    assert points[3] == pytest.approx((1.1288184753155464, 0.1449445608699771), abs=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 100, 101])
def test_moons_sizes(n):
    points, labels = moons(n, rng=3)
    assert len(points) == len(labels) == n
    assert labels.count(0) + labels.count(1) == n
    assert labels.count(0) - labels.count(1) in (0, 1)
    assert all(len(point) == 2 for point in points)


def test_moons_repeat():
    assert moons(20, rng=3) == moons(20, rng=3) == moons(20, rng=random.Random(3))
    assert moons(20, rng=3) != moons(20, rng=4)
    random.seed(5)
    first = moons(20)
    random.seed(5)
    assert moons(20) == first


def test_moons_are_half_circles():
    points, labels = moons(51, noise=0.0, rng=3)
    for (x, y), label in zip(points, labels, strict=True):
        if label:
            assert math.hypot(x - 1.0, y - 0.5) == pytest.approx(1.0)
            assert y <= 0.5 + 1e-12
        else:
            assert math.hypot(x, y) == pytest.approx(1.0)
            assert y >= -1e-12
    upper = sorted(x for (x, _), label in zip(points, labels, strict=True) if label == 0)
    assert (upper[0], upper[-1]) == pytest.approx((-1.0, 1.0))


def test_moons_noise_and_order():
    plain, _ = moons(400, noise=0.0, rng=3)
    noisy, labels = moons(400, noise=0.2, rng=3)
    assert len(set(plain)) > 390
    radii = [math.hypot(x, y) - 1.0 for (x, y), c in zip(noisy, labels, strict=True) if c == 0]
    assert 0.15 < np.std(radii) < 0.25
    assert labels != sorted(labels) and labels[:10] != [0, 1] * 5


@pytest.mark.parametrize("factor", [0.5, 0.2])
def test_circles_are_circles(factor):
    points, labels = circles(50, noise=0.0, rng=3, factor=factor)
    for (x, y), label in zip(points, labels, strict=True):
        assert math.hypot(x, y) == pytest.approx(factor if label else 1.0)
    for label in (0, 1):
        angles = sorted(
            math.atan2(y, x) for (x, y), c in zip(points, labels, strict=True) if c == label
        )
        np.testing.assert_allclose(np.diff(angles), 2 * math.pi / 25, atol=1e-12)


def test_xor_has_a_label_for_each_corner():
    points, labels = xor(40, noise=0.0, rng=3)
    assert set(points) == {(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)}
    assert all((x * y < 0) == bool(label) for (x, y), label in zip(points, labels, strict=True))
    assert {points.count(corner) for corner in set(points)} == {10}


@pytest.mark.parametrize("make", [circles, xor])
def test_noise_has_its_deviation(make):
    points, _ = make(2000, noise=0.1, rng=3)
    spread = [
        min(abs(math.hypot(x, y) - r) for r in (1.0, 0.5)) if make is circles else abs(x) - 1.0
        for x, y in points
    ]
    assert 0.05 < statistics.pstdev(spread) < 0.15


def test_gaussian_points_have_their_mean_and_deviation():
    points = gaussian_points(4000, (-3.0, 0.0), (3.0, 1.0), rng=0)
    assert len(points) == 4000
    np.testing.assert_allclose(np.mean(points, axis=0), [-3.0, 0.0], atol=0.2)
    np.testing.assert_allclose(np.std(points, axis=0), [3.0, 1.0], rtol=0.05)
    assert abs(np.corrcoef(np.array(points).T)[0, 1]) < 0.05
    assert gaussian_points(3, rng=1) == gaussian_points(3, rng=random.Random(1))
    wide = gaussian_points(3, [5.0] * 10, 0.0, rng=1)
    assert wide == [(5.0,) * 10] * 3


@pytest.mark.parametrize("make", [moons, circles, xor, gaussian_points])
@pytest.mark.parametrize("n", [-1, 2.5, None, "3"])
def test_a_bad_number_of_points(make, n):
    with pytest.raises(ValueError, match=f"{make.__name__}: n must be a whole number"):
        make(n)


@pytest.mark.parametrize("make", [circles, xor, gaussian_points])
def test_a_bad_rng(make):
    with pytest.raises(TypeError, match="rng must be"):
        make(4, rng="a")


def test_a_bad_std():
    with pytest.raises(ValueError, match="mean has 2 coordinates and std 3"):
        gaussian_points(4, (0.0, 0.0), (1.0, 1.0, 1.0))


def test_the_order_is_that_of_shuffle_and_so_is_the_generator_after_it():
    class Counted(random.Random):
        """A generator of one's own, which is asked as it wishes to be."""

        def shuffle(self, x):
            super().shuffle(x)
            x.reverse()

    for kind in (random.Random, Counted):
        for count in (1, 2, 3, 17, 64, 100, 1025):
            ours, theirs = kind(count), kind(count)
            loader = DataLoader(TensorDataset(range(count)), count, shuffle=True, rng=ours)
            for _ in range(2):
                wanted = list(range(count))
                theirs.shuffle(wanted)
                assert list(loader.batches()) == [wanted] and ours.getstate() == theirs.getstate()


def test_scikit_learns_names_take_its_arguments():
    assert nn.make_moons(n_samples=9, noise=0.2, random_state=3) == moons(9, 0.2, rng=3)
    assert nn.make_circles(9, noise=0.2, random_state=3) == circles(9, 0.2, rng=3, factor=0.8)
    pairs = zip(*nn.make_circles(20, factor=0.3), strict=True)  # no noise by default
    radii = [(round(math.hypot(*point), 9), label) for point, label in pairs]
    assert {*radii} == {(1.0, 0), (0.3, 1)}
