"""A real `vigil serve` for real clients, and the small models that every suite can count on.

VIGIL_BIN     the binary under test (default: build/bin/vigil)
VIGIL_SHARED  the shared fixtures (default: ../shared beside the repository); what needs them skips with a reason when they are absent
"""
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import signal
import subprocess
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("VIGIL_BIN", ROOT / "build/bin/vigil")).resolve()
SHARED = pathlib.Path(os.environ.get("VIGIL_SHARED", ROOT.parent / "shared")).resolve()
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 40


def shared(path):
    """A path among the shared fixtures; the calling test skips, saying what is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"{path} is absent: the shared fixtures are not beside the repository (VIGIL_SHARED names them)")
    return found


def no_sanitizer_report(text):
    """A binary built with sanitizers (VIGIL_BIN=build-asan/bin/vigil) reports in its output; a data race alone does not end the program."""
    at = text.find("SUMMARY: ")
    assert at < 0 or "Sanitizer: " not in text[at:], text[-8000:]


def vigil(*args, timeout=300, **kwargs):
    """Runs one verb to its end. Returns the CompletedProcess with text output; the caller judges its exit code."""
    env = {**os.environ, "NO_COLOR": "1", **kwargs.pop("env", {})}
    r = subprocess.run([str(BINARY), *map(str, args)], capture_output=True, text=True, timeout=timeout, env=env, **kwargs)
    no_sanitizer_report(r.stderr)
    return r


def done(*args, **kwargs):
    """Runs one verb that must succeed. Returns its standard output."""
    r = vigil(*args, **kwargs)
    assert r.returncode == 0, f"vigil {' '.join(map(str, args))} exited with {r.returncode}:\n{r.stdout[-2000:]}{r.stderr[-2000:]}"
    return r.stdout


@dataclasses.dataclass
class Server:
    process: subprocess.Popen
    base: str
    port: int
    state: pathlib.Path
    log: pathlib.Path
    grpc: int

    def get(self, path, **kwargs):
        return requests.get(self.base + path, timeout=60, **kwargs)

    def post(self, path, body=None, **kwargs):
        if body is not None:
            kwargs["json"] = body
        return requests.post(self.base + path, timeout=60, **kwargs)

    def put(self, path, body):
        return requests.put(self.base + path, json=body, timeout=60)

    def predict(self, model, body, **kwargs):
        return self.post(f"/api/v1/models/{model}/predict", body, **kwargs)

    def metric(self, name, **labels):
        """The sum of a metric's samples that carry these labels."""
        from prometheus_client.parser import text_string_to_metric_families
        return sum(s.value for f in text_string_to_metric_families(self.get("/metrics").text) for s in f.samples
                   if s.name == name and all(s.labels.get(k) == v for k, v in labels.items()))

    def log_text(self):
        return self.log.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM, as a supervisor would. Returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"no end {STOP_SECONDS_MAX} s after SIGTERM:\n{self.log_text()[-4000:]}") from None
        no_sanitizer_report(self.log_text())
        return self.process.returncode


def start(folder, models, args=(), config=None, env=None):
    """`vigil serve` on free ports with its state in `folder` (kept between calls). Returns a ready Server."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    port_file, log = folder / "ports.json", folder / "server.log"
    port_file.unlink(missing_ok=True)
    command = [str(BINARY), "serve", *[f"{name}={path}" for name, path in models.items()], "--http-port", "0", "--grpc-port", "0",
               "--state-dir", str(folder / "state"), "--port-file", str(port_file), *map(str, args)]
    if config is not None:
        (folder / "vigil.yaml").write_text(config)
        command += ["--config", str(folder / "vigil.yaml")]
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=folder,
                                   env={**os.environ, "NO_COLOR": "1", **(env or {})})
    end = time.monotonic() + START_SECONDS_MAX
    while not port_file.exists():
        if process.poll() is not None:
            raise AssertionError(f"serve exited with {process.returncode}:\n{log.read_text(errors='replace')[-4000:]}")
        if time.monotonic() > end:
            process.kill()
            raise AssertionError(f"not ready after {START_SECONDS_MAX} s:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.002)
    ports = json.loads(port_file.read_text())
    assert ports["pid"] == process.pid
    return Server(process, f"http://127.0.0.1:{ports['http']}", ports["http"], folder / "state", log, ports["grpc"])


@contextlib.contextmanager
def serving(folder, models, **kwargs):
    server = start(folder, models, **kwargs)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def serve(tmp_path):
    """Servers of one test's own: serve({"name": path}) starts another; all are stopped at its end."""
    with contextlib.ExitStack() as servers:
        started = []

        def another(models, **kwargs):
            started.append(servers.enter_context(serving(tmp_path / f"server{len(started)}", models, **kwargs)))
            return started[-1]
        yield another


# ---- small models of our own: amount and nb of a made-up card, fraud where both are large ----

COLUMNS = ["amount", "nb", "hour"]


def small_rows(n, seed, labels="true"):
    """n rows of the made-up cards as a dict of columns. labels: true, or shuffled (nothing to learn)."""
    rng = np.random.default_rng(seed)
    columns = {"amount": rng.gamma(2.0, 40.0, n).astype(np.float32), "nb": rng.poisson(4, n).astype(np.float32),
               "hour": rng.integers(0, 24, n).astype(np.float32)}
    risk = 1 / (1 + np.exp(-(0.03 * (columns["amount"] - 150) + 0.8 * (columns["nb"] - 6))))
    y = (rng.random(n) < risk).astype(np.int8)
    if labels == "shuffled":
        rng.shuffle(y)
    return {**columns, "is_fraud": y}


