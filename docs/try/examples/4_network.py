"""A tiny network"""

from nn import MLP, moons
from viz import draw, step

points, labels = moons(20, rng=0)
model = MLP(2, [4, 1], rng=0)


def hinge():
    margins = [(2 * y - 1) * model(x) for x, y in zip(points, labels, strict=True)]
    return sum((1 - margin).relu() for margin in margins) / 20


for epoch in range(30):
    loss = hinge()
    model.zero_grad()
    loss.backward()
    for p in model.parameters():
        p.data -= 0.3 * p.grad
    if epoch % 10 == 0:
        print(f"epoch {epoch:2}: loss {loss.data:.3f}")

loss = hinge()
model.zero_grad()
loss.backward()
draw(loss)  # too large to draw gate by gate: each layer is a column, each neuron a circle
step(loss)  # one of the twenty examples at a time
