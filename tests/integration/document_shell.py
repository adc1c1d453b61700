"""Runs the shell blocks of a document in one shell, in order, and compares what it shows with what they print.

A reader's machine: `vigil` and `build/bin/vigil` are the program; `vigil serve` is left running while the reader goes on (and stopped when the
next one starts, or the document ends); curl fails on an error's status; python3 has pandas and XGBoost. Port 8080 of the document is a free
one here.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

SECONDS_MAX = 120  # a document
STOP_SECONDS_MAX = 20
ADDRESS = re.compile(r"\b(?:localhost|127\.0\.0\.1):8080\b")
NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?"

VIGIL = r"""#!/bin/bash
# Started by a document's test in place of vigil: serve is left running, once it is ready.
[ "$1" = serve ] || exec "@BINARY@" "$@"
case " $* " in *" --help "*) exec "@BINARY@" "$@";; esac
if [ -e "@WORK@/pid" ]; then
  before="$(cat "@WORK@/pid")"
  kill "$before" 2>/dev/null
  while grep -qs '^State:.[^Z]' "/proc/$before/status"; do sleep 0.01; done
fi
rm -f "@WORK@/pid" "@WORK@/ports.json"
"@BINARY@" "$@" --port-file "@WORK@/ports.json" >"@WORK@/server.log" 2>&1 &
server=$!
echo "$server" >"@WORK@/pid"
while [ ! -e "@WORK@/ports.json" ]; do
  if ! kill -0 "$server" 2>/dev/null; then
    rm "@WORK@/pid"
    wait "$server"; code=$?
    cat "@WORK@/server.log" >&2
    exit "$code"
  fi
  sleep 0.01
done
"""

CURL = """#!/bin/sh
exec @CURL@ -sS --fail-with-body "$@"
"""

PYTHON = """#!/bin/sh
PYTHONPATH=@PACKAGES@ exec @PYTHON@ "$@"
"""


@dataclasses.dataclass
class Step:
    line: int           # in the document
    commands: str
    shown: str | None = None  # what the document shows as their output
    language: str = "text"    # of `shown`: text or json
    code: int = 0


def steps_of(block):
    """The commands of a shell block, each with the output shown for it."""
    code = int(block.mark("exits") or 0)
    if block.language != "console":
        shown = block.output
        return [Step(block.line, block.text, shown and shown.text, shown.language if shown else "text", code)]
    steps = []
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            steps.append(Step(number, line[2:] + "\n"))
        elif steps and steps[-1].shown is None and line.startswith("> "):
            steps[-1].commands += line[2:] + "\n"
        else:
            assert steps, f"line {number}: a console block begins with $ and a command"
            steps[-1].shown = (steps[-1].shown or "") + line + "\n"
    steps[-1].code = code
    return steps


def free_port():
    """One below the range from which the kernel gives clients theirs, so that it is still free when the server asks for it."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def run(folder, work, binary, steps, packages=""):
    """Runs the steps in `folder`; `work` keeps what the document must not see; `packages` is where python3 finds more. Returns failures as
    (line, text): the first of the commands, and every one of the outputs until then."""
    work.mkdir()
    port = free_port()
    script = ["set -e -o pipefail"]
    for number, step in enumerate(steps):
        commands = ADDRESS.sub(f"127.0.0.1:{port}", step.commands)
        script += [f"exec >'{work}/{number}.out' 2>&1", f"echo {number} >'{work}/step'"]
        script += ["set +e", commands, f"code=$?; set -e; test $code = {step.code} || {{ echo \"exit code $code\"; exit 1; }}"] \
            if step.code else [commands]
    script += [f"echo done >'{work}/step'"]
    (work / "script").write_text("\n".join(script) + "\n")
    commands, in_build = work / "bin", folder / "build" / "bin"
    for place in (commands, in_build):
        place.mkdir(parents=True)
        write_program(place / "vigil", VIGIL.replace("@BINARY@", str(binary)).replace("@WORK@", str(work)))
    real_curl = subprocess.run(["bash", "-c", "type -P curl"], capture_output=True, text=True, check=True).stdout.strip()
    write_program(commands / "curl", CURL.replace("@CURL@", real_curl))
    write_program(commands / "python3", PYTHON.replace("@PYTHON@", sys.executable).replace("@PACKAGES@", str(packages)))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VIGIL_", "AIP_", "SAGEMAKER_")) and k != "PORT"}
    env |= {"PATH": f"{commands}:{env['PATH']}", "NO_COLOR": "1", "VIGIL_URL": f"http://127.0.0.1:{port}", "VIGIL_HTTP_PORT": str(port),
            "VIGIL_GRPC_PORT": "0", "VIGIL_STATE_DIR": "vigil-state"}
    with open(work / "shell.err", "wb") as err:
        shell = subprocess.Popen(["bash", str(work / "script")], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                 start_new_session=True)
        try:
            shell.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            pass
        finally:
            stop(shell, work)
    return judge(work, steps)


