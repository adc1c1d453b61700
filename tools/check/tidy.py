#!/usr/bin/env python3
"""House rules that a compiler does not check: file and function sizes, names, marks of unfinished work, silent skips, and paths named in
documents. LARGE lists the sources that may exceed the hard limit; it only shrinks."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER_MAX, SOURCE_MAX, FOLDER_MAX = 250, 700, 30
LARGE = {}  # "path": "reason"
ROLES = re.compile(r"\b(class|struct)\s+\w*(Manager|Helper|Util|Utils|Common)\b")
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|DISABLED_|not yet implemented")
FILE_NAME = re.compile(r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")
PATH_IN_DOC = re.compile(r"`((?:src|tools|docs|bench|tests|ui|deploy|examples|api|cmake)/[\w./-]+)`")


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT, capture_output=True, check=True)
    return [p for p in out.stdout.decode().split("\0") if p and (ROOT / p).exists()]


def main():
    failures = []
    folders = {}
    for name in tracked("src", "bench"):
        path = ROOT / name
        folders.setdefault(path.parent, []).append(name)
        if path.suffix not in (".cc", ".h"):
            continue
        text = path.read_text()
        lines = text.count("\n")
        limit = HEADER_MAX if path.suffix == ".h" else SOURCE_MAX
        if lines > limit and name not in LARGE:
            failures.append(f"{name}: {lines} lines, at most {limit}")
        if name in LARGE and lines <= limit:
            failures.append(f"tools/check/tidy.py: {name} is listed as large and no longer is")
        if not FILE_NAME.match(path.name):
            failures.append(f"{name}: file names are snake_case")
        for number, line in enumerate(text.splitlines(), 1):
            if ROLES.search(line):
                failures.append(f"{name}:{number}: a type's name says what it does (no Manager, Helper, Util, Common)")
            if MARKS.search(line):
                failures.append(f"{name}:{number}: a mark of unfinished work or a disabled test")
            if "GTEST_SKIP()" in line and "<<" not in line:
                failures.append(f"{name}:{number}: a skip says why")
        if path.suffix == ".h" and "#pragma once" not in text:
            failures.append(f"{name}: headers begin with #pragma once")
    for folder, names in folders.items():
        if len([n for n in names if n.endswith((".cc", ".h"))]) > FOLDER_MAX * 2:
            failures.append(f"{folder.relative_to(ROOT)}: {len(names)} files; split it")
    for name in tracked("*.md"):
        for mentioned in PATH_IN_DOC.findall((ROOT / name).read_text()):
            if not any((base / mentioned).exists() or list(base.glob(mentioned)) for base in (ROOT, (ROOT / name).parent)):
                failures.append(f"{name}: names {mentioned}, which does not exist")
    print("\n".join(failures) if failures else "tidy: house rules hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
