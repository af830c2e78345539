"""The mutants of a module: each is its source with one small change.

Messages and annotations are left alone: what a text says is looked at by other tests, and types by mypy.
"""

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Calls whose arguments make a text or a type, and no decision.
TEXTS = frozenset(
    {"dataclass", "text", "listed", "named", "either", "JournalError", "TypeVar", "namedtuple", "cast", "shown"}
)
CALLS = {
    "max": "min",
    "min": "max",
    "any": "all",
    "all": "any",
    "fullmatch": "match",
    "floor": "ceil",
    "ceil": "floor",
    "startswith": "endswith",
    "append": "remove",
    "popleft": "pop",
    "add": "discard",
    "sorted": "list",
    "reversed": "list",
}
COMPARISONS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


@dataclass(frozen=True)
class Mutant:
    """`where` is the qualified name around it; `function` the number of its outermost function, None outside of any."""

    path: str
    where: str
    operator: str
    line: int
    before: str
    after: str
    function: int | None
    whole: bytes = field(repr=False)  # the module without the change
    span: tuple[int, int]  # what of it is exchanged
    into: str
    again: int = 1  # the how-maniest of this text in its function

    @property
    def source(self) -> str:
        begin, end = self.span
        return (self.whole[:begin] + self.into.encode() + self.whole[end:]).decode()

    @property
    def key(self) -> str:
        """What it is, whatever its line."""
        number = f" #{self.again}" if self.again > 1 else ""
        return f"{self.path} {self.where} {self.operator}{number}: {_short(self.before)} -> {_short(self.after)}"

    @property
    def id(self) -> str:
        return hashlib.sha256(self.key.encode()).hexdigest()[:10]

    def __str__(self) -> str:
        return f"{self.id} line {self.line} of {self.key}"


def _short(code: str) -> str:
    return " ".join(code.split())


def mutants(path: str, source: str, enums: Mapping[str, tuple[str, ...]]) -> list[Mutant]:
    """All of a module, in the order of its lines. `enums`: the members of each enumeration."""
    found, seen = [], Counter[str]()
    for each in _Module(path, source, enums).mutants():
        seen[each.key] += 1
        found.append(replace(each, again=seen[each.key]) if seen[each.key] > 1 else each)
    return found


def enums_of(files: Iterable[Path]) -> dict[str, tuple[str, ...]]:
    """The members of each enumeration, to exchange one for the next."""
    found = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases):
                names = [
                    target.id
                    for each in node.body
                    if isinstance(each, ast.Assign)
                    for target in each.targets
                    if isinstance(target, ast.Name)
                ]
                found[node.name] = tuple(name for name in names if name.isupper())
    return found


