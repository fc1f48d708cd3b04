"""Lesson 5: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # The score is 0, so p is 1/2, and (p - y) x0 is (0.5 - 1) * 2. That the weights are 0 does not
    # matter: with one unit there is nothing that could stay equal.
    1: -1.0,
    # At one product the slopes have changed places: w hears w, and the input hears the input.
    # In matrices: dW = dD X^T, and the other factor of the product is X, not W.
    2: "wrong operand",
    # Index by index: dW[i, j] is the sum over the examples e of X[e, i] dH[e, j]. For examples in
    # columns (D = W X) it is dD X^T, whose transpose, with all rows for columns, is this one.
    4: "X.T @ dH",
    # s1 = -1 + 0.5 * 2 = 0, x1 = 0, s2 = 0, output 0. delta2 = 2 (0 - 1) * 1 = -2,
    # delta1 = 1 * 3 * (-2) = -6, dl/dw = -6 * 2 = -12, and 0.5 - 0.1 * (-12) is 1.7.
    6: 1.7,
}
WRONG = {
    1: [1.0, -0.5, 0.0, -2.0],
    2: ["overwrote", "sign", "stale value", "did not zero", "wrong order", "max to both"],
    4: ["dH.T @ X", "dH @ X.T", "X @ dH"],
    6: [-0.7, 1.1, 0.9, 12.5, -11.5],
}
CODE = {
    # The loss gives df of the last layer, then each layer gives its two gradients, and hands down
    # omega^T df, of which the ReLU below lets through where it was open.
    3: """
def backward_pass(omegas, f, h, y):
    dbetas, domegas = [], []
    df = 2 * (f[-1] - y)
    for k in reversed(range(len(omegas))):
        dbeta = df
        domega = np.outer(df, h[k])
        dbetas.insert(0, dbeta)
        domegas.insert(0, domega)
        if k > 0:
            df = (f[k - 1] > 0) * (omegas[k].T @ df)
    return dbetas, domegas
""",
    # u = s / T has the slope 1 / T, and the gradient on u is p - y with the probabilities of u.
    5: """
def on_the_scores(scores, right, T):
    e = [math.exp(s / T) for s in scores]
    return [(e[k] / sum(e) - (k == right)) / T for k in range(3)]
""",
    # weights[k][1:] belongs to the outputs below; x[k] are those outputs, so 1 - x[k]**2 is the
    # slope of the units of layer k - 1.
    7: """
def recursion(weights, x, y):
    delta = 2 * (x[-1] - y) * (1 - x[-1] ** 2)
    deltas = [delta]
    for k in reversed(range(1, len(weights))):
        delta = (1 - x[k] ** 2) * (weights[k][1:] @ delta)
        deltas.insert(0, delta)
    return deltas
""",
}
MISTAKES = {
    3: [
        ("(f[k - 1] > 0) * ", "", "forgot local"),
        ("f[-1] - y", "y - f[-1]", "sign"),
        ("2 * (f[-1]", "(f[-1]", "It is 0.5 times the right one"),
        ("np.outer(df, h[k])", "np.outer(h[k], df)", "the wrong way round"),
        ("omegas[k].T @ df", "omegas[k] @ df", "mismatch"),
    ],
    5: [
        (") / T for k", ") for k", "the gate of that division is missing"),
        ("math.exp(s / T)", "math.exp(s)", "The probabilities are those without T"),
        (" - (k == right)", "", "What is different for the right class?"),
        ("(e[k]", "sum(e[k]", "TypeError"),
    ],
    7: [
        ("(1 - x[k] ** 2) * ", "", "forgot local"),
        ("x[-1] - y", "y - x[-1]", "sign"),
        ("2 * (x[-1]", "(x[-1]", "It is 0.5 times the right one"),
        ("[1:]", "", "must have (1,)"),
    ],
}
