"""A fork"""

from autograd_core import Value
from viz import draw, explain, step

# x is used twice, so its gradient is a sum of two parts.
x, y, z = Value(-2.0), Value(5.0), Value(0.5)
f = (x * y + x) * z
f.backward()

explain(f, x)
draw(f)
step(f)
