"""Lesson 9: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # The second derivative is 6, so the limit is 2/6 and the rate for one step 1/6. The 5 makes no
    # difference: it adds a gate through which the gradient passes unchanged.
    1: [1 / 3, 1 / 6],
    # The curvatures are 2 and 18: 2/(2 + 18) = 0.1, and there 1 - 0.2 = 0.8 and 1 - 1.8 = -0.8.
    # The condition number is 9, and (9 - 1)/(9 + 1) = 0.8 again.
    2: [0.1, 0.8],
    # 1/(1 - beta) = 20 gives 0.95, and v0 counts beta^20, which is about 1/e: 10 * 0.358.
    4: 3.585,
    # The slopes and contributions are right, but the sums of the leaves begin with the gradients
    # of the step before: zero_grad() was forgotten.
    7: "did not zero",
}
WRONG = {
    1: [[2 / 3, 1 / 3], [1.0, 0.5], [2 / 11, 1 / 11]],
    2: [[0.2, 0.8], [1 / 9, 1], [1 / 18, 8 / 9]],
    4: [0.5, 9.5, 3.679, 0.0],
    7: ["overwrote", "wrong operand", "sign", "stale value", "max to both", "wrong order"],
}
CODE = {
    # r = -1 in r^2 - (1 + beta - lr (1 - beta) a) r + beta = 0: 2 (1 + beta) = lr (1 - beta) a.
    3: """
def limit(a, beta):
    return 2 / a * (1 + beta) / (1 - beta)
""",
    # The study's line, with v from 0.
    5: """
class Momentum:
    def __init__(self, params, lr, beta):
        self.params, self.lr, self.beta = list(params), lr, beta
        self.v = [0.0] * len(self.params)

    def step(self):
        for i, p in enumerate(self.params):
            self.v[i] = self.beta * self.v[i] + (1 - self.beta) * p.grad
            p.data = p.data - self.lr * self.v[i]
""",
    # Each average is divided by the sum of its weights, 1 - beta^t.
    6: """
class MyAdam:
    def __init__(self, params, lr, betas):
        self.params, self.lr = list(params), lr
        self.b1, self.b2 = betas
        self.m = [0.0] * len(self.params)
        self.s = [0.0] * len(self.params)
        self.t = 0

    def step(self):
        self.t += 1
        for i, p in enumerate(self.params):
            self.m[i] = self.b1 * self.m[i] + (1 - self.b1) * p.grad
            self.s[i] = self.b2 * self.s[i] + (1 - self.b2) * p.grad**2
            mean, square = self.m[i] / (1 - self.b1**self.t), self.s[i] / (1 - self.b2**self.t)
            p.data = p.data - self.lr * mean / (square**0.5 + 1e-8)
""",
}
MISTAKES = {
    3: [
        (" * (1 + beta) / (1 - beta)", "", "where is beta?"),
        (" / (1 - beta)", "", "stays near the bottom"),
        ("2 / a", "4 / a", "runs away already"),
    ],
    5: [
        ("p.data - ", "p.data + ", "It goes uphill"),
        ("self.lr * ", "", "The learning rate is left out"),
        ("(1 - self.beta) * ", "", "the average is a sum"),
        ("self.v[i]", "self.v[0]", "All parameters share one running average"),
    ],
    6: [
        ("**self.t", "", "The number of the step stands still"),
        ("p.data - ", "p.data + ", "It goes uphill"),
        ("self.t += 1\n        for i, p in enumerate(self.params):",
         "for i, p in enumerate(self.params):\n            self.t += 1",
         "The number of the step counts parameters"),
    ],
}  # fmt: skip
