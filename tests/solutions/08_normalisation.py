"""Lesson 8: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # A factor c on the weights is c² on the mean square, and c² / 2 = 1. This is the gain that
    # `init.orthogonal_(weight, gain=...)` takes.
    2: 1.4142,
    # Four of the five taps are 0, of 64 weights each; the middle one is a full matrix.
    3: 256,
    # l(10 w) = l(w): deriving both sides in w gives 10 l'(10 w) = l'(w). A step of the same rate is
    # then a tenth as large, on weights ten times as large: the rate has in effect fallen by 100.
    5: 0.1,
    # One gradient is the inside of a branch, w²; 16 w^4 = 1. That is L^(-1/(2m-2)) with L = 16 and
    # m = 3: in general L (w^(m-1))² = 1.
    6: 0.5,
    # The bypass brings 1 to x, the branch 0.5 × 0.8 = 0.4: 1.4 is the sum, and 0.4 was left.
    7: "overwrote",
}
WRONG = {
    2: [2, 1, 0.5],
    3: [64, 312, 319, 320],
    5: [1, 10, 0.01],
    6: [0.25, 1 / 16, 1, 2],
    7: ["sign", "wrong operand", "did not zero"],
}
CODE = {
    # `rows` moves on after the division: the next layer is measured on what it will get.
    1: """
def lsuv(model, batch, rng):
    with no_grad():
        rows = batch
        for layer in model:
            if isinstance(layer, Linear):
                init.orthogonal_(layer.weight, rng=rng)
                spread = math.sqrt(variance(layer(rows)))
                for row in layer.weight:
                    for w in row:
                        w.data /= spread
            rows = layer(rows)
""",
    # dy_i/dx_j = ([i = j] - 1/n - y_i y_j / n) / s, times g_i, summed over i: the mean of g is the
    # way through m, and that of g y, times y, the way through s.
    4: """
def batch_norm_backward(g, y, s):
    n = len(g)
    mean_g = sum(g) / n
    mean_gy = sum(a * b for a, b in zip(g, y, strict=True)) / n
    return [(gi - mean_g - yi * mean_gy) / s for gi, yi in zip(g, y, strict=True)]
""",
}
MISTAKES = {
    1: [
        ("math.sqrt(variance(layer(rows)))", "variance(layer(rows))", "divide them by its root"),
        ("math.sqrt(variance(layer(rows)))", "1.0", "were not scaled"),
        ("variance(layer(rows))", "variance([[v.relu() for v in r] for r in layer(rows)])",
         "measured behind the ReLU"),
        ("init.orthogonal_(layer.weight, rng=rng)", "pass", "are not orthogonal"),
    ],
    4: [
        ("(gi - mean_g - yi * mean_gy) / s", "gi / s", "were taken for constants"),
        (" - yi * mean_gy", "", "The way through s is left out."),
        (") / s for", ") for", "All is there but the division by s."),
        ("- yi * mean_gy", "+ yi * mean_gy", "For n = 3 it gives"),
    ],
}  # fmt: skip
