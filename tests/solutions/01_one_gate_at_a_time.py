"""Lesson 1: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {1: 10.0}
WRONG = {1: []}
CODE = {
    4: """
def backward_pass(root):
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            u.grad += v.grad * local
"""
}
# What is taken away from the code, what stands there instead, and what the judge then says: a name
# in `mistakes`, or a piece of text.
MISTAKES = {4: [("v.grad * local", "local", "forgot upstream")]}
