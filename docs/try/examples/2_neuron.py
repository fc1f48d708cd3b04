"""A neuron"""

from autograd_core import Value, sigmoid
from viz import draw, step

w0, x0 = Value(2.0), Value(-1.0)
w1, x1 = Value(-3.0), Value(-2.0)
w2 = Value(-3.0)
f = sigmoid(w0 * x0 + w1 * x1 + w2)
f.backward()

draw(f)
step(f)
