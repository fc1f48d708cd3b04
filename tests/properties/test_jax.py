"""The text for JAX, under `jit`, on random graphs."""

import numpy as np
from hypothesis import given

from autograd_core import to_numpy

from .graphs import GATES, points, share
from .test_ways import agree, prepared


@share(3)  # XLA compiles each
@given(points(GATES, slopes=True))
def test_jit_has_the_numbers_of_the_engine(jax, point):
    graph, row = point
    program, rows, parameters = prepared(graph, row)
    names = {}
    exec(to_numpy(program, module="jax.numpy"), names)
    found = jax.jit(names["value_and_grad"])(np.array(rows), np.array(parameters))
    agree(graph, row, {"jit": (float(found[0][0, 0]), np.ravel(found[1]))})
