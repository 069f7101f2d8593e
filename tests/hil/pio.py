"""As much of an RP2040's PIO as the board's encoder counter uses: its assembler (``rp2``) and one state machine.

Written from chapter 3 of the RP2040 datasheet: JMP Y-- tests before it counts down, IN shifts left, OUT shifts right,
MOV to PC jumps, PUSH noblock drops what does not fit into four words.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import ClassVar, NamedTuple

_WORD = 0xFFFFFFFF
_FIFO = 4


class Step(NamedTuple):
    """One instruction."""

    name: str
    operands: tuple[object, ...]


class Program:
    """Instructions in order, with labels and the wrap."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.labels: dict[str, int] = {}
        self.wrap_target = 0
        self.wrap = 31

    def names(self) -> dict[str, object]:
        """What the assembler puts into the program's world."""

        def add(name: str) -> Callable[..., None]:
            return lambda *operands: self.steps.append(Step(name, operands))

        def label(name: str) -> None:
            self.labels[name] = len(self.steps)

        def wrap_target() -> None:
            self.wrap_target = len(self.steps)

        def wrap() -> None:
            self.wrap = len(self.steps) - 1

        verbs: dict[str, object] = {name: add(name) for name in ("mov", "push", "out", "in_", "jmp", "nop")}
        words = {name: name for name in ("isr", "osr", "pins", "pc", "y", "y_dec", "noblock")}
        return {
            **verbs,
            **words,
            "label": label,
            "wrap": wrap,
            "wrap_target": wrap_target,
            "invert": lambda register: f"~{register}",
        }


class StateMachine:
    """Runs a program; ``levels`` are the two pins."""

    made: ClassVar[list[StateMachine]]

    def __init__(self, _number: int, program: Program, in_base: object) -> None:
        self.program = program
        self.levels = 0
        self.registers = {"isr": 0, "osr": 0, "y": 0x1234}
        self.pc = 0
        self.fifo: list[int] = []
        type(self).made.append(self)

    def exec(self, text: str) -> None:
        assert text == "set(y, 0)"
        self.registers["y"] = 0

    def active(self, _on: int) -> None:
        """It runs when it is stepped."""

    def rx_fifo(self) -> int:
        return len(self.fifo)

    def get(self) -> int:
        """The oldest word; runs on until there is one."""
        while not self.fifo:
            self.step()
        return self.fifo.pop(0)

    def run(self, levels: int, steps: int = 40) -> None:
        self.levels = levels
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        at, registers = self.pc, self.registers
        self.pc = self.program.wrap_target if at == self.program.wrap else at + 1
        name, operands = self.program.steps[at]
        match name, operands:
            case "jmp", (str(target),):
                self.pc = self.program.labels[target]
            case "jmp", ("y_dec", str(target)):
                if registers["y"]:
                    self.pc = self.program.labels[target]
                registers["y"] = (registers["y"] - 1) & _WORD
            case "mov", ("pc", str(source)):
                self.pc = registers[source] & 31
            case "mov", (str(into), str(source)):
                value = registers[source.lstrip("~")]
                registers[into] = ~value & _WORD if source.startswith("~") else value
            case "push", ("noblock",):
                if len(self.fifo) < _FIFO:
                    self.fifo.append(registers["isr"])
                registers["isr"] = 0
            case "out", ("isr", int(bits)):
                registers["isr"] = registers["osr"] & ((1 << bits) - 1)
                registers["osr"] >>= bits
            case "in_", ("pins", int(bits)):
                registers["isr"] = (registers["isr"] << bits | self.levels & ((1 << bits) - 1)) & _WORD
            case _:
                raise AssertionError(f"no such instruction here: {name} {operands}")


class PIO:
    SHIFT_LEFT = 0
    SHIFT_RIGHT = 1


def rp2() -> ModuleType:
    """The module of that name on a board, as far as it is needed."""

    def asm_pio(*, in_shiftdir: int, out_shiftdir: int) -> Callable[[FunctionType], Program]:
        assert (in_shiftdir, out_shiftdir) == (PIO.SHIFT_LEFT, PIO.SHIFT_RIGHT)

        def assemble(source: FunctionType) -> Program:
            program = Program()
            world = source.__globals__
            before = dict(world)
            world.update(program.names())
            try:
                source()
            finally:
                world.clear()
                world.update(before)
            return program

        return assemble

    class Machine(StateMachine):
        made: ClassVar[list[StateMachine]] = []

    module = ModuleType("rp2")
    module.__dict__.update(asm_pio=asm_pio, PIO=PIO, StateMachine=Machine)
    return module


class Pin:
    """A pin that is only named."""

    IN = OUT = PULL_UP = PULL_DOWN = 0

    def __init__(self, number: int, _mode: int = 0, _pull: int = 0) -> None:
        self.number = number


def machine() -> ModuleType:
    """The module of that name on a board, as far as it is needed."""
    module = ModuleType("machine")
    module.__dict__.update(Pin=Pin)
    return module
