"""A command in a document is run. The shell blocks of each document in order, in one shell, on real files and a real server; what a document
shows as output is compared. Besides: links lead somewhere, configurations are accepted, verbs, flags, targets and programs exist."""
import functools
import json
import re
import shlex
import subprocess
import zipfile

import document_shell
import documents
import numpy as np
import pytest
from conftest import BINARY, ROOT, done, train, write_rows
from documents import Block, parse

DOCUMENTS = [documents.read(p) for p in documents.tracked()]
NAMES = {d.name: d for d in DOCUMENTS}
SKIPPED = [(d, b) for d in DOCUMENTS for b in d.shells if b.mark("skip")]
RUN = [d for d in DOCUMENTS if any(not b.mark("skip") for b in d.shells)]
MENTIONED_FILE = re.compile(r"(?<![\w./-])((?:api|bench|cmake|deploy|docs|examples|src|tests|tools|ui)/[\w./-]+\.(?:md|py|sh|cc|h|mjs|ts|json|txt))\b")


def by_name(document):
    return document.name if isinstance(document, documents.Document) else None


def told(document, failures):
    assert not failures, "\n".join(f"{document.name}:{line}: {text}" for line, text in failures)


# ---- the files that documents speak of: card payments, fraud where amount and number are large ----

CARD_COLUMNS = ["amount", "customer_nb_tx_1d", "during_night"]


def cards(n, seed):
    rng = np.random.default_rng(seed)
    columns = {"amount": rng.gamma(2.0, 40.0, n).astype(np.float32), "customer_nb_tx_1d": rng.poisson(4, n).astype(np.float32),
               "during_night": (rng.random(n) < 0.2).astype(np.float32)}
    risk = 1 / (1 + np.exp(-(0.03 * (columns["amount"] - 150) + 0.8 * (columns["customer_nb_tx_1d"] - 6) + columns["during_night"])))
    return {**columns, "is_fraud": (rng.random(n) < risk).astype(np.int8)}


@pytest.fixture(scope="session")
def given(tmp_path_factory):
    """The folder of what `files` marks may name: train.parquet and model.json made of it; rows.parquet and rows.csv, which no model saw;
    candidate.json, better than model.json; reference.json, of train.parquet and model.json."""
    folder = tmp_path_factory.mktemp("given")
    seen, more = write_rows(cards(6000, 1), folder / "train.parquet"), write_rows(cards(20000, 2), folder / "more.parquet")
    rows = cards(8000, 3)
    write_rows(rows, folder / "rows.parquet")
    np.savetxt(folder / "rows.csv", np.column_stack(list(rows.values())), fmt="%.6g", delimiter=",", header=",".join(rows), comments="")
    train(folder, "model", [seen], rounds=8, features=CARD_COLUMNS)
    train(folder, "candidate", [seen, more], rounds=60, features=CARD_COLUMNS)
    done("profile", seen, "--model", folder / "model.json", "--label", "is_fraud", "-o", folder / "reference.json")
    return folder


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """XGBoost for Python, of the very wheel whose library Vigil trains with."""
    folder = tmp_path_factory.mktemp("packages")
    wheel, = (ROOT / ".deps/downloads").glob("xgboost_cpu-*.whl")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


# ---- running ----

@pytest.mark.parametrize("document", RUN, ids=by_name)
def test_commands(document, given, packages, tmp_path):
    folder = tmp_path / "reader"
    folder.mkdir()
    steps = []
    for part in document.parts:
        if isinstance(part, Block):
            if part.mark("file"):
                steps.append(document_shell.Step(part.line, f"cat >{part.mark('file')} <<'END OF FILE'\n{part.text}END OF FILE\n"))
            elif part.language in documents.SHELLS and not part.mark("skip"):
                steps += document_shell.steps_of(part)
        elif part.kind == "files":
            names = [name.partition("=")[::2] for name in part.text.split()]
            steps += [document_shell.Step(part.line, f"cp '{given / (source or name)}' {name}\n") for name, source in names]
        else:
            steps.append(document_shell.Step(part.line, part.text + "\n"))
    told(document, document_shell.run(folder, tmp_path / "work", BINARY, steps, packages))


@pytest.mark.parametrize("document,block", SKIPPED, ids=[f"{d.name}:{b.line}" for d, b in SKIPPED])
def test_commands_that_are_not_run_here(document, block):
    reason = block.mark("skip")
    assert len(reason) > 10, f"{document.name}:{block.line}: a skip says why"
    pytest.skip(f"{document.name}:{block.line}: {reason}")


