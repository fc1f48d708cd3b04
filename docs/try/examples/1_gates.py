"""Three gates"""

from autograd_core import Value
from viz import draw, step

x, y, z = Value(-2.0), Value(5.0), Value(-4.0)
f = (x + y) * z
f.backward()
print(x.grad, y.grad, z.grad)

draw(f)  # on each wire the value above, the gradient below
step(f)  # step with the arrow keys, or change a number
