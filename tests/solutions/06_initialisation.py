"""Lesson 6: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # Each layer halves the variance, and 2^-20 is the first power below a millionth: 2^10 is a bit
    # more than a thousand.
    1: 20,
    # The variance of U(-a, a) is a²/3, here 1/(3D); times D/2 that is 1/6. In ten layers less than
    # one part in 10^7 is left: PyTorch's default is not made for deep networks of ReLUs.
    2: 1 / 6,
    # The one that was moved, and the other three, which are still triplets. Each unit that is moved
    # elsewhere adds one, so two nudges leave three.
    5: 2,
    # The sum is D μ m = 3 m for every unit, and its square 9 m². (The random part is small beside
    # it: it has the factor 1 if σ² = 2/D.)
    6: 9,
    # At w × x the two slopes changed places: w got its own 0.5 in the place of x = 2, and x got 2.
    # The twin u has it right.
    7: "wrong operand",
}
WRONG = {
    1: [40, 10, 6],
    2: [1 / 3, 1 / 2, 2 / 3],
    5: [4, 1, 3],
    6: [3, 0.15, 1.5],
    7: ["sign", "overwrote", "stale value"],
}
CODE = {
    # E[h²] is v/2 from above and a² v/2 from below: a layer's factor is D (1 + a²)/2 times the
    # variance of the weights.
    3: """
def start_variance(fan_in, a):
    return 2 / (fan_in * (1 + a**2))
""",
    # The root of the variance; fan in is the length of a row, fan out the number of rows.
    4: """
def fill(weight, rng):
    std = math.sqrt(4 / (len(weight) + len(weight[0])))
    for row in weight:
        for w in row:
            w.data = rng.gauss(0.0, std)
""",
}
MISTAKES = {
    3: [
        ("(fan_in * (1 + a**2))", "fan_in", "the lower half is left out?"),
        ("(1 + a**2)", "(1 + a)", "draw E[h²]?"),
        ("2 / ", "1 / ", "With fan in 50 and a = 0.0"),
        ("return 2 / (fan_in * (1 + a**2))", "return None", "It must return one number."),
    ],
    4: [
        ("math.sqrt(4 / (len(weight) + len(weight[0])))", "4 / (len(weight) + len(weight[0]))",
         "taken for the standard deviation"),
        ("4 / ", "2 / ", "half of what it should be"),
        ("gauss(0.0, std)", "gauss(0.1, std)", "do not lie around the right mean"),
    ],
}  # fmt: skip
