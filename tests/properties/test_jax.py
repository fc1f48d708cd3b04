"""The text for JAX on random graphs, call by call and under `jit`."""

import numpy as np
import pytest
from hypothesis import given

from autograd_core import to_numpy

from .graphs import GATES, points, share
from .test_ways import agree, prepared

pytestmark = pytest.mark.once  # XLA takes long for each kind of operation, and for each program


def hold(point, through):
    """Hold the text's numbers against the engine's; its function runs through `through`."""
    graph, row = point
    program, rows, parameters = prepared(graph, row)
    names = {}
    exec(to_numpy(program, module="jax.numpy"), names)
    found = through(names["value_and_grad"])(np.array(rows), np.array(parameters))
    agree(graph, row, {"JAX": (float(found[0][0, 0]), np.ravel(found[1]))})


@given(points(GATES, slopes=True))
def test_the_text_for_jax_has_the_numbers_of_the_engine(jax, point):
    hold(point, lambda function: function)


@share(20)
@given(points(GATES, slopes=True))
def test_jit_has_the_numbers_of_the_engine(jax, point):
    hold(point, jax.jit)
