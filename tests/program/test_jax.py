"""The text for JAX: what `jit`, `vmap`, `grad` and sharding over eight devices make of it."""

import numpy as np
import pytest

from autograd_core import compile_graph, to_numpy
from nn import MLP

LANES = 24


def function_of(program):
    names = {}
    exec(to_numpy(program, module="jax.numpy"), names)
    return names["value_and_grad"]


@pytest.fixture(scope="module")
def network():
    """The function of a network's text, points and weights; sums as compile_graph has them."""
    model = MLP(4, [6, 5, 1], activation="tanh", rng=3)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(LANES, 4)), rng.normal(size=LANES)
    f = compile_graph(lambda x, y: (model(x) - y) ** 2, reduction="sum")
    weights = np.array([v.data for v in model.parameters()])
    return function_of(f.trace(x, y)), np.column_stack([x, y]), weights, f.value_and_grad(x, y)


def equal(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_jit(jax, network):
    function, points, weights, (value, gradient) = network
    values, gradients = jax.jit(function)(points, weights)
    assert values.dtype == gradients.dtype == np.float64
    equal(values.sum(), value)
    equal(gradients, gradient)


def test_vmap_over_models(jax, network):
    function, points, weights, (value, gradient) = network
    models = np.stack([weights, weights * 0.0])
    values, gradients = jax.jit(jax.vmap(function, (None, 0)))(points, models)
    equal(values[0].sum(), value)
    equal(gradients[0], gradient)
    equal(values[1, :, 0], points[:, 4] ** 2)


def test_grad_of_the_values_is_the_gradient_and_the_gradients_is_its_hessian(jax, network):
    function, points, weights, (_, gradient) = network

    def total(weights):
        return function(points, weights)[0].sum()

    equal(jax.jit(jax.grad(total))(weights), gradient)
    second = jax.jit(jax.jacobian(lambda weights: function(points, weights)[1]))(weights)
    equal(second, jax.jit(jax.hessian(total))(weights))


def test_shards_on_eight_devices_summed(jax, network):
    function, points, weights, (value, gradient) = network
    mesh = jax.make_mesh((8,), ("data",))
    points = jax.device_put(points, jax.NamedSharding(mesh, jax.P("data")))

    def shard(points, weights):
        values, gradients = function(points, weights)
        return values, jax.lax.psum(gradients, "data")

    specs = {"in_specs": (jax.P("data"), jax.P()), "out_specs": (jax.P("data"), jax.P())}
    values, gradients = jax.jit(jax.shard_map(shard, mesh=mesh, **specs))(points, weights)
    assert len(values.sharding.device_set) == 8
    equal(values.sum(), value)
    equal(gradients, gradient)


def test_jit_over_points_that_lie_on_eight_devices(jax, network):
    function, points, weights, (value, gradient) = network
    auto = (jax.sharding.AxisType.Auto,)  # the compiler puts in the sums over devices
    mesh = jax.make_mesh((8,), ("data",), axis_types=auto)
    points = jax.device_put(points, jax.NamedSharding(mesh, jax.P("data")))
    values, gradients = jax.jit(function)(points, weights)
    assert len(values.sharding.device_set) == 8
    equal(values.sum(), value)
    equal(gradients, gradient)


def test_a_gate_that_fails_gives_inf_or_nan_and_nothing_raises(jax, lowered):
    function = jax.jit(function_of(lowered(lambda a: a.log(), 1)))
    values, gradients = function(np.array([[1.0], [0.0], [-1.0]]), np.zeros(0))
    np.testing.assert_array_equal(values[:, 0], [0.0, -np.inf, np.nan])
    np.testing.assert_array_equal(gradients[:, 0], [1.0, np.inf, -1.0])
