"""A Program as a Picture, and that as a Digraph: what reads what, forward and backward apart.

    picture = picture_of_program(f.trace([0.5, -1.0], 1.0))
    diagram(picture), flowchart(picture)

What a result is, its shape says, never its colour alone:

ellipse         an instruction of the forward pass; hexagon: one of the backward pass
box             an input or a parameter; an arrow: an output, or the gradient of a parameter
double border   one number for all lanes: a parameter, or what is computed once a batch
dashed box      a result of the forward pass that the backward pass reads, and so has to be kept

Inputs and parameters are drawn in each of the two parts that reads them; constants, and what the
backward pass reads of inputs and results, at each use. The 1 of a pair (`dot(b 1)`) and the numbers
that belong to a gate (`** 2`) are no nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from autograd_core import Instruction, Program

from .dot import (
    COLOURS,
    HUB,
    INK,
    MUTED,
    WIRE,
    Diagram,
    Wires,
    _attribute,
    _fill,
    _font,
    _html,
    _text,
)  # fmt: skip
from .picture import Edge, Node, Path, Picture, common, groups_of, path_of, printable, short
from .text import _escape

__all__ = [
    "Line",
    "ProgramPicture",
    "Wire",
    "diagram",
    "flowchart",
    "forward_part",
    "picture_of_program",
]

READABLE = 120  # nodes; above it groups are folded


@dataclass(frozen=True)
class Line(Node):
    """A node of a program: an instruction, what it reads, or what comes out.

    kind      "input", "parameter", "constant", "instruction", "kept", "output" or "gradient"
    register  how the listing calls it: "t9", "t9..t14"
    formula   the right side of its line in the listing; "" for what is no instruction
    once      whether it is one number for all lanes
    entries   of how many numbers it consists: "", "3 x 2", "6"
    """

    kind: str = ""
    register: str = ""
    formula: str = ""
    once: bool = False
    entries: str = ""

    @property
    def part(self) -> str:
        """ "forward" or "backward"."""
        return self.group[0]

    @property
    def short(self) -> str:
        """The name inside the box of its group."""
        path, group = path_of(self.name), self.group[1:]
        return path[-1] if group and path[: len(group)] == group else self.name

    @property
    def title(self) -> str:
        """All that is known, in one line."""
        if self.formula:
            what = f"{self.register} = {self.formula}"
        else:
            what = " ".join(filter(None, [self.kind, self.name or self.register]))
        parts = [what] + [f"({self.name})"] * bool(self.formula and self.name)
        parts += [f"({self.entries})"] * bool(self.entries and not self.formula)
        if self.kind == "instruction":
            parts.append("once for all lanes" if self.once else "in each lane")
        return printable(" ".join(parts), 400)


@dataclass(frozen=True)
class Wire(Edge):
    """An edge; `role` says which operand it is, where that is not plain: "a", "1", "matrix"."""

    role: str = ""


@dataclass(frozen=True)
class ProgramPicture(Picture):
    """The picture of a program; `root` is its first output."""

    def names(self) -> dict[str, str]:
        """A name for each node: its own, or its register, or the number of a constant."""
        return {
            node.id: printable(node.name or getattr(node, "register", "") or f"v{node.id[1:]}")
            for node in self.nodes
        }


def forward_part(program: Program) -> Program:
    """The program without its gradients, and without what stands after its last output."""
    last = max(program.outputs, default=-1)
    code = [line for line in program.code if line.result <= last]
    end = max([line.result + line.size for line in code], default=program.first_result)
    labels = {register: label for register, label in program.labels.items() if register < end}
    return Program(
        program.inputs, program.parameters, program.constants, code, program.outputs,
        labels=labels, own_gates=program.own_gates,
    )  # fmt: skip


def picture_of_program(program: Program, *, backward: bool = True) -> ProgramPicture:
    """The picture of a program; without `backward`, of its forward pass."""
    return _Builder(program if backward else forward_part(program)).picture()


class _Builder:
    """Nodes and wires of a program, in the order of its listing."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.uniform = program.uniform()
        self.last = max(program.outputs, default=-1) if program.gradients else len(self.uniform)
        self.nodes: list[Line] = []  # their groups hold only the part until the end
        self.edges: list[Wire] = []
        self.leaves: dict[object, str] = {}
        self.made: dict[int, str] = {}  # register -> the node of its instruction

    def picture(self) -> ProgramPicture:
        program = self.program
        for line in program.code:
            self.instruction(line)
        read = {r for line in program.code for r in line.operands}
        read |= {*program.outputs, *program.gradients}
        for register in range(program.first_constant):
            if register not in read:
                self.leaf(register, "forward")
        root = ""
        count = len(program.outputs)
        for i, register in enumerate(program.outputs):
            name = "output" if count == 1 else f"output {i}"
            root = self.sink("output", "forward", name, [register]) if i == 0 else root or ""
            if i:
                self.sink("output", "forward", name, [register])
        self.gradients()
        edges = tuple(self.edges)
        nodes = self.grouped()
        return ProgramPicture(nodes, edges, root or "n0", False)

    def gradients(self) -> None:
        """A node for each gradient; one for all that come from one product or outer."""
        program = self.program
        several: dict[str, list[tuple[str, int]]] = {}
        for register, gradient in zip(program.wrt, program.gradients, strict=True):
            source = self.made.get(gradient, "")
            alone = not source or not self.nodes[int(source[1:])].entries
            key = f"{source}/{register}" if alone else source
            several.setdefault(key, []).append((program.name(register), gradient))
        for found in several.values():
            names = [name for name, _ in found]
            entries = str(len(found)) if len(found) > 1 else ""
            registers = [gradient for _, gradient in found]
            self.sink("gradient", "backward", _together(names), registers, entries)

    # ------------------------------------------------------------------ nodes

    def add(self, part: str, **fields: Any) -> str:
        id = f"n{len(self.nodes)}"
        kept = {"name": "", "op": "", "data": None, **fields}
        self.nodes.append(Line(id=id, grad=None, uses=0, line="", group=(part,), **kept))
        return id

    def leaf(self, register: int, part: str) -> str:
        """The node of an input or a parameter in this part; of a constant, a new one."""
        number = self.program.constant(register)
        if number is not None:
            return self.add(part, kind="constant", register=short(number), data=number, once=True)
        kind = "input" if register < len(self.program.inputs) else "parameter"
        key = (register, part)
        if key not in self.leaves or (part == "backward" and kind == "input"):
            self.leaves[key] = self.add(
                part, kind=kind, name=self.program.name(register), once=self.uniform[register]
            )
        return self.leaves[key]

    def bundle(self, registers: Sequence[int], part: str, entries: str) -> str:
        """One node for several inputs or parameters."""
        key = (tuple(registers), part)
        if key not in self.leaves:
            kind = "input" if registers[0] < len(self.program.inputs) else "parameter"
            name = _together([self.program.name(r) for r in registers])
            self.leaves[key] = self.add(
                part, kind=kind, name=name, once=kind == "parameter", entries=entries
            )
        return self.leaves[key]

    def source(self, register: int, part: str) -> str:
        """The node of a register, as this part reads it."""
        made = self.made.get(register)
        if made is None:
            return self.leaf(register, part)
        node = self.nodes[int(made[1:])]
        if part == node.part:
            return made
        label = self.program.labels.get(register, "")
        id = self.add(part, kind="kept", name=label, register=f"t{register}", once=node.once)
        self.wires(id, [(made, 0, "")])
        return id

    def sink(
        self, kind: str, part: str, name: str, registers: Sequence[int], entries: str = ""
    ) -> str:
        sources = [self.source(r, part) for r in registers]
        once = all(self.uniform[r] for r in registers)
        id = self.add(part, kind=kind, name=name, once=once, entries=entries)
        self.wires(id, [(source, i, "") for i, source in enumerate(sources)])
        return id

    def instruction(self, line: Instruction) -> None:
        part = "forward" if line.result <= self.last else "backward"
        op, operands = self.symbol(line)
        wires = self.bundled(line, operands, part)
        labels = self.program.labels
        registers = range(line.result, line.result + line.size)
        named = [labels[r] for r in registers if r in labels]
        shape = " x ".join(map(str, line.shape))
        id = self.add(
            part, kind="instruction", op=f"{op} {shape}".rstrip(), entries=shape,
            name=_together(named) if named else "", once=self.uniform[line.result],
            register=f"t{line.result}" + f"..t{registers[-1]}" * (line.size > 1),
            formula=self.program.formula(line),
        )  # fmt: skip
        self.made.update(dict.fromkeys(registers, id))
        self.wires(id, wires)

    def symbol(self, line: Instruction) -> tuple[str, list[tuple[int, int, str]]]:
        """What the node shows, and the operands that are wires: (place, register, role)."""
        program = self.program
        operands = list(enumerate(line.operands))
        gate = program.gate(line.op)
        if line.op in ("dot", "total"):
            kept = [(i, r) for i, r in operands if i % 2 == 0 or program.constant(r) != 1.0]
            pairs = len(line.operands) > 2
            return line.op, [(i, r, str(i // 2 + 1) if pairs else "") for i, r in kept]
        if line.op == "product":
            n, m = line.shape
            roles = ["bias"] * n + ["matrix"] * (n * m) + [""] * m
            named = [(i, r, role) for (i, r), role in zip(operands, roles, strict=True)]
            return line.op, [x for x in named if x[2] != "bias" or program.constant(x[1]) != 0.0]
        if gate is None:
            return line.op, [(i, r, "a" if i < line.shape[0] else "b") for i, r in operands]
        name, slope, of = line.op.partition("'")
        first = 1 if slope else 0
        count = first + len(gate.operands)
        inside = [program.constant(r) for _, r in operands[count:]]
        operands = operands[:count]
        numbers = "".join(f" {x:g}" for x in inside if x is not None)
        if gate.symbol and inside:  # **2
            op = f"{gate.symbol}{numbers.strip()}"
            op = f"({op})'" if slope else op
        elif slope:
            op = f"{name}'{of if len(gate.operands) > 1 else ''}{numbers}"
        else:
            op = f"{gate.symbol or name}{numbers}"
        plain = len(operands) == 1 or (gate.symmetric and not slope)
        roles = ["out"] * first + list(gate.operands)
        return op, [(i, r, "" if plain else roles[i]) for i, r in operands]

    def bundled(
        self, line: Instruction, operands: list[tuple[int, int, str]], part: str
    ) -> list[tuple[str, int, str]]:
        """(node, place, role) of each operand; many inputs or parameters of a sum are one node."""
        first_constant, inputs = self.program.first_constant, len(self.program.inputs)
        wires: list[tuple[str, int, str]] = []
        kinds: dict[str, list[tuple[int, int]]] = {}
        for i, r, role in operands:
            matrix = role in ("matrix", "bias") and r < first_constant
            if matrix or (self.program.gate(line.op) is None and r < first_constant):
                kind = role if matrix else "input" if r < inputs else "parameter"
                kinds.setdefault(kind, []).append((i, r))
            else:
                wires.append((self.source(r, part), i, role))
        for kind, found in kinds.items():
            registers = list(dict.fromkeys(r for _, r in found))
            whole = kind in ("matrix", "bias")
            if len(registers) > (1 if whole else HUB):
                entries = " x ".join(map(str, line.shape)) if kind == "matrix" else ""
                entries = entries or str(len(registers))
                place = found[0][0]
                wires.append((self.bundle(registers, part, entries), place, kind * whole))
            else:
                roles = {i: role for i, _, role in operands}
                wires += [(self.leaf(r, part), i, roles[i]) for i, r in found]
        return sorted(wires, key=lambda wire: wire[1])

    def wires(self, target: str, wires: Iterable[tuple[str, int, str]]) -> None:
        """Wires into `target`; those from one node of many results are one."""
        merged: dict[str, list[tuple[int, str]]] = {}
        for source, place, role in wires:
            key = source if self.nodes[int(source[1:])].entries else f"{source}/{place}"
            merged.setdefault(key, []).append((place, role))
        for key, found in merged.items():
            source = key.partition("/")[0]
            place, role = found[0]
            node = self.nodes[int(source[1:])]
            self.nodes[int(source[1:])] = replace(node, uses=node.uses + 1)
            count = len(found)
            wire = f"{source}-{target}-{place}"
            self.edges.append(Wire(source, target, place, None, None, count, wire, role))

    def grouped(self) -> tuple[Line, ...]:
        """The nodes, each in its part and there in the groups that the labels make."""
        inputs: dict[str, list[str]] = {node.id: [] for node in self.nodes}
        uses: dict[str, list[str]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            inputs[edge.target].append(edge.source)
            uses[edge.source].append(edge.target)
        nodes = {node.id: node for node in self.nodes}
        forward = [node.id for node in self.nodes if node.part == "forward"]
        names = {id: nodes[id].name * (nodes[id].kind != "output") for id in forward}
        groups = groups_of(forward, names, inputs.__getitem__)
        known = {path[:i] for path in groups.values() for i in range(1, len(path) + 1)}
        rest = [node for node in self.nodes if node.id not in groups]
        for node in rest:
            if node.kind == "kept":  # for now; the gate whose slope reads it lies where it does
                groups[node.id] = groups[inputs[node.id][0]]
            elif node.kind != "instruction":
                path = path_of(node.name)
                groups[node.id] = path if path in known else path[:-1]
        for node in rest:
            if node.kind == "instruction":
                groups[node.id] = _backward_group(node, inputs, uses, nodes, groups)
        for node in rest:
            if node.kind in ("kept", "input", "constant"):
                groups[node.id] = groups[uses[node.id][0]]
        return tuple(replace(node, group=(node.part, *groups[node.id])) for node in self.nodes)


def _together(names: Sequence[str]) -> str:
    """One name for several: the group that holds all of them, or the first and the last."""
    if len(set(names)) == 1:
        return names[0]
    shared = common([path_of(name)[:-1] for name in names])
    if shared:
        return ".".join(shared)
    stems = {name.partition("[")[0] for name in names}
    return stems.pop() if len(stems) == 1 else f"{names[0]} ... {names[-1]}"


def _backward_group(
    node: Line, inputs: dict[str, list[str]], uses: dict[str, list[str]],
    nodes: dict[str, Line], groups: dict[str, Path],
) -> Path:  # fmt: skip
    """Where an instruction of the backward part lies: with the gradient that it is, with the
    parameters that it reads, with the gate whose slope it is or that it passes."""
    gradients = [id for id in uses[node.id] if nodes[id].kind == "gradient"]
    if gradients and len(gradients) == len(uses[node.id]):
        return common(groups[id] for id in gradients)
    parameters = [id for id in inputs[node.id] if nodes[id].kind == "parameter"]
    if parameters:
        return common(groups[id] for id in parameters)
    read = [id for id in inputs[node.id] if nodes[id].kind in ("instruction", "kept")]
    if not read:
        return ()
    return groups[read[0 if node.op.endswith("'") or "' " in node.op else -1]]


# ---------------------------------------------------------------------------- drawing


def diagram(picture: Picture, direction: str = "LR") -> Diagram:
    """Draw the picture of a program; direction "LR" or "TB"."""
    if direction not in ("LR", "TB"):
        raise ValueError(f'direction must be "LR" or "TB", got {direction!r}')
    both = {node.group[0] for node in picture.nodes if node.group} >= {"forward", "backward"}
    legend = "double border: one number for all lanes"
    if both:
        legend = (
            f"ellipse: forward, hexagon: backward, dashed: kept from the forward pass, {legend}"
        )
    drawn = Diagram(
        format="svg",
        graph_attr={
            "rankdir": direction, "bgcolor": COLOURS["paper"][0], "fontname": "Arial",
            "fontcolor": MUTED, "fontsize": "9", "nodesep": "0.15", "ranksep": "0.35",
            "pad": "0.15", "label": legend, "labelloc": "b",
        },
        node_attr={"fontname": "Arial", "fontsize": "12", "fontcolor": INK, "color": INK},
        edge_attr={"fontname": "Arial", "fontsize": "9", "color": WIRE, "arrowsize": "0.6"},
    )  # fmt: skip
    nodes = {node.id: node for node in picture.nodes}
    wires: Wires = {}
    for edge in picture.edges:
        end = nodes[edge.target]
        if isinstance(end, Line) and end.kind == "kept" and end.size == 1:
            continue  # it says by its name where it comes from; wires across hide everything else
        group = common([nodes[edge.source].group, nodes[edge.target].group])
        wires.setdefault(group, []).append(partial(_wire, nodes, edge))
    _fill(drawn, list(picture.nodes), (), _node, wires)
    backward = [node.id for node in picture.nodes if node.group[:1] == ("backward",)]
    if backward:  # reads on from left to right
        drawn.edge(picture.root, backward[0], style="invis")
    return drawn


def _node(drawn: Any, node: Node) -> None:
    if not isinstance(node, Line) or node.size > 1:
        rows = [_text(node.short), _font(f"{node.size} nodes", MUTED, 9)]
        drawn.node(
            node.id, _html("<br/>".join(rows)), shape="box", style="rounded,filled", id=node.id,
            margin="0.15,0.08", fillcolor=COLOURS["gate"][0], color=COLOURS["gate_line"][0],
            tooltip=_attribute(f"{node.name} ({node.size} nodes)"), **{"class": "group"},
        )  # fmt: skip
        return
    shared = {"id": node.id, "tooltip": _attribute(node.title), "class": node.kind}
    if node.once and node.kind in ("instruction", "parameter"):
        shared["peripheries"] = "2"
    if node.kind == "instruction":
        rows = [_text(node.op), _font(_text(node.register), MUTED, 9)]
        rows[1:1] = [_font(_text(node.short), INK, 10)] if node.name else []
        backward = node.part == "backward"
        drawn.node(
            node.id, _html("<br/>".join(rows)), shape="hexagon" if backward else "ellipse",
            style="filled", fillcolor=COLOURS["gate"][0], color=COLOURS["gate_line"][0],
            margin="0.02", height="0.45", width="0.45", **shared,
        )  # fmt: skip
        return
    if node.kind == "kept":
        name, below = node.register, node.short
    else:
        name = f"d/d {node.short}" if node.kind == "gradient" else node.short or node.register
        below = f"{node.entries} {node.kind}s" if node.entries else ""
    rows = [_text(name)] + [_font(_text(below), MUTED, 9)] * bool(below)
    shape, margin = _SHAPES.get(node.kind, ("box", "0.08,0.05"))
    drawn.node(
        node.id, _html("<br/>".join(rows)), shape=shape, color=WIRE, width="0.3",
        height="0.6" if shape == "cds" and len(rows) > 1 else "0.3", margin=margin,
        style="dashed" if node.kind == "kept" else "solid", **shared,
    )  # fmt: skip


_SHAPES = {
    "constant": ("plaintext", "0.04"),
    "output": ("cds", "0.14,0.06"),
    "gradient": ("cds", "0.14,0.06"),
}


def _wire(nodes: dict[str, Node], edge: Edge, drawn: Any) -> None:
    label = edge.role if isinstance(edge, Wire) else ""
    if edge.count > 1:
        label = f"{edge.count} {label}".rstrip() if label else f"{edge.count} wires"
    ends = nodes[edge.source].group[:1], nodes[edge.target].group[:1]
    drawn.edge(
        edge.source, edge.target, id=f"{edge.source}-{edge.target}-{edge.operand}",
        label=_html(_font(_text(label), MUTED, 9)) if label else "",
        style="solid" if ends[0] == ends[1] else "dashed",
    )  # fmt: skip


# ---------------------------------------------------------------------------- Mermaid

# How a node of a kind begins and ends; an instruction is a stadium, or a hexagon going backward.
_ENDS = {"instruction": '(["])', "backward": '{{"}}', "output": '>"]', "gradient": '>"]'}


def flowchart(picture: ProgramPicture) -> str:
    """The picture of a program as Mermaid, for Markdown: a box for each part."""
    lines = ["flowchart LR"]
    for part in ("forward", "backward"):
        inside = [node for node in picture.nodes if isinstance(node, Line) and node.part == part]
        if not inside:
            continue
        lines.append(f"  subgraph {part}")
        for node in inside:
            rows = [node.op, node.register, node.name, node.entries * (node.op == "")]
            if node.kind == "gradient":
                rows[2] = f"d/d {node.name}"
            if node.kind == "instruction" and node.once:
                rows.append("once for all lanes")
            shape = "backward" if node.kind == "instruction" and part == "backward" else node.kind
            start, end = _ENDS.get(shape, '["]').split('"')
            text = "<br>".join(_escape(row) for row in rows if row)
            lines.append(f'    {node.id}{start}"{text}"{end}')
        lines.append("  end")
    kept = {node.id for node in picture.nodes if isinstance(node, Line) and node.kind == "kept"}
    for edge in picture.edges:
        arrow = "-.->" if edge.target in kept else "-->"
        role = edge.role if isinstance(edge, Wire) else ""
        label = f'|"{_escape(role)}"| ' if role else " "
        lines.append(f"  {edge.source} {arrow}{label}{edge.target}")
    return "\n".join(lines) + "\n"
