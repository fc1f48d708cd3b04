"""Lesson 11: the right answers, wrong ones that it has a word on, and the code it asks for."""

import math

ANSWERS = {
    # Two inputs have an entry only if they share a term: each with itself (30), and each of
    # the 29 pairs of neighbours twice, since the Hessian is symmetric: 30 + 2 x 29. The others are
    # 0, which is why large Hessians are stored sparse, or not at all (hvp).
    1: 88,
    # The slope of the cosine gate is -sin x; the walk went back with +sin x.
    2: "sign",
    # At 0.5 the second derivative, -cos 0.5, is negative: the bowl is upside down, and its "bottom"
    # is the top of the cosine. The step is -tan x, so x - tan x is about -x^3/3 from there on.
    4: 0.0,
    # 4 x^3 / (12 x^2) = x / 3 is the step, so 2/3 of x are left. Newton doubles the digits only
    # where the second derivative at the bottom is not 0.
    5: 2 / 3,
    # The first part has one output: one backward pass. The second has one input: one forward pass.
    # The 20 x 30 derivatives are products of what they bring. (Which order is cheapest in any graph
    # is a hard question: Naumann, Mathematical Programming, 2008.)
    8: 2,
}
WRONG = {
    1: [900, 30, 58, 59, 90],
    2: ["overwrote", "wrong operand", "wrong order"],
    4: [math.pi, -math.pi, math.pi / 2],
    5: [0, 1 / 3, 1 / 4, 3 / 4, 1 / 2],
    8: [1, 20, 21, 30, 31, 50],
}
CODE = {
    # The derivative of the slope, which is a Value like any other, and the step of the text in one
    # dimension.
    3: """
def newton_step(f, at):
    x = Value(at)
    slope = grad(f(x), [x])[0]
    curve = grad(slope, [x])[0]
    return at - slope.data / curve.data
""",
    # 2 y dy/da = 2 a: each component over the length.
    6: """
def hypot():
    return Gate(
        "hypot",
        lambda xp, a, b: xp.sqrt(a * a + b * b),
        lambda xp, y, a, b: (xp.div(a, y), xp.div(b, y)),
        latex="?",
        slopes=("?", "?"),
    )
""",
    # A sum has slopes 1 and 1; in a product the slope in one factor is the other.
    7: """
class Dual:
    def __init__(self, value, dot=0.0):
        self.value, self.dot = value, dot

    def __add__(self, other):
        return Dual(self.value + other.value, self.dot + other.dot)

    def __mul__(self, other):
        return Dual(self.value * other.value, other.value * self.dot + self.value * other.dot)
""",
}
MISTAKES = {
    3: [
        ("at - slope.data", "at + slope.data", "It goes the other way."),
        (" / curve.data", "", "There is no second derivative in it"),
        ("at - slope.data", "-slope.data", "Where does it land?"),
        ("slope.data / curve.data", "curve.data / slope.data", "It lands somewhere else."),
        ("at - slope.data / curve.data", "at - slope / curve", "It must return a number"),
        ("grad(slope, [x])", "grad(slope.data, [x])", "raised TypeError"),
    ],
    6: [
        ("xp.sqrt(a * a + b * b)", "a + b", "The value is not the length."),
        ("xp.div(a, y), xp.div(b, y)", "xp.div(b, y), xp.div(a, y)", "wrong operand"),
        ("xp.div(a, y)", "xp.div(-a, y)", "sign"),
        ("xp.div(a, y)", "a", "The rule and the differences"),
        ("xp.sqrt(a * a + b * b)", "math.sqrt(a * a + b * b)", "a root `xp.sqrt`"),
    ],
    7: [
        ("other.value * self.dot + self.value * other.dot", "self.dot * other.dot",
         "When one input moves"),
        ("other.value * self.dot + self.value * other.dot",
         "self.value * self.dot + other.value * other.dot", "When one input moves"),
        ("self.dot + other.dot)", "self.dot)", "When one input moves"),
        ("self.dot + other.dot)", "self.dot + other)", "raised TypeError"),
    ],
}  # fmt: skip
