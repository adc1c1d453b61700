#!/usr/bin/env python3
"""Checks every #include in src/ against LAYERS: includes point strictly downward, modules of one level never see each other, a backend
folder is seen only by itself and by app, and a listed exception that is no longer needed fails too."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
# Test support that a module ships for others to use.
TEST_FOLDERS = {"testing"}


def read_layers(text):
    level, parts, exceptions = {}, set(), {}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "level":
            level.update({module: int(words[1]) for module in words[2:]})
        elif words[0] == "part":
            parts.add(words[1])
        elif words[0] == "exception":
            exceptions[(words[1], words[3].rstrip(":"))] = False
        else:
            sys.exit(f"LAYERS: unknown word {words[0]!r}")
    return level, parts, exceptions


def breach(source, header, level, parts):
    """Why `source` may not include `header` (both relative to src/), or None."""
    module, target = source.parts[0], header.parts[0]
    if module not in level:
        return f"module {module} is not in LAYERS"
    if target not in level:
        return f"module {target} is not in LAYERS"
    is_test = "testing" in source.parts or re.search(r"_(test|bench|fuzz)\.cc$", source.name)
    if target != module:
        if level[target] > level[module]:
            return f"{module} (level {level[module]}) may not see {target} (level {level[target]})"
        if level[target] == level[module] and not is_test:
            return f"{module} and {target} are of one level"
    if len(header.parts) > 2 and header.parts[1] not in TEST_FOLDERS:
        backend = f"{header.parts[0]}/{header.parts[1]}"
        inside = source.parts[:2] == header.parts[:2]
        same_part = backend in parts and module == target
        if not inside and not same_part and module not in ("app", "cli") and not is_test:
            return f"backend folder {backend} is for app and itself"
    if len(header.parts) > 2 and header.parts[1] in TEST_FOLDERS and not is_test:
        return "test support in product code"
    return None


def main():
    level, parts, exceptions = read_layers((ROOT / "LAYERS").read_text())
    src = ROOT / "src"
    failures, checked = [], 0
    for path in sorted(src.rglob("*")):
        if path.suffix not in (".h", ".cc", ".inc"):
            continue
        source = path.relative_to(src)
        for name in INCLUDE.findall(path.read_text(errors="replace")):
            if not (src / name).exists():
                continue  # a third-party header in quotes
            checked += 1
            why = breach(source, pathlib.PurePosixPath(name), level, parts)
            key = (f"src/{source}", name)
            if why and key in exceptions:
                exceptions[key] = True
            elif why:
                failures.append(f"src/{source}: includes {name}: {why}")
    failures += [f"LAYERS: stale exception {file} includes {header}" for (file, header), used in exceptions.items() if not used]
    print("\n".join(failures) if failures else f"layers: {checked} includes point downward")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
