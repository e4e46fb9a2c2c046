# SPDX-License-Identifier: Apache-2.0
"""What a mutant is: one small mistake in one place of a C file.

The files are as clang-format leaves them, and the rules lean on it: an operator between
two blanks is binary, a star or ampersand that touches its operand is a pointer's."""
import collections
import re

Mutant = collections.namedtuple("Mutant", "line rule original mutant text")
Token = collections.namedtuple("Token", "kind text start end")

TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<include>\#[ ]*(include|if|ifdef|ifndef|elif|else|endif|error|pragma)[^\n]*)
  | (?P<string>"(\\.|[^"\\])*"|'(\\.|[^'\\])*')
  | (?P<number>(0x[0-9a-fA-F]+|\d+\.?\d*(e[+-]?\d+)?|\.\d+)[uUlL]*)
  | (?P<name>\#[ ]*define|[A-Za-z_]\w*)
  | (?P<operator><<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[^\s\w])
""", re.VERBOSE | re.DOTALL)

# A slip of the hand for each binary operator.
SLIPS = {
    "<": ["<=", ">"], "<=": ["<", ">"], ">": [">=", "<"], ">=": [">", "<"],
    "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"],
    "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"],
    "&": ["|"], "|": ["&"], "^": ["&"], "<<": [">>"], ">>": ["<<"],
    "+=": ["-=", "="], "-=": ["+=", "="], "*=": ["="], "/=": ["*="], "%=": ["="],
    "|=": ["&=", "="], "&=": ["|=", "="], "^=": ["="], "<<=": [">>="], ">>=": ["<<="],
}
RELATIONAL = {"<", "<=", ">", ">=", "==", "!="}
TYPES = {"char", "const", "double", "enum", "float", "int", "long", "short", "signed",
         "size_t", "static", "struct", "union", "unsigned", "void", "volatile"}
CONTROL = {"if", "else", "for", "while", "do", "switch", "case", "default", "return",
           "break", "continue", "goto", "sizeof"}


def tokens(text):
    found = [Token(m.lastgroup if m.lastgroup else "operator", m.group(), m.start(), m.end())
             for m in TOKEN.finditer(text)]
    return [t for t in found if t.kind not in ("comment", "include")]


def rule_of(operator):
    if operator in RELATIONAL:
        return "relation"
    if operator in ("&&", "||"):
        return "logic"
    return "assignment" if operator.endswith("=") else "arithmetic"


def slips(text, token):
    spaced = text[token.start - 1:token.start].isspace() and \
        text[token.end:token.end + 1].isspace()
    if token.kind == "operator" and spaced:
        for other in SLIPS.get(token.text, []):
            yield rule_of(token.text), token.start, token.end, other


def unary(text, token, before):
    """A forgotten negation; a step in the wrong direction."""
    if token.text == "!" and token.kind == "operator":
        yield "logic", token.start, token.end, ""
    if token.text in ("++", "--"):
        yield "step", token.start, token.end, "--" if token.text == "++" else "++"
    if token.text == "-" and not text[token.end].isspace() and \
            (before.text in ("return", "(", ",", "=", "?", ":", "{")):
        yield "sign", token.start, token.end, ""


def constants(token):
    if token.kind == "number":
        if token.text == "0":
            yield "constant", token.start, token.end, "1"
            return
        yield "constant", token.start, token.end, f"({token.text} + 1)"
        yield "constant", token.start, token.end, f"({token.text} - 1)"


def jumps(token, after):
    if token.text in ("break", "continue") and after.text == ";":
        yield "jump", token.start, after.end, ";"


def statement_end(stream, at):
    """The semicolon of the expression statement that begins here, or None."""
    depth = 0
    for i in range(at, len(stream)):
        text = stream[i].text
        depth += text in ("(", "[", "{")
        depth -= text in (")", "]", "}")
        if depth < 0:
            return None
        if text == ";" and depth == 0:
            return i
    return None


def is_statement(stream, at):
    """An assignment or a call on its own, inside a function; not a declaration."""
    token, before, after = stream[at], stream[at - 1], stream[at + 1]
    if token.text in CONTROL or token.text in TYPES or token.kind == "number":
        return False
    if before.text not in (";", "{", "}", ")", "else", "do", ":"):
        return False
    if token.text == "*" and after.kind == "name":
        return True
    return token.kind == "name" and \
        after.text in {"(", "->", ".", "[", "=", "++", "--"} | set(SLIPS)


def control_depth(stream):
    """For each token, whether it lies in the head of a for, if, while, or in a call."""
    depth, depths = 0, []
    for token in stream:
        depth -= token.text in (")", "]")
        depths.append(depth)
        depth += token.text in ("(", "[")
    return depths


def deletions(stream, at, depths):
    if depths[at] == 0 and is_statement(stream, at):
        end = statement_end(stream, at)
        # A designated initializer or an enumerator ends with a comma, not like this.
        if end is not None:
            yield "deletion", stream[at].start, stream[end].end, ";"


def squeeze(text):
    return " ".join(text.split())


def mutants(text):
    """Every mutant of a file, in the order of the text."""
    stream = tokens(text)
    depths = control_depth(stream)
    for at in range(1, len(stream) - 1):
        token, before, after = stream[at], stream[at - 1], stream[at + 1]
        for make in (slips(text, token), unary(text, token, before), constants(token),
                     jumps(token, after), deletions(stream, at, depths)):
            for rule, start, end, new in make:
                left = text.rfind("\n", 0, start) + 1
                right = text.find("\n", end)
                yield Mutant(text.count("\n", 0, start) + 1, rule,
                             squeeze(text[left:right]),
                             squeeze(text[left:start] + new + text[end:right]),
                             text[:start] + new + text[end:])
