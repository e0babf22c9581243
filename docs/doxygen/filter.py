"""Doxygen's input filter: prints a header, whose comments are plain `//`, with the marks that Doxygen looks for.

    lines at the top of the file        ->  /** @brief FIRST SENTENCE. @details THE REST @file */
    lines before a declaration          ->  the same for it; with a colon at their end for all that follow up to an empty
                                            line or the end of the class
    int a, b;  // behind a declaration  ->  for it; names that share a line share all of its comments

Line numbers stay. In comments, indented lines (figures, tables, examples) come out as they stand; elsewhere only `code` has a
meaning for Doxygen, and <, @, # and the like are plain characters.
"""

import pathlib
import re
import sys

COMMENT = re.compile(r'((?:[^"/]|"(?:\\.|[^"\\])*"|/(?!/))*)// ?(.*)')  # code without a // outside of quotes; comment
DECLARES = re.compile(r"[;,]\s*$|\{.*\}\s*$")  # code that a comment behind it is about: not `}` nor `struct Name {`
NAMES = re.compile(r",(?= \w+(?: = |[,;{]))")  # between the names of `int a = 0, b{1}, c;`
FIGURE = re.compile(r"\n((?:  .*\n|\n(?=  ))*  .*)(?=\n|$)")  # indented lines and the empty ones between them
SPECIAL = re.compile(r"--+|[\\@<>&#%*_\[\]]")
MODULE = re.compile(r"TORCH_MODULE\((\w+)\);")
HOLDER = r"/** @brief Holds a shared \1Impl. */ class \1 : public torch::nn::ModuleHolder<\1Impl> {};"


def plain(prose: str) -> str:
    """Escapes what Doxygen would take for a command, HTML or Markdown, except in `code`."""
    parts = prose.split("`")
    return "`".join(part if i % 2 else SPECIAL.sub(r"\\\g<0>", part) for i, part in enumerate(parts))


def documentation(lines: list[str]) -> str:
    """Comment lines as text for Doxygen, as many lines."""
    prose, *rest = FIGURE.split("\n".join(lines).replace("*/", "* /"))
    text = "@brief " + re.sub(r"\.(\s)", r". @details\1", plain(prose), count=1)
    for i, part in enumerate(rest):
        text += plain(part) if i % 2 else f" @verbatim\n{part} @endverbatim"
    return text


def documented(code: str, before: str, comment: str) -> str:
    """A line of code with the comment behind it; `before` is the documentation that stands before the line."""
    brief = "" if before or code.rstrip().endswith(",") else "@brief "  # Doxygen allows none for parameters
    behind = brief + plain(comment) if comment and DECLARES.search(code) else ""
    if NAMES.search(code) and not re.search(r"\(|enum ", code):
        own = f"/** {behind} */" if behind else ""
        return own + NAMES.sub(lambda _: ", " + before.replace("\n", " ") + own, code)
    return f"{code}/**< {behind} */" if behind else MODULE.sub(HOLDER, code)


def translated(lines: list[str]) -> list[str]:
    result: list[str] = []
    block: list[str] = []  # comment lines that wait for their declaration
    group = -1  # indentation of declarations that share a comment; -1: there is no group
    for line in lines:
        match = COMMENT.fullmatch(line)
        code, comment = match.groups() if match else (line, "")
        if match and not code.strip():
            block.append(comment)
            continue
        indentation = len(code) - len(code.lstrip())
        if group >= 0 and (not code.strip() or indentation < group):
            code, group = f"/**@}}*/{code}", -1
        opening = ""
        if block and block[-1].endswith(":"):
            block[-1], opening, group = f"{block[-1][:-1]}.", "/**@{*/", indentation
        before = f"/** {documentation(block)} */" if block else ""
        if before and code == "#pragma once":
            before, code = before.removesuffix(" */"), "@file */"
        result += [opening + before] * bool(before) + [documented(code, before, comment)]
        block = []
    return result


if __name__ == "__main__":
    print("\n".join(translated(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").split("\n"))), end="")
