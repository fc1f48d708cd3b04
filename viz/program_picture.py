"""A Program as a Picture: what reads what, with the forward and the backward part apart.

    picture_of_program(f.trace([0.5, -1.0], 1.0))

Each instruction is a node, and so is each thing that it reads and each output and gradient. Inputs
and parameters are drawn once in each part that reads them, so that few wires cross from part to
part; constants, and what the backward part reads of inputs and results, once at each use. Numbers
that say nothing are left out: the 1 of a pair (`dot(b 1)`), a bias of 0, the 2 of `** 2`, which
stands in its gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from autograd_core import Instruction, Program

from .picture import Edge, Group, Node, Picture, common, groups_of, path_of
from .words import TIMES, number

__all__ = ["forward_part", "picture_of_program"]

SEPARATE = 12  # inputs or parameters of one sum; more are one node


def picture_of_program(program: Program, *, backward: bool = True) -> Picture:
    """The picture of a program; without `backward`, of its forward pass."""
    return _Builder(program if backward else forward_part(program)).picture()


def forward_part(program: Program) -> Program:
    """The program without its gradients, and without what stands after its last output."""
    last = max(program.outputs, default=-1)
    code = [line for line in program.code if line.result <= last]
    end = max([line.result + line.size for line in code], default=program.first_result)
    labels = {register: label for register, label in program.labels.items() if register < end}
    return Program(
        program.inputs, program.parameters, program.constants, code, program.outputs, labels=labels
    )  # fmt: skip


class _Operand(NamedTuple):
    """An operand that is a wire: its place in the instruction, what is read, and its role."""

    place: int
    register: int
    role: str


class _Wire(NamedTuple):
    """A wire in the making, from a node into an operand."""

    source: str
    place: int
    role: str


class _Builder:
    """Makes nodes and wires, in the order of the program's listing."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.uniform = program.uniform()
        self.last = max(program.outputs, default=-1) if program.gradients else len(self.uniform)
        self.nodes: dict[str, Node] = {}  # whose groups hold only the part until the end
        self.edges: list[Edge] = []
        self.lines: dict[str, Instruction] = {}
        self.made: dict[int, str] = {}  # register -> the node of its instruction
        self.leaves: dict[tuple[object, ...], str] = {}  # registers and part -> their node

    def picture(self) -> Picture:
        program = self.program
        for line in program.code:
            self.instruction(line)
        read = {r for line in program.code for r in line.operands}
        read.update(program.outputs, program.gradients)
        for register in range(program.first_constant):
            if register not in read:
                self.leaf([register], "forward")
        several = len(program.outputs) > 1
        outputs = [
            self.end("output", "forward", f"output {i}" if several else "output", [register])
            for i, register in enumerate(program.outputs)
        ]
        self.gradients()
        groups, uses = self.groups(), Counter(edge.source for edge in self.edges)
        nodes = [
            replace(node, group=(node.part, *groups[node.id]), uses=uses[node.id])
            for node in self.nodes.values()
        ]
        root = outputs[0] if outputs else "n0"
        return Picture(tuple(nodes), tuple(self.edges), root, bool(program.gradients), program=True)

    def gradients(self) -> None:
        """A node for each gradient; one for all that come from one affine or outer."""
        program = self.program
        together: dict[str, list[tuple[str, int]]] = {}
        for register, gradient in zip(program.wrt, program.gradients, strict=True):
            source = self.made.get(gradient, "")
            many = source and self.nodes[source].entries
            key = source if many else f"{source}/{register}"
            together.setdefault(key, []).append((program.name(register), gradient))
        for gradients in together.values():
            names, registers = zip(*gradients, strict=True)
            entries = str(len(names)) if len(names) > 1 else ""
            self.end("gradient", "backward", _one_name(names), registers, entries)

    # ---------------------------------------------------------------- nodes

    def add(self, kind: str, part: str, **fields: Any) -> str:
        id = f"n{len(self.nodes)}"
        self.nodes[id] = Node(id, kind=kind, group=(part,), **fields)
        return id

    def instruction(self, line: Instruction) -> None:
        part = "forward" if line.result <= self.last else "backward"
        wires = self.bundled(line, self.operands(line), part)
        registers = line.results
        labels = [label for r in registers if (label := self.program.labels.get(r))]
        id = self.add(
            "instruction", part, name=_one_name(labels) if labels else "", op=self.symbol(line),
            register=f"t{line.result}" + f"..t{registers[-1]}" * (line.size > 1),
            formula=self.program.formula(line), once=self.uniform[line.result],
            entries=f" {TIMES} ".join(map(str, line.shape)),
        )  # fmt: skip
        self.lines[id] = line
        self.made.update(dict.fromkeys(registers, id))
        self.connect(id, wires)

    def kind(self, register: int) -> str:
        return "input" if register < len(self.program.inputs) else "parameter"

    def leaf(self, registers: Sequence[int], part: str, entries: str = "") -> str:
        """The node of an input or a parameter in this part, or of several together; of a constant.

        A constant has a new one at each use, and so has an input that the backward part reads.
        """
        constant = self.program.constant(registers[0])
        if constant is not None:
            return self.add("constant", part, register=number(constant), data=constant, once=True)
        kind, key = self.kind(registers[0]), (*registers, part)
        anew = kind == "input" and part == "backward" and len(registers) == 1
        if key not in self.leaves or anew:
            name = _one_name([self.program.name(r) for r in registers])
            self.leaves[key] = self.add(
                kind, part, name=name, once=kind == "parameter", entries=entries
            )
        return self.leaves[key]

    def source(self, register: int, part: str) -> str:
        """The node of a register, as this part reads it."""
        made = self.made.get(register)
        if made is None:
            return self.leaf([register], part)
        node = self.nodes[made]
        if part == node.part:
            return made
        name = self.program.labels.get(register, "")
        id = self.add("kept", part, name=name, register=f"t{register}", once=node.once)
        self.connect(id, [_Wire(made, 0, "")])
        return id

    def end(
        self, kind: str, part: str, name: str, registers: Sequence[int], entries: str = ""
    ) -> str:
        """The node of an output or of gradients."""
        wires = [_Wire(self.source(r, part), i, "") for i, r in enumerate(registers)]
        once = all(self.uniform[r] for r in registers)
        id = self.add(kind, part, name=name, once=once, entries=entries)
        self.connect(id, wires)
        return id

    # ---------------------------------------------------------------- what an instruction shows

    def symbol(self, line: Instruction) -> str:
        """`max`, `**3`, `relu'`, `max'a`, `leaky_relu 0.2`, `affine 4 × 2`."""
        op, gate = line.op, line.op.gate
        if gate is None:
            return f"{op.name} {f' {TIMES} '.join(map(str, line.shape))}".rstrip()
        parameters = line.operands[len(line.operands) - len(gate.parameters) :]
        constants = map(self.program.constant, parameters)
        numbers = " ".join(number(x) for x in constants if x is not None)
        if gate.symbol and parameters:
            power = f"{gate.symbol}{numbers}"
            return power if op.slope is None else f"({power})'"
        name = gate.symbol or gate.name
        if op.slope is not None:
            name = op.name if len(gate.operands) > 1 else f"{gate.name}'"
        return f"{name} {numbers}".rstrip()

    def operands(self, line: Instruction) -> list[_Operand]:
        """The operands that are wires; the others say nothing, or stand in the symbol."""
        roles = line.op.roles(len(line.operands), line.shape)
        operands = list(map(_Operand, range(len(roles)), line.operands, roles))
        gate = line.op.gate
        if gate is not None:
            return operands[: len(operands) - len(gate.parameters)]
        return [operand for operand in operands if not self.idle(operand, line)]

    def idle(self, operand: _Operand, line: Instruction) -> bool:
        """Whether it is a bias of 0, or a 1 that multiplies the other of its pair."""
        constant = self.program.constant(operand.register)
        if operand.role == "bias":
            return constant == 0.0
        return not line.shape and operand.place % 2 == 1 and constant == 1.0

    # ---------------------------------------------------------------- wires

    def bundled(self, line: Instruction, operands: list[_Operand], part: str) -> list[_Wire]:
        """A wire for each operand; many inputs or parameters of a sum come from one node."""
        wires: list[_Wire] = []
        bundles: dict[str, list[_Operand]] = {}
        for operand in operands:
            place, register, role = operand
            if line.op.gate is None and register < self.program.first_constant:
                whole = role in ("matrix", "bias")
                bundles.setdefault(role if whole else self.kind(register), []).append(operand)
            else:
                wires.append(_Wire(self.source(register, part), place, role))
        for what, bundle in bundles.items():
            registers = list(dict.fromkeys(operand.register for operand in bundle))
            whole = what in ("matrix", "bias")
            if len(registers) > (1 if whole else SEPARATE):
                entries = f" {TIMES} ".join(map(str, line.shape)) if what == "matrix" else ""
                source = self.leaf(registers, part, entries or str(len(registers)))
                wires.append(_Wire(source, bundle[0].place, what if whole else ""))
            else:
                wires += [_Wire(self.leaf([o.register], part), o.place, o.role) for o in bundle]
        return sorted(wires, key=lambda wire: wire.place)

    def connect(self, target: str, wires: Iterable[_Wire]) -> None:
        """Wires into `target`; those from one node of many results are one."""
        merged: dict[str, list[_Wire]] = {}
        for wire in wires:
            many = self.nodes[wire.source].entries
            key = wire.source if many else f"{wire.source}/{wire.place}"
            merged.setdefault(key, []).append(wire)
        for same in merged.values():
            source, place, role = same[0]
            name = f"{source}-{target}-{place}"
            self.edges.append(Edge(source, target, place, count=len(same), wire=name, role=role))

    # ---------------------------------------------------------------- groups

    def groups(self) -> dict[str, Group]:
        """The group of each node in its part.

        The labels of the forward part make the groups. The backward part follows them: a gradient
        lies where its parameter does, an instruction where `_follows` says.
        """
        inputs: dict[str, list[str]] = {id: [] for id in self.nodes}
        uses: dict[str, list[str]] = {id: [] for id in self.nodes}
        for edge in self.edges:
            inputs[edge.target].append(edge.source)
            uses[edge.source].append(edge.target)
        forward = [id for id, node in self.nodes.items() if node.part == "forward"]
        names = {id: self.nodes[id].name * (self.nodes[id].kind != "output") for id in forward}
        groups = groups_of(forward, names, inputs.__getitem__)
        known = {group[:i] for group in groups.values() for i in range(1, len(group) + 1)}
        rest = [node for node in self.nodes.values() if node.part == "backward"]
        for node in rest:
            if node.kind == "kept":  # for now: the slope that reads it looks where it was made
                groups[node.id] = groups[inputs[node.id][0]]
            elif node.kind != "instruction":
                path = path_of(node.name)
                groups[node.id] = path if path in known else path[:-1]
        for id in [node.id for node in rest if node.kind == "instruction"]:
            groups[id] = common(groups[one] for one in self._follows(id, inputs[id], uses[id]))
        for node in rest:
            if node.kind in ("kept", "input", "constant"):  # drawn for one use alone
                groups[node.id] = groups[uses[node.id][0]]
        return groups

    def _follows(self, id: str, inputs: list[str], uses: list[str]) -> list[str]:
        """Where an instruction of the backward part lies: with these nodes.

        They are the gradients that it is, or the parameters that it reads, or the gate whose slope
        it is or that it passes.
        """

        def among(ids: list[str], *kinds: str) -> list[str]:
            return [one for one in ids if self.nodes[one].kind in kinds]

        gradients = among(uses, "gradient")
        if gradients and len(gradients) == len(uses):
            return gradients
        read = among(inputs, "instruction", "kept")
        of_slope = self.lines[id].op.slope is not None  # which reads the gate's output first
        return among(inputs, "parameter") or (read[:1] if of_slope else read[-1:])


def _one_name(names: Sequence[str]) -> str:
    """One name for several: the group that holds all of them, or the first and the last."""
    if len(set(names)) == 1:
        return names[0]
    shared = common(path_of(name)[:-1] for name in names)
    if shared:
        return ".".join(shared)
    stems = {name.partition("[")[0] for name in names}
    return stems.pop() if len(stems) == 1 else f"{names[0]} ... {names[-1]}"
