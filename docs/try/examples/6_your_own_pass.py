"""Your own backward pass"""

from autograd_core import grade, topological
from viz import draw


# There is a mistake in it. The report names it; mend it and run again.
def backward_pass(root):
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            u.grad = v.grad * local


report = grade(backward_pass)
print(report)
draw(report)