class _Module:
    def __init__(self, path: str, source: str, enums: Mapping[str, tuple[str, ...]]) -> None:
        self.path, self.source, self.enums = path, source, enums
        self._bytes = source.encode()
        self._starts = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._count = -1

    def mutants(self) -> Iterator[Mutant]:
        yield from self._block(ast.parse(self.source).body, "", None)

    def _block(self, statements: list[ast.stmt], where: str, function: int | None) -> Iterator[Mutant]:
        for statement in statements:
            if isinstance(statement, ast.ClassDef):
                for part in (*statement.decorator_list, *statement.keywords):
                    yield from self._expression(part, where or statement.name, function)
                yield from self._block(statement.body, f"{where}.{statement.name}".lstrip("."), function)
            elif isinstance(statement, Function):
                name = f"{where}.{statement.name}".lstrip(".")
                if function is None:
                    self._count += 1
                inner = self._count if function is None else function
                for part in (*statement.args.defaults, *(each for each in statement.args.kw_defaults if each)):
                    yield from self._default(part, name, function)
                yield from self._block(statement.body, name, inner)
            else:
                yield from self._statement(statement, where, function, alone=len(statements) == 1)

    def _statement(self, node: ast.stmt, where: str, function: int | None, *, alone: bool) -> Iterator[Mutant]:
        def made(operator: str, old: ast.AST, new: str) -> Mutant:
            return self._made(operator, old, new, where, function)

        match node:
            case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Global():
                return
            case ast.Raise():
                yield made("DROPRAISE", node, "pass")
                return
            case ast.Return() if not alone or node.value is None:
                yield made("DELSTMT", node, "pass")
            case ast.Expr() | ast.AugAssign() | ast.Delete() | ast.Continue() | ast.Break():
                if function is not None:
                    yield made("DELSTMT", node, "pass")
            case ast.If(test=test):
                yield made("COND", test, "True")
                yield made("COND", test, "False")
            case ast.While(test=test) if not isinstance(test, ast.Constant):
                yield made("COND", test, "False")
            case ast.Assert():
                return
            case _:
                pass
        if isinstance(node, ast.AugAssign) and (other := ARITHMETIC.get(type(node.op))):
            changed = ast.AugAssign(node.target, other(), node.value)
            yield made("ARITH", node, ast.unparse(changed))
        if isinstance(node, ast.AnnAssign):  # a field's default
            if node.value is not None:
                yield from self._default(node.value, where, function)
            return
        if isinstance(node, ast.Match):
            for number, case in enumerate(node.cases):
                if case.guard is not None:
                    yield made("COND", case.guard, "True")
                    yield made("COND", case.guard, "False")
                    yield from self._expression(case.guard, where, function)
                if number and not (isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None):
                    yield self._never(case, where, function)
        for name, value in ast.iter_fields(node):
            if name in ("body", "orelse", "finalbody") and isinstance(value, list):
                yield from self._block(value, where, function)
            elif name == "handlers":
                for handler in value:
                    yield from self._block(handler.body, where, function)
            elif name == "cases":
                for case in value:
                    yield from self._block(case.body, where, function)
            elif name in ("target", "targets"):
                continue
            elif isinstance(value, ast.expr):
                yield from self._expression(value, where, function)
            elif isinstance(value, list):
                for each in value:
                    if isinstance(each, ast.expr | ast.withitem):
                        yield from self._expression(each, where, function)

    def _never(self, case: ast.match_case, where: str, function: int | None) -> Mutant:
        """A case that is never taken."""
        if case.guard is not None:
            return self._made("COND", case.guard, "False", where, function)
        pattern = case.pattern
        end = self._at(pattern.end_lineno or 0, pattern.end_col_offset or 0)
        before, into = ast.unparse(pattern), " if False"
        after = f"{before}{into}"
        return Mutant(self.path, where, "CASE", pattern.lineno, before, after, function, self._bytes, (end, end), into)

    def _default(self, value: ast.expr, where: str, function: int | None) -> Iterator[Mutant]:
        other = {"True": "False", "False": "True"}.get(ast.unparse(value))
        match value:
            case ast.Constant(value=int(number)) if other is None:
                other = repr(number + 1)
            case _:
                pass
        if other is not None:
            yield self._made("DEFAULT", value, other, where, function)
        elif not isinstance(value, ast.Constant):
            yield from self._expression(value, where, function)

    def _expression(self, node: ast.AST, where: str, function: int | None) -> Iterator[Mutant]:
        def made(operator: str, old: ast.AST, new: ast.expr | str) -> Mutant:
            return self._made(operator, old, new if isinstance(new, str) else f"({ast.unparse(new)})", where, function)

        match node:
            case ast.JoinedStr():
                return  # its parts have no places of their own before Python 3.12
            case ast.Call(func=func, args=args, keywords=keywords):
                name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
                if name in TEXTS:
                    return
                if isinstance(func, ast.Name) and name in CALLS:
                    yield made("CALL", node, ast.Call(ast.Name(CALLS[name]), args, keywords))
                elif isinstance(func, ast.Attribute) and name in CALLS:
                    yield made("CALL", node, ast.Call(ast.Attribute(func.value, CALLS[name]), args, keywords))
                for keyword in keywords:
                    if keyword.arg is not None:
                        left = [each for each in keywords if each is not keyword]
                        yield made("DROPKW", node, ast.Call(func, args, left))
            case ast.BoolOp(op=op, values=values):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                yield made("BOOL", node, ast.BoolOp(other, values))
                for dropped in values:
                    left_values = [each for each in values if each is not dropped]
                    kept = left_values[0] if len(left_values) == 1 else ast.BoolOp(op, left_values)
                    yield made("DROPTERM", node, kept)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield made("COND", node, operand)
            case ast.IfExp(test=test):
                yield made("COND", test, "True")
                yield made("COND", test, "False")
            case ast.Compare(left=first, ops=ops, comparators=rest):
                for at, operation in enumerate(ops):
                    for other_kind in COMPARISONS[type(operation)]:
                        yield made("CMP", node, ast.Compare(first, [*ops[:at], other_kind(), *ops[at + 1 :]], rest))
            case ast.BinOp(left=one, op=op, right=two) if type(op) in ARITHMETIC:
                if not any(
                    isinstance(each, ast.Constant) and isinstance(each.value, str | bytes) for each in (one, two)
                ):
                    yield made("ARITH", node, ast.BinOp(one, ARITHMETIC[type(op)](), two))
            case ast.Constant(value=bool(value)):
                yield made("CONST1", node, repr(not value))
            case ast.Constant(value=int(value)):
                yield made("CONST1", node, f"({value + 1})")
                yield made("CONST1", node, f"({value - 1})")
            case ast.Attribute(value=ast.Name(id=kind), attr=member) if member in self.enums.get(kind, ()):
                members = self.enums[kind]
                yield made("ENUM", node, f"{kind}.{members[(members.index(member) + 1) % len(members)]}")
            case ast.comprehension(ifs=conditions):
                for condition in conditions:
                    yield made("COND", condition, "True")
            case _:
                pass
        if isinstance(node, ast.Lambda):
            yield from self._expression(node.body, where, function)
            return
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "func") and not (name == "func" and isinstance(value, ast.Attribute)):
                continue
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ast.expr | ast.comprehension | ast.keyword):
                    yield from self._expression(each, where, function)

    def _made(self, operator: str, old: ast.AST, new: str, where: str, function: int | None) -> Mutant:
        begin = self._at(old.lineno, old.col_offset)  # type: ignore[attr-defined]  # it has a place
        end = self._at(old.end_lineno, old.end_col_offset)  # type: ignore[attr-defined]
        before = self._bytes[begin:end].decode()
        line: int = old.lineno  # type: ignore[attr-defined]
        return Mutant(self.path, where, operator, line, before, new, function, self._bytes, (begin, end), new)

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column