# ---- reading ----

@pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
def test_blocks_are_understood(document):
    failures = [tuple(f.split(": ", 1)) for f in document.failures]
    for block in document.blocks:
        text = block.text
        if block.language == "json":
            try:
                json.loads(text)
            except ValueError as e:
                failures.append((block.line, f"not JSON: {e}"))
        if block.language == "python":
            try:
                compile(text, f"{document.name}:{block.line}", "exec")
            except SyntaxError as e:
                failures.append((block.line, f"not Python: {e}"))
    told(document, failures)


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if any(b.language == "yaml" for b in d.blocks)], ids=by_name)
def test_configurations_are_accepted(document, tmp_path):
    "a yaml block is a vigil.yaml, unless a `file` mark gives it another name"
    failures = []
    for block in document.blocks:
        if block.language == "yaml" and (block.mark("file") or "vigil.yaml") == "vigil.yaml":
            (tmp_path / "vigil.yaml").write_text(block.text)
            r = subprocess.run([BINARY, "config", "--effective", "--config", "vigil.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
            if r.returncode != 0:
                failures.append((block.line, r.stderr))
    told(document, failures)


@pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
def test_links_lead_somewhere(document):
    failures = []
    for line, target in document.links():
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (document.path.parent / path).resolve() if path else document.path
        if not found.exists():
            failures.append((line, f"{target} does not exist"))
        elif anchor and anchor not in documents.read(found).anchors():
            failures.append((line, f"{path or 'this document'} has no heading #{anchor}"))
    for line, text in enumerate(document.prose.splitlines(), 1):
        failures += [(line, f"{name} does not exist") for name in MENTIONED_FILE.findall(text)
                     if not any(list(base.glob(name)) for base in (ROOT, document.path.parent))]
    told(document, failures)


# ---- verbs, flags, targets, programs ----

def parsed_help(*verbs):
    text = done(*verbs, "--help")
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", text.partition("Options:")[2].partition("Example:")[0].partition("Subcommands:")[0])), \
        re.findall(r"^  ([a-z]+) ", text.partition("Subcommands:")[2].partition("Example:")[0], re.MULTILINE)


@functools.cache
def verbs():
    """Every verb, as a tuple of words, with its flags."""
    known, waiting = {}, [()]
    while waiting:
        verb = waiting.pop()
        known[verb], below = parsed_help(*verb)
        waiting += [(*verb, b) for b in below]
    assert len(known) > 20 and ("log", "tail") in known and "--label" in known[("validate",)]
    return known


@functools.cache
def programs():
    """Names that the build gives to programs."""
    text = "\n".join(p.read_text() for p in [*ROOT.glob("src/**/CMakeLists.txt"), *ROOT.glob("bench/CMakeLists.txt")])
    modules = re.findall(r"vigil_module\((\w+)", text)
    return {"vigil", *re.findall(r"add_executable\((\w+)", text), *(f"{m}_{kind}" for m in modules for kind in ("test", "slow_test"))}


def commands_of(text):
    """The commands of some lines of shell, each a list of words."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()")
        lexer.wordchars += "[]{},$%@"
        lexer.commenters = ""
        try:
            words = list(lexer)
        except ValueError:  # part of a quotation that goes on
            words = line.split()
        command = []
        for word in [*words, ";"]:
            if word == "#" or set(word) <= set("|&;()"):
                if command:
                    yield command
                command = []
                if word == "#":
                    break
            elif command or not re.fullmatch(r"\w+=.*", word):
                command.append(word)


def wrong_with(command):
    """What a command says that is not so, or None."""
    program, *words = command
    name = program.rpartition("/")[2]
    if name == "vigil" and program in ("vigil", "build/bin/vigil"):
        return wrong_with_vigil(words)
    if program == "make":
        targets = set(re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        unknown = [w for w in words if re.fullmatch(r"[a-z-]+", w) and not any(w in t.split() for t in targets)]
        return f"the Makefile has no target {unknown[0]}" if unknown else None
    if program == "npm" and words[:1] == ["run"]:
        known = json.loads((ROOT / "ui/package.json").read_text())["scripts"]
        return None if words[1] in known else f"ui/package.json has no script {words[1]}"
    if program.startswith("build/bin/"):
        return None if name in programs() else f"the build makes no {name}"
    if re.match(r"(tools|tests|bench)/", program) and not (ROOT / program).exists():
        return f"{program} does not exist"
    return None


def wrong_with_vigil(words):
    verb, known = (), verbs()
    while words and (*verb, words[0]) in known:
        verb, words = (*verb, words[0]), words[1:]
    below = [v[-1] for v in known if len(v) == len(verb) + 1 and v[:-1] == verb]
    if words and below and re.fullmatch(r"[a-z]+", words[0]):
        return f"vigil {' '.join(verb)} has no verb {words[0]}"
    for word in words:
        flag = re.match(r"--?[a-z][\w-]*", word)
        if flag and flag.group() not in known[verb]:
            return f"vigil {' '.join(verb)} has no flag {flag.group()}"
    return None


def named_by(document):
    for block in document.shells:
        for command in commands_of("".join(s.commands for s in document_shell.steps_of(block))):
            yield block.line, command
    for line, span in document.spans():
        if re.match(r"(\w+=\S+ )*(vigil|make|build/bin/\w+|npm|t(ools|ests)/\S+\.sh)( |$)", span):
            for command in commands_of(span):
                yield line, command
        elif span.startswith("--"):
            yield line, ["--", span]


@pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
def test_verbs_flags_and_programs_exist(document):
    failures = []
    any_flag = set().union(*verbs().values())
    for line, command in named_by(document):
        if command[0] == "--":
            flag = re.match(r"--[\w-]+", command[1]).group()
            wrong = None if flag in any_flag else f"no verb has the flag {flag}"
        else:
            wrong = wrong_with(command)
        if wrong:
            failures.append((line, wrong))
    told(document, failures)


# ---- the test's own eyes ----

def test_what_a_reader_would_trip_over_is_seen(tmp_path):
    "a failing command, another output, a hidden or unknown mark: each is reported, with its line"
    text = "# T\n\n```sh\necho 12 rows in a.csv\n```\n\n```text\n7 rows in ...\n```\n\n```console\n$ echo '{\"a\": 1}'\n{\"b\": 1}\n```\n\n```sh\nfalse\n```\n"
    document = parse(tmp_path / "t.md", text)
    steps = [s for b in document.shells for s in document_shell.steps_of(b)]
    failures = document_shell.run(tmp_path, tmp_path / "work", BINARY, steps)
    assert [line for line, _ in failures] == [12, 16] and "{\"b\": 1}" in failures[0][1] and "false" in failures[1][1]
    bad = parse(tmp_path / "t.md", "a\n\n    vigil hidden\n\n```\nvigil\n```\n<!-- test: ships -->\n<!-- test: skip, no block -->\ntext\n\n```sh\n")
    assert [int(f.split(":")[0]) for f in bad.failures] == [8, 3, 5, 9, 12]


@pytest.mark.parametrize("shown,printed,same", [
    ('{"a": [1, "..."], "...": 0}', '{"a": [7, "x"], "b": null}', True), ('{"a": 1}', '{"a": 1, "b": 2}', False),
    ('{"a": {"b": "id ..."}}', '{"a": {"b": "id 7f"}}', True), ('{"a": {"b": 1}}', '{"a": {"b": "1"}}', False),
    ('[1, 2]', '[1]', False), ('{"a": true}', '{"a": 1}', False), ('{"a": "x"}', '{"a": "y"}', False)])
def test_shapes_of_json(shown, printed, same):
    assert (document_shell.differs_json(shown, printed) is None) == same


@pytest.mark.parametrize("shown,printed,same", [
    ("psi amount 0.21", "psi   amount  3e-05\n", True), ("a\n...\nd", "a\nb\nc\nd\n", True), ("a\nd", "a\nb\nd\n", False), ("a", "a\nb\n", False),
    ("a\n...", "a\nb\n", True), ("job j000001 is waiting", "job j000002 is running", False), ("at ...", "at 2026-01-01T00:00:00Z", True)])
def test_shapes_of_text(shown, printed, same):
    assert (document_shell.differs_text(shown, printed) is None) == same


@pytest.mark.parametrize("command,wrong", [
    ("vigil log tail -n 5", None), ("vigil log trail", "verb trail"), ("vigil serve m.json --prot 1", "flag --prot"), ("vigil sevre", "verb sevre"),
    ("cd ui && X=1 npm run nothing", "script nothing"), ("make demmo # x", "target demmo"), ("build/bin/no_test", "no_test"),
    ("build/bin/vigil profile a.parquet -o b | cat --x", None), ("vigil monitor --curent=a", "flag --curent")])
def test_wrong_commands_are_seen(command, wrong):
    found = [w for c in commands_of(command) if (w := wrong_with(c))]
    assert (found == []) if wrong is None else (len(found) == 1 and wrong in found[0])
