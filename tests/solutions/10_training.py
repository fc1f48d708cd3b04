"""Lesson 10: the right answers, wrong ones that it has a word on, and the code it asks for."""

ANSWERS = {
    # Without zero_grad() the gradients add up: the n-th step goes along g1 + ... + gn. That is
    # v <- m v + g with nothing forgotten, m = 1. A ball on a slope without friction never rests.
    2: 1,
    # Per point five gates and one of the sum (the first adds to 0), and one division for all:
    # 6 n + 1. The program was traced for one example: 9 instructions, however many lanes.
    3: [1801, 9],
    # 8 * 16 + 16 * 4 = 192 weights make 384 gates, 16 ReLUs and 3 gates for each of 4 outputs:
    # 412 an example, 2,472 for 6. Arrays: 8 + 16 + 4 = 28 an example, 168 for 6.
    4: [2472, 168],
    # L = sqrt(300 / 3) = 10: 30 starts and a graph of 30 gates. The first walk leaves out the last
    # segment, so 290 blocks, and then each of the 300 once more with a graph.
    5: [60, 590],
}
WRONG = {
    2: [0, 0.9, 0.1],
    3: [[1803, 9], [1803, 27], [1801, 27], [601, 9]],
    4: [[412, 28], [1320, 168], [2304, 168], [2472, 2472]],
    5: [[60, 600], [60, 300], [900, 300], [61, 588], [30, 590]],
}
CODE = {
    # Clear before each backward(), since backward() adds; step after it; the loss is read as a
    # number, or the whole graph of each batch would be kept.
    1: """
def train(model, loss_fn, loader, optimizer, epochs):
    losses = []
    for _ in range(epochs):
        total = 0.0
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total)
    return losses
""",
    # A mean over 3 is a sum divided by 3, and the batch wants it divided by 10: 3/10 and 7/10.
    # In short, shards count by their sizes.
    6: """
def combined(gradients, sizes):
    columns = zip(*gradients)
    total = sum(sizes)
    return [sum(n * g for n, g in zip(sizes, column)) / total for column in columns]
""",
}
# What is taken away from the code, what stands there instead, and what the judge then says: a name
# in `mistakes`, or a piece of text.
MISTAKES = {
    1: [
        ("            optimizer.zero_grad()\n", "", "did not zero"),
        (
            "        for inputs, targets in loader:\n            optimizer.zero_grad()\n",
            "        optimizer.zero_grad()\n        for inputs, targets in loader:\n",
            "cleared once per epoch",
        ),
        ("            optimizer.step()\n", "", "call optimizer.step() after backward()"),
        (
            "            optimizer.step()\n            total += loss.item()\n",
            "            total += loss.item()\n        optimizer.step()\n",
            "Only the last batch",
        ),
        ("            loss.backward()\n", "", "call loss.backward()"),
        ("total += loss.item()", "total = loss.item()", "add up those of the batches"),
        ("    return losses\n", "", "Now return a list with one number per epoch"),
    ],
    6: [
        ("sum(n * g for n, g in zip(sizes, column)) / total", "sum(column)", "were added"),
        ("(n * g for n, g in zip(sizes, column)) / total", "(column) / len(sizes)", "count alike"),
        (" / total", "", "what makes it a mean"),
    ],
}
