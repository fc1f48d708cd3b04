"""Lesson 2: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # 1 - x comes along one wire, -x along the other: they cancel at one half, the top of the
    # parabola, although neither is 0 there (one half and minus one half).
    1: 0.5,
    # Each path is worth 1, so the gradient counts paths: three ways down each floor, 3 ** 4.
    2: 81.0,
    # q hands on the -1 of the minus before the 4 of the multiply has arrived.
    4: "wrong order",
    # After n gates n + 1. The value below the last gate gets 1 + 1; one further down gets 1 and,
    # since its user's book says 2, another 2; the next 1 and 3; and so on. The error grows with
    # depth, and only a graph of a single gate hides it.
    6: 11.0,
}
WRONG = {
    1: [0, 1, 2, -1],
    2: [12, 16, 27, 64],
    4: ["overwrote", "wrong operand", "sign", "max to both", "stale value", "did not zero"],
    6: [2, 3, 10, 20, 1024],
}
CODE = {
    # a brings two arrivals by one gate, and has x below it: 1.5 is handed on twice.
    3: """
def breaks_it(x):
    a = x * 2
    return a * a
""",
    # A value goes on the list behind its inputs; the second visit has nothing left to do.
    5: """
def inputs_first(root):
    order, seen = [], set()

    def visit(v):
        if v not in seen:
            seen.add(v)
            for u in v.inputs:
                visit(u)
            order.append(v)

    visit(root)
    return order
""",
    # All values of the graph, not the leaves alone: those in between hand on what they hold.
    7: """
def careful(root):
    for v in topological(root):
        v.grad = 0.0
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in wires(v):
            u.grad += v.grad * local
""",
}
# What is taken away from the code, what stands there instead, and what the judge then says: a name
# in `mistakes`, or a piece of text.
MISTAKES = {
    3: [
        ("a = x * 2", "a = x", "The fork is x itself"),
        ("a * a", "a * 3", "Nothing is used twice"),
        ("a * a", "a * 3 + a", "two are enough"),
        ("a = x * 2", "a = Value(1) * 2", "x is not in this circuit"),
        ("return ", "", "should return a Value"),
    ],
    5: [
        (
            "for u in v.inputs:\n                visit(u)\n            order.append(v)",
            "order.append(v)\n            for u in v.inputs:\n                visit(u)",
            "f stands before its input p",
        ),
        ("if v not in seen:", "if True:", "x stands in your list twice"),
        ("order.append(v)", "pass", "Your list is empty"),
        ("order.append(v)", "order.extend([v] * bool(v.inputs))", "x is missing"),
        ("return order", "return None", "inputs_first should return a list"),
        ("visit(u)", "visit(v.left)", "inputs_first raised AttributeError"),
    ],
    7: [
        (
            "v in topological(root):\n        v.grad = 0.0",
            "v in ():\n        v.grad = 0.0",
            "did not zero",
        ),
        (
            "v in topological(root):\n        v.grad = 0.0",
            "v in topological(root):\n        v.grad *= bool(v.inputs)",
            "The first pass was right, the second was not",
        ),
    ],
}
