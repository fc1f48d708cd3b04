"""Lesson 3: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # The sum is 1 at w2 = -3, so it is 0 at w2 = -4. There f = 0.5 and f (1 - f) = 0.25, the
    # steepest place of the sigmoid: an undecided neuron passes the most back. Each weight gets its
    # input times that, -1 and -2 and 1.
    1: [-0.25, -0.5, 0.25],
    # Upstream times local, 5 x 0.98 x 0.02. The bias is added, so it gets all of it.
    2: 0.098,
    # The sigmoid's output is 0.269, so its slope is 0.269 x 0.731 = 0.197. The walk has 0.149,
    # which is its slope at another sum. All else follows from the number it hands on.
    4: "stale value",
    # The products are as before, so f and all that arrives at the products are as before. What
    # changes are the local slopes: w0 has x0 for its slope, 10 times larger, and x0 has w0, a tenth
    # as large. A step moves the sum by rate x gradient x x0, of which two are 10 times larger.
    6: [10.0, 0.1, 0.01],
}
WRONG = {
    1: [[-0.2, -0.39, 0.2], [0.25, 0.5, 0.25], [0.5, -0.75, 0.25], [-0.5, -1.0, 0.5]],
    2: [0.0196, 4.9, 0.1, 1.25, 5],
    4: ["overwrote", "wrong operand", "sign", "did not zero"],
    6: [[10, 0.1, 0.1], [10, 10, 0.01], [0.1, 10, 0.01], [1, 1, 1]],
}
CODE = {
    # (u / v)' = (v v - u u) / v^2 = 1 - (u / v)^2. Like (1 - f) f it needs the output only.
    3: """
def slope_of_tanh(t):
    return 1.0 - t * t
""",
    # dt and ds are the gradients on the two sums. x is in both sums, so two parts are added.
    5: """
def by_hand(w0, w1, w2, x):
    h = 1.0 / (1.0 + math.exp(-(w0 * x + w1)))
    f = 1.0 / (1.0 + math.exp(-(w2 * h + x)))
    dt = (1.0 - f) * f
    dw2 = h * dt
    ds = (1.0 - h) * h * w2 * dt
    dw1 = ds
    dw0 = x * ds
    dx = dt + w0 * ds
    return dw0, dw1, dw2, dx
""",
    # For a single neuron the way is a straight line, along the weights, and its length is the sum
    # over the length of the weights: 1 / sqrt(13) for the neuron of this lesson.
    7: """
def walk_to_the_border(model, point, size=0.02):
    side = scores(model, [point])[0] > 0
    way = [point]
    while (scores(model, way[-1:])[0] > 0) == side and len(way) < 200:
        g = gradient_on_input(model, way[-1])
        along = (-size if side else size) / math.hypot(*g)
        way.append(tuple(x + along * slope for x, slope in zip(way[-1], g)))
    return way
""",
}
# What is taken away from the code, what stands there instead, and what the judge then says: a name
# in `mistakes`, or a piece of text.
MISTAKES = {
    3: [
        ("1.0 - t * t", "(1.0 - t) * t", "That is the sigmoid's"),
        ("1.0 - t * t", "1.0 - t", "One factor is missing"),
        ("1.0 - t * t", "1.0 + t", "at t = 1 the slope is 0"),
        ("1.0 - t * t", "t * t - 1.0", "The sign"),
        ("1.0 - t * t", "1.0 - math.tanh(t) ** 2", "takes t for the sum s"),
        ("1.0 - t * t", "1.0 + t * t", "slope at t = 0.4: got 1.16, expected 0.84"),
        ("return 1.0 - t * t", "print(1.0 - t * t)", "It returned nothing"),
        ("1.0 - t * t", "str(t)", "should return a number"),
    ],
    5: [
        ("dx = dt + w0 * ds", "dx = w0 * ds", "overwrote"),
        ("(1.0 - h) * h * w2 * dt", "w2 * dt", "forgot local"),
        ("dw2 = h * dt", "dw2 = w2 * dt", "wrong operand"),
        ("dw0 = x * ds", "dw0 = x", "forgot upstream"),
        ("return dw0, dw1, dw2, dx", "return dw0", "Return four numbers"),
        ("return dw0, dw1, dw2, dx", "return dw0, dw1, dw2, None", "Return four numbers"),
    ],
    7: [
        ("-size if side else size", "size if side else -size", "leads away"),
        (" / math.hypot(*g)", "", "long: it should be"),
        (
            "gradient_on_input(model, way[-1])",
            "gradient_on_input(model, point)",
            "faster direction",
        ),
        ("len(way) < 200", "len(way) < 3", "It ends before"),
        ("way.append(tuple", "str(tuple", "was stopped after 100,000 steps"),
    ],
}
