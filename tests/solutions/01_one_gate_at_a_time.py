"""Lesson 1: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # g -> s (the second input of c * s) -> p (the first input of p + m) -> the multiply's local
    # gradient of its second input, which is the first: x, as it was when p was computed.
    1: 3.0,
    # The add hands on whatever it gets, so df/dx is what the multiply sends to q: its other input,
    # z. Neither x nor y matters.
    2: 10.0,
    # The max routes nothing to a, and c is multiplied by 0. For d and e nobody has asked: h is not
    # below f. b is 0 too, but its gradient is 4.
    4: ["a", "c"],
    # The gradients are -4, -4 and 3: (-2.1 + 4.9) * (-3.9). They foretell 0.1 * (4 + 4 + 3) = 1.1,
    # and f grows by 1.08: while you move, the gradients change. That is a step of gradient descent,
    # uphill.
    5: -10.92,
    # A multiply sends to one input the input's own value times upstream, not the other's.
    6: "wrong operand",
}
WRONG = {
    1: [-4, 100, 1, -12],
    2: [10 / 3, -2.5, -5, -10],
    4: [["a"], ["c"], ["a", "c", "d", "e"], ["d", "e"], ["c", "a"], [-1.0, 4.0]],
    5: [-10.9, -13.12, -11.48, -10.88],
    6: ["sign", "max to both", "stale value", "did not zero"],
}
CODE = {
    # The second gate stands at first(x): that is where its rate is measured. Rates multiply.
    3: """
def rate(first, second, x):
    rate_of_first = (first(x + nudge) - first(x)) / nudge
    q = first(x)
    rate_of_second = (second(q + nudge) - second(q)) / nudge
    return rate_of_first * rate_of_second
""",
    # Upstream times local, at each wire.
    7: """
def backward_pass(root):
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            u.grad += v.grad * local
""",
}
# What is taken away from the code, what stands there instead, and what the judge then says: a name
# in `mistakes`, or a piece of text.
MISTAKES = {
    3: [
        ("q = first(x)", "q = x", "The second gate was nudged at x"),
        ("rate_of_first * rate_of_second", "rate_of_first + rate_of_second", "were added"),
        ("rate_of_first * rate_of_second", "rate_of_first", "the first gate alone"),
        ("rate_of_first * rate_of_second", "rate_of_second", "the second gate alone"),
        ("(second(q + nudge) - second(q)) / nudge", "second(q)", "Try your function"),
        ("return rate_of_first", "rate_of_first", "It returned nothing"),
        ("return rate_of_first * rate_of_second", "return [rate_of_first]", "return a number"),
    ],
    7: [
        ("v.grad * local", "local", "forgot upstream"),
        ("v.grad * local", "v.grad", "forgot local"),
        ("+=", "=", "overwrote"),
        ("root.grad = 1.0", "root.grad = 0.0", "left every gradient at 0"),
    ],
}
