"""A gate of your own"""

from autograd_core import Gate, Value, apply, check_gate
from viz import draw, step

# A gate is its value, and one slope per operand, written in the operators and functions of `xp`.
bump = Gate(
    "bump",
    lambda xp, x: xp.exp(-(x * x)),
    lambda xp, y, x: (-2.0 * x * y,),
    latex=r"e^{-<x>^2}",
    slopes=(r"-2 <x> <y>",),
)
print(check_gate(bump).ok)  # write 2.0 for -2.0, and it says where the slope is wrong

x, w = Value(0.5), Value(-1.5)
f = apply(bump, w * x) * 3
f.backward()
draw(f)
step(f)
