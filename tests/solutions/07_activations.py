"""Lesson 7: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # The chain rule gives w times 1/4. At x = 1 the gate sees 4, where the sigmoid is nearly
    # flat: the slope is about 0.07. Larger weights saturate, smaller ones vanish.
    1: 4.0,
    # 4^-6 is still 2.4e-4, 4^-7 is 6e-5; and the slopes above the first are below 1/4.
    3: 7,
    # 2x + b is largest at x = 1: 2 + b < 0. The elbow is then at x = 1, the end of the data.
    5: -2.0,
    # Plain, in the first layer: nothing moves. Momentum goes on with the last step; the layer below
    # a second layer learns from other units; weight decay pulls w and b towards 0.
    6: [0, 1, 1, 1],
}
WRONG = {
    1: [0.25, 1, 2],
    3: [4, 14, 6],
    5: [2, 0, -1, -0.5],
    6: [[0, 0, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]],
}
CODE = {
    # h = 1 - 1/(1+f) for f > 0: the slope is 1/(1+f)², and 1/(1+f) = 1 - h.
    2: """
def slope_from_output(h):
    return (1 - abs(h)) ** 2
""",
    # The elbow is at -b/w.
    4: """
def spread_elbows(weight, bias, rng):
    for (w,), b in zip(weight, bias, strict=True):
        place = rng.uniform(-2.0, 2.0)
        b.data = -w.data * place
""",
}
MISTAKES = {
    2: [
        (" ** 2", "", "Its square would be right here."),
        ("abs(h)", "h", "mind the sign of h"),
        ("(1 - abs(h)) ** 2", "1 - h**2", "At f = 1.0, h = 0.5 it gives 0.75."),
    ],
    4: [
        ("-w.data * place", "place", "elbows lie beyond -2 and 2"),
        ("uniform(-2.0, 2.0)", "uniform(-1.0, 1.0)", "They crowd"),
    ],
}
