"""The usual mistakes of a backward pass: what each is called, how it is told, how it is planted.

    for mistake in mistakes.values(): print(mistake.name, mistake.sentence)
    mistakes["forgot upstream"].step(upstream=3.0, local=2.0, before=1.0)   # (2.0, 2.0, 3.0)

A right step back along one wire makes contribution = upstream x local, and then sum = before +
contribution. A mistake puts something else in the place of one of these, or goes through the gates
in another order. One table serves all who look for mistakes in a learner's answers, or plant one.
"""

from __future__ import annotations

from .records import NamedTuple

__all__ = ["Mistake", "mistakes"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Step: TypeAlias = tuple[float, float, float]


class Mistake(
    NamedTuple(
        "Mistake",
        [
            ("name", str), ("sentence", str), ("hint", str), ("plant", tuple[str, str]),
            ("readers", tuple[str, ...]),
        ],
    )
):  # fmt: skip
    """One entry of the table.

    name        how it is asked for: "overwrote"
    sentence    what was done, told to the learner
    hint        what to do instead, and where to look
    plant       (what, instead): `instead` stands in the place of `what`. What is "upstream",
                "local", "before" or "order"; instead is another quantity of the same step ("other",
                the slope in the gate's other operand; "-local"; "0"; "1") or one that only a whole
                pass knows ("stale", the slope at an operand's number of before; "earlier", the
                gradient that a pass before has left; "first arrival", "every arrival": when a gate
                hands its gradient on)
    readers     who uses it: "quiz" asks for one wire, "sabotage" plants it in a walk, "grader"
                looks for it in a learner's own pass
    """

    __slots__ = ()

    def step(self, *, upstream: float, local: float, before: float, **others: float) -> Step | None:
        """(local, contribution, sum) of one wire with the mistake in it.

        `others` are quantities that this wire has besides: other, stale, earlier. None if the
        mistake needs one that it lacks, or is not made on one wire at all.
        """
        known: dict[Any, float] = {
            "upstream": upstream, "local": local, "before": before, "-local": -local, "0": 0.0,
            "1": 1.0, **others,
        }  # fmt: skip
        what, instead = self.plant
        if what not in known or instead not in known:
            return None
        known[what] = known[instead]
        contribution = known["upstream"] * known["local"]
        return known["local"], contribution, known["before"] + contribution


mistakes: dict[str, Mistake] = {
    entry.name: entry
    for entry in (
        Mistake(
            "forgot upstream", "That is the local slope alone: the upstream gradient was left out.",
            "Multiply the local slope by the gradient that has arrived at the gate.",
            ("upstream", "1"), ("quiz", "grader"),
        ),
        Mistake(
            "forgot local", "That is the upstream gradient alone: the local slope was left out.",
            "Multiply what arrives at the gate by the gate's slope in this input.",
            ("local", "1"), ("quiz", "grader"),
        ),
        Mistake(
            "overwrote",
            "One wire's part took the place of the sum, and what had arrived before is lost: = was "
            "written for +=.",
            "A value that is used more than once gets a part from each wire: add them up.",
            ("before", "0"), ("quiz", "sabotage", "grader"),
        ),
        Mistake(
            "wrong operand", "That is the slope in the gate's other input.",
            "In a product the slope in one factor is the other factor: a × b has slope b in a.",
            ("local", "other"), ("quiz", "sabotage", "grader"),
        ),
        Mistake(
            "sign", "The sign of the slope is wrong: a minus was lost, or one too many written.",
            "Ask what the gate's output does when this input grows: the slope is negative if it "
            "falls.",
            ("local", "-local"), ("quiz", "sabotage", "grader"),
        ),
        Mistake(
            "max to both", "A maximum or minimum passed its gradient to both of its inputs.",
            "Only the input that was chosen moves the output: the other has slope 0.",
            ("local", "1"), ("sabotage",),
        ),
        Mistake(
            "stale value", "A slope was taken at an old number of an input.",
            "Put the numbers that are on the gate's wires now into the formula of its slope.",
            ("local", "stale"), ("sabotage",),
        ),
        Mistake(
            "wrong order", "A gate handed its gradient on before all of it had arrived.",
            "A gate's turn comes when every gate that reads its output has had its own.",
            ("order", "first arrival"), ("sabotage", "grader"),
        ),
        Mistake(
            "visited twice", "A gate handed on its whole gradient each time that a part arrived.",
            "Each gate has one turn, when all parts have arrived, however many gates read it.",
            ("order", "every arrival"), ("grader",),
        ),
        Mistake(
            "did not zero", "The gradients of a pass before were still there.",
            "Before a new pass every gradient is set to 0: call zero_grad().",
            ("before", "earlier"), ("sabotage", "grader"),
        ),
    )
}  # fmt: skip