def write_rows(columns, path):
    pq.write_table(pa.table({k: pa.array(v) for k, v in columns.items()}), path)
    return path


def train(folder, name, rows, rounds=30, label="is_fraud", features=None, **params):
    """`vigil train` on Parquet files. Returns the model's path; its reference profile is beside it as NAME-reference.json."""
    document = {"rows": [str(r) for r in rows], "label": label, "features": features or COLUMNS, "rounds": rounds,
                "output": str(folder / f"{name}.json"), "profile_output": str(folder / f"{name}-reference.json"),
                "params": {"objective": "binary:logistic", "max_depth": 4, "eta": 0.2, "nthread": 1, **params}}
    (folder / f"{name}-train.yaml").write_text(json.dumps(document))  # JSON is YAML
    done("train", "--config", folder / f"{name}-train.yaml")
    return folder / f"{name}.json"


@dataclasses.dataclass
class SmallModels:
    folder: pathlib.Path
    rows: pathlib.Path       # 8000 labelled rows that none of the models saw
    champion: pathlib.Path
    better: pathlib.Path     # more rounds on more rows
    worse: pathlib.Path      # trained on shuffled labels
    reference: pathlib.Path  # the champion's profile


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    seen = write_rows(small_rows(6000, 1), folder / "train.parquet")
    more = write_rows(small_rows(30000, 2), folder / "more.parquet")
    noise = write_rows(small_rows(6000, 3, labels="shuffled"), folder / "noise.parquet")
    return SmallModels(folder, write_rows(small_rows(8000, 4), folder / "rows.parquet"), train(folder, "champion", [seen], rounds=8),
                       train(folder, "better", [seen, more], rounds=60), train(folder, "worse", [noise], rounds=30),
                       folder / "champion-reference.json")


@pytest.fixture(scope="module")
def server(small, tmp_path_factory):
    """One server a file with the small champion as `fraud`; tests leave its roles as they found them."""
    with serving(tmp_path_factory.mktemp("server"), {"fraud": small.champion}) as s:
        yield s


# ---- a stream in event time ----

class Cards:
    """A stream of made-up card payments in event time: one entity a row unless told, labels an hour after unless told later."""

    def __init__(self, server, start=datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc), model="fraud"):
        self.server, self.now, self.sent, self.model = server, start, 0, model
        self.scored = []  # (id, entity, version, prediction, label) of every row, in order
        self.unlabelled = []  # those whose labels are still to come, as the labels' route takes them

    def send(self, n, amount_factor=1.0, labels="true", entities=None):
        """An hour of traffic. amount_factor shifts a column; labels: true, or shuffled (the concept has changed)."""
        rows, begin = small_rows(n, 1000 + self.sent, labels), self.sent
        rows["amount"] = rows["amount"] * np.float32(amount_factor)
        times = [self.now + datetime.timedelta(seconds=3600 * i / n) for i in range(n)]
        names = [f"c{begin + i}" for i in range(n)]
        entities = entities or names
        body = {"columns": COLUMNS, "data": np.column_stack([rows[c] for c in COLUMNS]).astype(float).tolist(), "ids": names,
                "entities": entities, "times": [t.strftime("%Y-%m-%dT%H:%M:%SZ") for t in times]}
        r = self.server.predict(self.model, body)
        assert r.status_code == 200, r.text
        answer = r.json()
        truth = rows["is_fraud"]
        versions = answer.get("versions", [answer["version"]] * n)
        self.scored += zip(names, entities, versions, answer["predictions"], map(int, truth))
        self.unlabelled += [{"id": name, "label": int(y)} for name, y in zip(names, truth)]
        self.now += datetime.timedelta(hours=1)
        self.sent += n

    def label(self):
        """Every label that is still to come."""
        observed = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        labels, self.unlabelled = [{**label, "observed_at": observed} for label in self.unlabelled], []
        r = self.server.post("/api/v1/labels", {"labels": labels})
        assert r.json() == {"accepted": len(labels), "unmatched": 0, "duplicate": 0}, r.text

    def hour(self, n=600, **kwargs):
        """Sends an hour of traffic, then its labels."""
        self.send(n, **kwargs)
        self.label()

    def wait(self):
        """Until the control loop has judged up to now (a window closes five minutes after its end)."""
        end = time.monotonic() + 60
        while self.server.metric("vigil_control_time_seconds") < (self.now - datetime.timedelta(minutes=10)).timestamp():
            assert time.monotonic() < end, self.server.get("/api/v1/status").text
            time.sleep(0.02)

    def hours(self, count, n=600, **kwargs):
        """That many hours, each judged before the next."""
        for _ in range(count):
            self.hour(n, **kwargs)
            self.wait()


def wait_for(what, seconds=60, why=lambda: ""):
    """Until what() is true; its value."""
    end = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < end, why()
        time.sleep(0.05)
    return value


def kinds(server, model="fraud"):
    """The timeline's kinds of events of one model ("" for all), oldest first."""
    return [e["kind"] for e in server.get(f"/api/v1/timeline?model={model}&limit=500").json()["events"]][::-1]
