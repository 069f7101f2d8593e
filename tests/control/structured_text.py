"""Structured Text (IEC 61131-3, the part our reference program uses) checked for types and translated to C.

No free compiler for it can be installed here, so this is ours, and strict where compilers differ: operands and both
sides of an assignment have one type, conversions are written out, names are declared, conditions are BOOL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

C_TYPES = {
    "BOOL": "uint8_t", "WORD": "uint16_t", "DWORD": "uint32_t",
    "INT": "int16_t", "UINT": "uint16_t", "DINT": "int32_t", "UDINT": "uint32_t",
}  # fmt: skip
_NUMBERS = {"INT", "UINT", "DINT", "UDINT"}
_BITS = {"BOOL", "WORD", "DWORD"}
_LITERAL = "literal"
_TOKEN = re.compile(
    r"\(\*.*?\*\)|\s+|16#[0-9A-Fa-f]+|[A-Za-z_]\w*|\d+(?!\.\d)|:=|<>|<=|>=|\.\.|[-+*/=<>()\[\],;:]", re.DOTALL
)
_LEVELS = (("OR",), ("XOR",), ("AND",), ("=", "<>", "<", ">", "<=", ">="), ("+", "-"), ("*", "/", "MOD"))
_BITWISE = {"AND": "&", "OR": "|", "XOR": "^"}
_LOGIC = {"AND": "&&", "OR": "||", "XOR": "!="}
_SAME_IN_C = {"=": "==", "<>": "!=", "MOD": "%"}


class StError(Exception):
    """The program is not as the standard wants it; the text names line and reason."""


class Typed(NamedTuple):
    """C text and its IEC type."""

    text: str
    kind: str


class Token(NamedTuple):
    text: str
    line: int


@dataclass
class Variable:
    kind: str
    size: int | None
    place: str
    constant: bool = False


@dataclass
class Unit:
    """One FUNCTION or FUNCTION_BLOCK."""

    name: str
    returns: str | None
    variables: dict[str, Variable] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    sections: dict[str, str] = field(default_factory=dict)


def to_c(source: str) -> str:
    """The C text of all units: functions, and for each block a struct ``Name`` and ``void Name_run(Name *self)``."""
    return _Translator(_tokens(source)).program()


def _tokens(source: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        line = source.count("\n", 0, at) + 1
        if found is None:
            raise StError(f"line {line}: {source[at : at + 10]!r} is no word of Structured Text")
        if not found[0].isspace() and not found[0].startswith("(*"):
            tokens.append(Token(found[0], line))
        at = found.end()
    return tokens


class _Translator:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._units: dict[str, Unit] = {}
        self._unit = Unit("", None)

    def program(self) -> str:
        parts = ["#include <stdint.h>\n#include <string.h>\n"]
        while self._at < len(self._tokens):
            keyword = self._next()
            if keyword not in ("FUNCTION", "FUNCTION_BLOCK"):
                self._fail(f"{keyword} where a unit should begin")
            parts.append(self._one_unit(keyword))
        return "\n".join(parts)

    def _one_unit(self, keyword: str) -> str:
        name, returns = self._next(), None
        if keyword == "FUNCTION":
            self._expect(":")
            returns = self._next()
        unit = self._unit = self._units[name.upper()] = Unit(name, returns)
        if returns is not None:
            unit.variables[name.upper()] = Variable(returns, None, "result_")
        while self._peek().startswith("VAR"):
            self._section()
        body = self._block(f"END_{keyword}")
        self._expect(f"END_{keyword}")
        return self._function(unit, body) if returns else self._struct(unit, body)

    def _section(self) -> None:
        section = self._next()
        constant = self._peek() == "CONSTANT" and bool(self._next())
        while self._peek() != "END_VAR":
            name = self._next()
            self._expect(":")
            size = self._array_size()
            kind = self._next()
            if kind not in C_TYPES:
                self._fail(f"type {kind} is not known")
            place = name if self._unit.returns else f"self->{name}"
            if self._peek() == ":=":
                self._next()
                place = f"(({C_TYPES[kind]}){self._number(self._next())})"
                if not constant:
                    self._fail(f"only constants have a value here, not {name}")
            if name.upper() in self._unit.variables:
                self._fail(f"{name} is declared twice")
            self._unit.variables[name.upper()] = Variable(kind, size, place, constant)
            self._unit.sections[name] = section
            if section == "VAR_INPUT":
                self._unit.inputs.append(name)
            self._expect(";")
        self._next()

    def _array_size(self) -> int | None:
        if self._peek() != "ARRAY":
            return None
        self._next()
        self._expect("[")
        if self._next() != "0":
            self._fail("arrays begin at 0 here")
        self._expect("..")
        last = int(self._next())
        self._expect("]")
        self._expect("OF")
        return last + 1

    def _block(self, *ends: str) -> str:
        lines: list[str] = []
        while self._peek() not in ends:
            lines.append(self._statement())
        return "{\n" + "\n".join(lines) + "\n}"

    def _statement(self) -> str:
        match self._peek():
            case "IF":
                return self._if()
            case "FOR":
                return self._for()
            case "WHILE":
                self._next()
                condition = self._condition("DO")
                body = self._block("END_WHILE")
                self._end("END_WHILE")
                return f"while ({condition}) {body}"
            case _:
                return self._assignment()

    def _if(self) -> str:
        self._next()
        text = f"if ({self._condition('THEN')}) " + self._block("ELSIF", "ELSE", "END_IF")
        while self._peek() == "ELSIF":
            self._next()
            text += f" else if ({self._condition('THEN')}) " + self._block("ELSIF", "ELSE", "END_IF")
        if self._peek() == "ELSE":
            self._next()
            text += " else " + self._block("END_IF")
        self._end("END_IF")
        return text

    def _for(self) -> str:
        self._next()
        target = self._target()
        self._expect(":=")
        first = self._fit(self._expression(), target.kind)
        self._expect("TO")
        last = self._fit(self._expression(), target.kind)
        self._expect("DO")
        body = self._block("END_FOR")
        self._end("END_FOR")
        return f"for ({target.text} = {first}; {target.text} <= {last}; {target.text}++) {body}"

    def _assignment(self) -> str:
        target = self._target()
        self._expect(":=")
        value = self._fit(self._expression(), target.kind)
        self._expect(";")
        return f"{target.text} = {value};"

    def _target(self) -> Typed:
        name = self._next()
        variable = self._lookup(name)
        if variable.constant:
            self._fail(f"{name} is a constant")
        if name in self._unit.inputs:
            self._fail(f"{name} is an input and may not be written")
        return self._indexed(name, variable)

    def _indexed(self, name: str, variable: Variable) -> Typed:
        if (variable.size is not None) != (self._peek() == "["):
            self._fail(f"{name} is {'an array' if variable.size else 'no array'}")
        if variable.size is None:
            return Typed(variable.place, variable.kind)
        self._next()
        index = self._expression()
        if index.kind not in ("INT", _LITERAL):
            self._fail(f"the index of {name} is {index.kind}, not INT")
        self._expect("]")
        return Typed(f"{variable.place}[checked({index.text}, {variable.size}, {self._line()})]", variable.kind)

    def _expression(self, level: int = 0) -> Typed:
        if level == len(_LEVELS):
            return self._unary()
        left = self._expression(level + 1)
        while self._peek() in _LEVELS[level]:
            operator = self._next()
            left = self._operation(left, operator, self._expression(level + 1))
        return left

    def _operation(self, left: Typed, operator: str, right: Typed) -> Typed:
        kind = right.kind if left.kind == _LITERAL else left.kind
        if _LITERAL not in (left.kind, right.kind) and left.kind != right.kind:
            self._fail(f"{left.kind} {operator} {right.kind}: convert one of them")
        if operator in ("AND", "OR", "XOR"):
            if kind not in _BITS:
                self._fail(f"{operator} of {kind}")
            signs = {"AND": "&", "OR": "|", "XOR": "^"}
            return Typed(
                f"({left.text} {signs[operator] * (1 + (kind == 'BOOL' and operator != 'XOR'))} {right.text})", kind
            )
        if operator in _LEVELS[3]:
            return Typed(f"({left.text} {_SAME_IN_C.get(operator, operator)} {right.text})", "BOOL")
        if kind not in _NUMBERS | {_LITERAL}:
            self._fail(f"{operator} of {kind}")
        text = f"({left.text} {_SAME_IN_C.get(operator, operator)} {right.text})"
        return Typed(text if kind == _LITERAL else f"(({C_TYPES[kind]}){text})", kind)

    def _unary(self) -> Typed:
        if self._peek() == "NOT":
            self._next()
            operand = self._unary()
            if operand.kind != "BOOL":
                self._fail(f"NOT of {operand.kind}")
            return Typed(f"(!{operand.text})", "BOOL")
        if self._peek() == "-":
            self._next()
            operand = self._unary()
            if operand.kind not in ("INT", "DINT", _LITERAL):
                self._fail(f"minus of {operand.kind}")
            return Typed(f"(-{operand.text})", operand.kind)
        return self._primary()

    def _primary(self) -> Typed:
        word = self._next()
        if word == "(":
            inner = self._expression()
            self._expect(")")
            return Typed(f"({inner.text})", inner.kind)
        if word[0].isdigit():
            return Typed(self._number(word), _LITERAL)
        if word in ("TRUE", "FALSE"):
            return Typed(str(int(word == "TRUE")), "BOOL")
        if self._peek() == "(":
            return self._call(word)
        return self._indexed(word, self._lookup(word))

    def _call(self, name: str) -> Typed:
        self._expect("(")
        arguments = [self._expression()]
        while self._peek() == ",":
            self._next()
            arguments.append(self._expression())
        self._expect(")")
        if name == "SHL":
            kind = "WORD" if arguments[0].kind == _LITERAL else arguments[0].kind
            if kind not in _BITS:
                self._fail(f"SHL of {kind}")
            return Typed(f"(({C_TYPES[kind]})({arguments[0].text} << {arguments[1].text}))", kind)
        if "_TO_" in name:
            return self._conversion(name, arguments)
        unit = self._units.get(name.upper())
        if unit is None or unit.returns is None or len(unit.inputs) != len(arguments):
            self._fail(f"{name} with {len(arguments)} arguments is not known")
        kinds = [unit.variables[wanted.upper()].kind for wanted in unit.inputs]
        texts = [self._fit(argument, kind) for argument, kind in zip(arguments, kinds, strict=True)]
        return Typed(f"{unit.name}({', '.join(texts)})", unit.returns)

    def _conversion(self, name: str, arguments: list[Typed]) -> Typed:
        source, _, target = name.partition("_TO_")
        if source not in C_TYPES or target not in C_TYPES or len(arguments) != 1:
            self._fail(f"{name} is no conversion")
        if arguments[0].kind != source:
            self._fail(f"{name} of {arguments[0].kind}")
        return Typed(f"(({C_TYPES[target]}){arguments[0].text})", target)

    def _condition(self, end: str) -> str:
        condition = self._expression()
        if condition.kind != "BOOL":
            self._fail(f"a condition is {condition.kind}")
        self._expect(end)
        return condition.text

    def _fit(self, value: Typed, kind: str) -> str:
        if value.kind != kind and not (value.kind == _LITERAL and kind != "BOOL"):
            self._fail(f"{value.kind} where {kind} is wanted")
        return f"(({C_TYPES[kind]}){value.text})"

    def _lookup(self, name: str) -> Variable:
        variable = self._unit.variables.get(name.upper())
        if variable is None:
            self._fail(f"{name} is not declared")
        return variable

    def _number(self, text: str) -> str:
        return f"{int(text[3:], 16) if text.startswith('16#') else int(text)}L"

    def _function(self, unit: Unit, body: str) -> str:
        inputs = ", ".join(f"{C_TYPES[unit.variables[name.upper()].kind]} {name}" for name in unit.inputs)
        locals_ = "".join(
            f"{C_TYPES[unit.variables[name.upper()].kind]} {name} = 0;\n"
            for name, section in unit.sections.items()
            if section == "VAR"
        )
        result = C_TYPES[unit.returns or "BOOL"]
        return (
            f"static {result} {unit.name}({inputs}) {{\n{result} result_ = 0;\n{locals_}{body}\nreturn result_;\n}}\n"
        )

    def _struct(self, unit: Unit, body: str) -> str:
        fields = []
        for name, section in unit.sections.items():
            variable = unit.variables[name.upper()]
            if variable.constant:
                continue
            star = "*" if section == "VAR_IN_OUT" else ""
            size = "" if star or variable.size is None else f"[{variable.size}]"
            fields.append(f"  {C_TYPES[variable.kind]} {star}{name}{size};")
        joined = "\n".join(fields)
        return (
            f"typedef struct {{\n{joined}\n}} {unit.name};\nextern int checked(long index, long size, int line);\n"
            f"void {unit.name}_run({unit.name} *self) {body}\n"
        )

    def _end(self, word: str) -> None:
        self._expect(word)
        self._expect(";")

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            raise StError("the program ends too early")
        return self._tokens[self._at].text

    def _next(self) -> str:
        text = self._peek()
        self._at += 1
        return text

    def _line(self) -> int:
        return self._tokens[max(0, self._at - 1)].line

    def _expect(self, word: str) -> None:
        found = self._next()
        if found != word:
            self._fail(f"{found} where {word} is wanted")

    def _fail(self, reason: str) -> NoReturn:
        raise StError(f"line {self._line()}: {reason}")