def judge(work, steps):
    reached = (work / "step").read_text().strip() if (work / "step").exists() else "0"
    failures = []
    for number, step in enumerate(steps):
        out = work / f"{number}.out"
        printed = out.read_text(errors="replace") if out.exists() else ""
        if reached == str(number):
            failures.append((step.line, f"failed:\n{step.commands}{printed[-3000:]}{(work / 'shell.err').read_text()[-2000:]}"))
            break
        if step.shown is not None:
            difference = differs_json(step.shown, printed) if step.language == "json" else differs_text(step.shown, printed)
            if difference:
                failures.append((step.line, f"shows another output: {difference}\nprinted:\n{printed[-3000:]}"))
    return failures


def stop(shell, work):
    """The server ends as a supervisor would end it, then whatever else the document left."""
    if (work / "pid").exists():
        pid, end = int((work / "pid").read_text()), time.monotonic() + STOP_SECONDS_MAX
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        status = pathlib.Path(f"/proc/{pid}/status")
        with contextlib.suppress(FileNotFoundError):
            while "State:\tZ" not in status.read_text() and time.monotonic() < end:
                time.sleep(0.01)
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    shell.wait()


def write_program(path, text):
    path.write_text(text)
    path.chmod(0o755)


# ---- comparing: words must be as shown; numbers may differ; `...` stands for anything ----

def pattern(shown):
    """A line or text as shown → what a printed one must match."""
    pieces = re.split(rf"(\.\.\.|{NUMBER}|\s+)", shown.strip())
    return re.compile("".join(".*?" if p == "..." else NUMBER if re.fullmatch(NUMBER, p) else r"\s+" if p.isspace() else re.escape(p)
                              for p in pieces))


def differs_text(shown, printed):
    """None, or the first line shown that was not printed. A line `...` stands for any lines."""
    lines, at, any_lines = [line for line in printed.splitlines() if line.strip()], 0, False
    for line in shown.splitlines():
        if line.strip() == "...":
            any_lines = True
            continue
        if not line.strip():
            continue
        found = next((i for i in range(at, len(lines)) if pattern(line).fullmatch(lines[i].strip())), None)
        if found is None or (found > at and not any_lines):
            return f"expected the line\n  {line}" + (f"\nbefore\n  {lines[at]}" if at < len(lines) else "")
        at, any_lines = found + 1, False
    return None if at == len(lines) or any_lines else f"did not expect the line\n  {lines[at]}"


def differs_json(shown, printed):
    """None, or the place where the printed value has another shape. The key "..." stands for further keys."""
    try:
        return differs_value(json.loads(shown), json.loads(printed), "$")
    except ValueError as e:
        return f"not JSON: {e}"


def differs_value(shown, printed, at):
    if shown == "...":
        return None
    if isinstance(shown, dict) and isinstance(printed, dict):
        missing = [k for k in shown if k != "..." and k not in printed]
        more = [] if "..." in shown else [k for k in printed if k not in shown]
        if missing or more:
            return f"{at}: " + "; ".join([f"no key {k}" for k in missing] + [f"the key {k} is not shown" for k in more])
        return next((d for k in shown if k != "..." and (d := differs_value(shown[k], printed[k], f"{at}.{k}"))), None)
    if isinstance(shown, list) and isinstance(printed, list):
        if shown and shown[-1] == "...":
            shown = shown[:-1]
        elif len(shown) != len(printed):
            return f"{at}: {len(printed)} elements, {len(shown)} shown"
        if len(shown) > len(printed):
            return f"{at}: {len(printed)} elements, at least {len(shown)} shown"
        return next((d for i, s in enumerate(shown) if (d := differs_value(s, printed[i], f"{at}[{i}]"))), None)
    if isinstance(shown, str) and isinstance(printed, str):
        return None if pattern(shown).fullmatch(printed.strip()) else f"{at}: {printed!r}, {shown!r} shown"
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (shown, printed))
    return None if numbers or (type(shown), shown) == (type(printed), printed) else f"{at}: {printed!r}, {shown!r} shown"
