"""Appendix A: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # The exponential's own output is its slope, and the square's slope reads the error. Both
    # products have a parameter and an input for operands, which are there anyway, and the slopes
    # of a difference and of a quotient by 2 are constants.
    1: 2,
    # t17 goes back through the exponential: upstream times its output, t8; the line reads its
    # input, t7.
    2: "t17",
    # One sine, one product, and one sum of that with itself. After `share` nothing is left to do.
    3: 3,
}
WRONG = {
    1: [1, 3, 4, 5, 6],
    2: ["t13", "t14", "t18"],
    3: [1, 2, 4, 7],
}
CODE = {
    # Both arms are computed in every lane; at -1 and 1 they agree, in value and slope.
    4: """
def huber(e):
    return where(abs(e) <= 1, e * e / 2, abs(e) - 0.5)
""",
    # What the two layers do, in PyTorch's layout: a row for each output.
    5: """
def scores(state, x):
    state = {name: np.array(numbers) for name, numbers in state.items()}
    hidden = np.tanh(state["0.weight"] @ x + state["0.bias"])
    return state["2.weight"] @ hidden + state["2.bias"]
""",
}
MISTAKES = {
    4: [
        ("where(abs(e) <= 1, e * e / 2, abs(e) - 0.5)",
         "e * e / 2 if abs(e) <= 1 else abs(e) - 0.5", "raised TraceError"),
        ("where(abs(e) <= 1, e * e / 2, abs(e) - 0.5)",
         "where(-1 <= e <= 1, e * e / 2, abs(e) - 0.5)", "raised TraceError"),
        ("abs(e) - 0.5", "e - 0.5", "A lane has the wrong number."),
        ("e * e / 2, abs(e) - 0.5", "abs(e) - 0.5, e * e / 2", "A lane has the wrong number."),
        ("e * e / 2", "e * e", "A lane has the wrong number."),
    ],
    5: [
        ('state["0.weight"] @ x', 'x @ state["0.weight"]', "raised ValueError"),
        (' + state["2.bias"]', "", "The scores are not those of the network"),
        ("np.tanh", "", "The scores are not those of the network"),
        ('state["2.weight"] @ hidden + state["2.bias"]', "hidden", "are wanted, got (3,)"),
    ],
}  # fmt: skip
