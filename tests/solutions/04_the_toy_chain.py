"""Lesson 4: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # 13 + 3 gates: the tanh, the product w4 h4, and the sum. 22 + 5 wires: one into the tanh, two
    # into each of the others. The way back costs what the way there does.
    1: [16, 27],
    # Nothing passes from f3 to h3, so all below gets 0. b3 still gets what arrives at f3, and w3
    # gets it times h3: a weight of 0 blocks the way down but can still learn.
    2: 2,
    # At the product w1 h1 each factor got itself: w1 has the local 1.5, which is w1, and h1 has
    # 0.783, which is h1.
    4: "wrong operand",
    # b3: 1, w3: 2, b2: 2, and 3 in each of the other five. With two passes it is 1.
    5: 20,
    # 1e-11 / h = 10 h^2 gives h^3 = 1e-12, so h = 1e-4. Measured, k = 4 leaves an error of 7e-8,
    # k = 5 nine times that, k = 3 a hundred times.
    6: 4,
}
WRONG = {
    1: [[14, 23], [15, 25], [16, 25], [16, 28]],
    2: [0, 1, 3, 7, 8],
    4: ["overwrote", "sign", "stale value", "did not zero"],
    5: [24, 18, 8, 3],
    6: [5, 6, 8, 3, 1],
}
CODE = {
    3: """
def derivatives(b0, w0, b1, w1, b2, w2, b3, w3, x, y):
    f0 = b0 + w0 * x
    h1 = math.sin(f0)
    f1 = b1 + w1 * h1
    h2 = math.exp(f1)
    f2 = b2 + w2 * h2
    h3 = math.cos(f2)
    f3 = b3 + w3 * h3
    d = {"f3": 2.0 * (f3 - y)}
    d["h3"] = w3 * d["f3"]
    d["f2"] = -math.sin(f2) * d["h3"]
    d["h2"] = w2 * d["f2"]
    d["f1"] = h2 * d["h2"]
    d["h1"] = w1 * d["f1"]
    d["f0"] = math.cos(f0) * d["h1"]
    for k, h in enumerate((x, h1, h2, h3)):
        d[f"b{k}"] = d[f"f{k}"]
        d[f"w{k}"] = h * d[f"f{k}"]
    return d
""",
    # The loss at the point itself is the same for all: one pass, and one more for each parameter.
    # n + 1 = 9 for the chain. Cheaper than 2n, and it costs digits.
    7: """
def one_sided_gradient(f, w, h=1e-7):
    here = f(*w)
    slopes = []
    for i in range(len(w)):
        slopes.append((f(*w[:i], w[i] + h, *w[i + 1 :]) - here) / h)
    return slopes
""",
}
# What is taken away from the code, what stands there instead, and what the judge then says: a name
# in `mistakes`, or a piece of text.
MISTAKES = {
    3: [
        ("-math.sin(f2)", "math.sin(f2)", "sign"),
        ('h2 * d["h2"]', 'd["h2"]', "forgot local"),
        ('w1 * d["f1"]', "w1", "forgot upstream"),
        ('h * d[f"f{k}"]', 'd[f"f{k}"]', "forgot local"),
        ("return d", "return None", "It returned nothing"),
    ],
    7: [
        ("- here)", "- f(*w))", "passes are too many"),
        (" - here) / h", " - here)", "Slope 0 of 1"),
        ("return slopes", "return sum(slopes)", "Return a list"),
    ],
}
