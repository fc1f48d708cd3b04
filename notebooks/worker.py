"""What a worker process of lesson 10 runs. A new Python finds it by importing this file."""

import os

import nn


def gradient(model, xs, ys):
    """(the number of this process, the gradient of the mean loss over these examples)."""
    model.zero_grad()
    loss = nn.MSELoss()(model(xs), ys)
    loss.backward()
    return os.getpid(), [p.grad for p in model.parameters()]
