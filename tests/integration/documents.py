"""Reads a Markdown document as a reader would: its fenced blocks with what is said to the test about them, its links, its code spans.

What a document may say to the test, in a comment that a reader does not see:

    <!-- test: files NAME[=GIVEN] ... -->   these files lie in the folder from here on (GIVEN: one of the files that the test makes)
    <!-- test: run
    COMMANDS -->                            commands that set up what the reader has already
    <!-- test: file NAME -->                the block below is written to NAME
    <!-- test: exits N -->                  the block below ends with this code
    <!-- test: skip, REASON -->             the block below is not run
"""
import dataclasses
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHELLS = {"sh", "bash", "console"}
LANGUAGES = SHELLS | {"text", "json", "yaml", "python"}
FENCE = re.compile(r"^( *)(`{3,}|~{3,}) *([\w+-]*)[^`]*$")
MARK = re.compile(r"<!-- test: *(files|run|file|exits|skip)\b,?\s*(.*?)\s*-->", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclasses.dataclass
class Mark:
    kind: str
    text: str
    line: int


@dataclasses.dataclass
class Block:
    language: str
    text: str
    line: int    # of the fence
    marks: list  # the marks directly above
    output: "Block | None" = None  # of a shell block: the text or JSON block directly below, which shows what it prints

    def mark(self, kind):
        return next((m.text for m in self.marks if m.kind == kind), None)


@dataclasses.dataclass
class Document:
    path: pathlib.Path
    text: str
    parts: list     # marks `files` and `run`, and blocks, in order
    failures: list  # what no reader, or this one, can make sense of
    prose: str      # the text with blocks and comments blanked, line by line

    @property
    def name(self):
        return self.path.relative_to(ROOT).as_posix()

    @property
    def blocks(self):
        return [p for p in self.parts if isinstance(p, Block)]

    @property
    def shells(self):
        return [b for b in self.blocks if b.language in SHELLS]

    def spans(self):
        """Code spans, as (line, text)."""
        return [(self.prose.count("\n", 0, m.start()) + 1, m.group(1)) for m in re.finditer(r"`([^`\n]+)`", self.prose)]

    def links(self):
        """Targets of links and images, as (line, target)."""
        text = re.sub(r"`[^`\n]+`", "``", self.prose)
        return [(text.count("\n", 0, m.start()) + 1, m.group(1)) for m in re.finditer(r"\]\(([^)\s]+)\)", text)]

    def anchors(self):
        """The names that its headings have in links."""
        headings = re.findall(r"^#+ +(.+?) *$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def tracked():
    """Every document of the repository, also one that is not committed yet."""
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / p for p in out.stdout.decode().split("\0") if p and (ROOT / p).exists()]


def read(path):
    text = path.read_text()
    return parse(path, text)


def parse(path, text):
    lines, parts, failures, prose = text.split("\n"), [], [], []
    fence, above = None, []  # the open fence: (indent, mark, language, line, lines so far); marks that wait for a block
    comments = {}            # first line -> (last line, mark or None)
    for m in COMMENT.finditer(text):
        first, mark = text.count("\n", 0, m.start()), MARK.fullmatch(m.group(0))
        comments[first] = (first + m.group(0).count("\n"), mark and Mark(mark.group(1), mark.group(2), first + 1))
        if not mark and m.group(0).startswith("<!-- test"):
            failures.append(f"{first + 1}: not a mark that the test knows (see tests/integration/documents.py)")
    at, after_shell, list_item = 0, None, False
    while at < len(lines):
        line = lines[at]
        if fence:
            indent, mark, language, first, body = fence
            if line.strip() == mark:
                block = Block(language, "\n".join(l.removeprefix(indent) for l in body) + "\n", first, above)
                if after_shell and language in ("text", "json") and not above:
                    after_shell.output = block
                else:
                    parts.append(block)
                after_shell = block if language in SHELLS else None
                fence, above = None, []
            else:
                body.append(line)
        elif at in comments and line.startswith("<!--"):
            last, mark = comments[at]
            if mark and mark.kind in ("files", "run"):
                parts.append(mark)
            elif mark:
                above.append(mark)
            after_shell = None
            prose += [""] * (last - at)
            at = last
            line = ""
        elif opened := FENCE.match(line):
            fence = (opened.group(1), opened.group(2), opened.group(3), at + 1, [])
            if opened.group(3) not in LANGUAGES:
                failures.append(f"{at + 1}: a block names its language, one of {', '.join(sorted(LANGUAGES))}")
        elif line.strip():
            if above:
                failures += [f"{m.line}: the mark `{m.kind}` stands directly above its block" for m in above]
                above = []
            after_shell = None
            if re.match(r"^( {4}|\t)", line) and not lines[at - 1].strip() and not list_item:
                failures.append(f"{at + 1}: an indented block; fence it, so that its commands are run")
            if not line.startswith(" "):
                list_item = bool(re.match(r"^([-*+]|\d+\.) ", line))
        prose.append("" if fence or line.strip().startswith(("```", "~~~")) else line)
        at += 1
    if fence:
        failures.append(f"{fence[3]}: a block without an end")
    return Document(path, text, parts, failures, "\n".join(prose))
