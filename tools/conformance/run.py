#!/usr/bin/env python3
"""Runs the conformance kit, which drives a server through clients that other people wrote, against the built program, and writes what
happened to docs/conformance.md: nothing on that page is written by hand.

    tools/conformance/run.py [PYTEST-ARGUMENT...]

VIGIL_CONFORMANCE  a folder with an installed kit: kit/ and .venv/ (default: .deps/conformance, made from ../shared/conformance when it is not
                   there: some minutes, 1.5 GB)
VIGIL_BIN          the program (default: build/bin/vigil)
With arguments for pytest, a part is run and the page is left alone. Exits 1 where a test failed.
"""
import collections
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = pathlib.Path(os.environ.get("VIGIL_SHARED", ROOT.parent / "shared")) / "conformance"
BINARY = pathlib.Path(os.environ.get("VIGIL_BIN", ROOT / "build/bin/vigil")).resolve()
PAGE = ROOT / "docs/conformance.md"
# Modules of the kit that are not run, and why.
LEFT_OUT = {"test_oauth": "tokens are not part of the protocols that this page is about"}
CLIENTS = ["tritonclient", "kserve", "mlserver", "mlflow-skinny", "sagemaker", "google-cloud-aiplatform", "ovmsclient", "grpcio", "protobuf",
           "schemathesis", "openapi-spec-validator", "prometheus-client", "h2", "requests", "aiohttp"]
NODE_CLIENTS = ["graphql", "graphql-http", "@grpc/grpc-js"]
# What the kit's setup takes without its package's own name.
STUBS = {"tensorflow-serving-api stubs": ".tfs", "perf_analyzer (tritonclient 2.44.0)": ".tools/perf_analyzer"}


def installed_kit():
    """The folder of a kit whose clients are installed; None where there is no kit at all."""
    folder = pathlib.Path(os.environ.get("VIGIL_CONFORMANCE", ROOT / ".deps/conformance"))
    if (folder / ".venv/bin/python").exists() and (folder / "kit/conftest.py").exists():
        return folder
    if not SOURCE.is_dir():
        return None
    print(f"conformance: installing the kit's clients in {folder} (some minutes)", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SOURCE, folder / "kit", dirs_exist_ok=True)
    subprocess.run(["chmod", "-R", "u+w", str(folder / "kit")], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder / ".venv")], check=True)
    environment = {**os.environ, "VIRTUAL_ENV": str(folder / ".venv"), "PATH": f"{folder / '.venv/bin'}:{ROOT / '.deps/node/bin'}:{os.environ['PATH']}"}
    subprocess.run(["bash", "tools/setup.sh"], cwd=folder / "kit", check=True, env=environment)
    return folder


def versions(folder):
    """Name and version of every client that is installed."""
    ask = "import importlib.metadata as m, json, sys\nout = {}\nfor n in sys.argv[1:]:\n  try: out[n] = m.version(n)\n  except m.PackageNotFoundError: pass\nprint(json.dumps(out))"
    found = json.loads(subprocess.run([folder / ".venv/bin/python", "-c", ask, *CLIENTS], check=True, capture_output=True, text=True).stdout)
    for name in NODE_CLIENTS:
        package = folder / "kit/node/node_modules" / name / "package.json"
        if package.exists():
            found[f"{name} (npm)"] = json.loads(package.read_text())["version"]
    for name, path in STUBS.items():
        if (folder / "kit" / path).exists():
            found[name] = "as the kit pins them"
    return found


def cell(text, folder):
    """On one line of a table, without this machine's paths."""
    return " ".join(text.split()).replace("file://", "").replace(f"{folder.resolve()}/kit/", "").replace(f"{ROOT}/", "").replace("|", "\\|")


def read_report(path):
    """Each module's counts, and the skips, expected failures and failures one by one."""
    modules, notable = collections.defaultdict(collections.Counter), []
    for case in ET.parse(path).getroot().iter("testcase"):
        module = case.get("classname").split(".")[0] or case.get("name")
        skipped, bad = case.find("skipped"), [c for kind in ("failure", "error") for c in case.findall(kind)]
        if bad:
            outcome, reason = "failed", bad[0].get("message") or ""
        elif skipped is not None:
            outcome, reason = ("expected failures" if skipped.get("type") == "pytest.xfail" else "skipped"), skipped.get("message") or ""
        else:
            outcome, reason = "passed", ""
        modules[module][outcome] += 1
        if outcome != "passed":
            notable.append((outcome, module, case.get("name"), reason))
    return modules, notable


def write_page(folder, modules, notable):
    version = subprocess.run([BINARY, "version"], check=True, capture_output=True, text=True).stdout.split("\n")[0].strip()
    total = sum(modules.values(), collections.Counter())
    lines = ["# Conformance", "",
             "Written by `make conformance`, which runs the conformance kit against the built program and counts what its clients, all made by other",
             "people, found. Not edited by hand.", "",
             f"{version}, {datetime.date.today().isoformat()}: {total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped, "
             f"{total['expected failures']} expected failures.", "", "| module | passed | failed | skipped |", "|---|---|---|---|"]
    for module in sorted(modules):
        counts = modules[module]
        lines.append(f"| `{module}` | {counts['passed']} | {counts['failed']} | {counts['skipped'] + counts['expected failures']} |")
    lines += ["", "## Left out", ""] + [f"- `{module}`: {reason}." for module, reason in LEFT_OUT.items()]
    for outcome in ("skipped", "expected failures", "failed"):
        found = [n for n in notable if n[0] == outcome]
        if not found:
            continue
        lines += ["", f"## {outcome.capitalize()}", "", "| test | why |", "|---|---|"]
        lines += [f"| `{module}::{name}` | {cell(reason, folder)[:200]} |" for _, module, name, reason in found]
    lines += ["", "## Clients", "", "| client | version |", "|---|---|"] + [f"| {n} | {v} |" for n, v in sorted(versions(folder).items())]
    PAGE.write_text("\n".join(lines) + "\n")


def main():
    folder = installed_kit()
    if folder is None:
        print(f"conformance: skipped, the kit is absent: no {SOURCE} (VIGIL_SHARED or VIGIL_CONFORMANCE names it)")
        return 0
    if not BINARY.exists():
        print(f"conformance: no program {BINARY}: run make build")
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch) / "report.xml"
        run = subprocess.run([folder / ".venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}",
                              *[f"--ignore={module}.py" for module in LEFT_OUT], *sys.argv[1:]], cwd=folder / "kit",
                             env={**os.environ, "VIGIL_BIN": str(BINARY), "PATH": f"{folder / '.venv/bin'}:{ROOT / '.deps/node/bin'}:{os.environ['PATH']}"})
        if not report.exists():
            print("conformance: pytest gave no report")
            return 1
        modules, notable = read_report(report)
    if len(sys.argv) == 1:
        write_page(folder, modules, notable)
        print(f"conformance: wrote {PAGE.relative_to(ROOT)}")
    return 1 if run.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
