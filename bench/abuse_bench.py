"""What a server's other clients notice of an attack, and what its memory does meanwhile; what idle connections cost; many streams on one.

    bench/run.sh abuse [--pairs 5] [--seconds 1.5] [--idle 10000] [--streams 1000]

A neighbour asks for predictions on a connection of its own, one after another. Its p99 is taken in turn without and with the attack, and the median of
the ratios of these pairs is what counts. The attacker is a process of its own, at the lowest priority, so that on two cores it is not what the
neighbour waits for. Exits 1 where a median is 1.5 or more, resident memory grows by 64 MB, 10,000 idle connections take 200 MB, or the server ends.
"""
import argparse
import http.client
import json
import multiprocessing
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))
from abuse import ATTACKS, begin, multiplexed, resident_bytes  # noqa: E402

BINARY = pathlib.Path(os.environ.get("VIGIL_BIN", ROOT / "build/bin/vigil"))
RATIO_MAX, GROWTH_MB_MAX, IDLE_MB_MAX = 1.5, 64, 200
COLUMNS = ["a", "b", "c"]


def model_text():
    """One tree of one split, in XGBoost's JSON: the engine is not what is measured."""
    tree = {"left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [0, 0, 0], "split_conditions": [0.5, 0.1, 0.9],
            "default_left": [0, 0, 0], "split_type": [0, 0, 0], "sum_hessian": [2.0, 1.0, 1.0],
            "tree_param": {"num_nodes": "3", "num_feature": "3", "size_leaf_vector": "1"}}
    booster = {"gbtree_model_param": {"num_trees": "1", "num_parallel_tree": "1"}, "iteration_indptr": [0, 1], "tree_info": [0], "trees": [tree]}
    shape = {"base_score": "0.5", "num_class": "0", "num_feature": "3", "num_target": "1"}
    return json.dumps({"learner": {"attributes": {}, "feature_names": COLUMNS, "feature_types": ["float"] * 3,
                                   "gradient_booster": {"name": "gbtree", "model": booster}, "learner_model_param": shape,
                                   "objective": {"name": "reg:squarederror"}}, "version": [3, 2, 0]})


def serve(folder):
    (folder / "model.json").write_text(model_text())
    ports = folder / "ports.json"
    process = subprocess.Popen([str(BINARY), "serve", f"fraud={folder / 'model.json'}", "--http-port", "0", "--grpc-port", "0", "--port-file", str(ports),
                                "--state-dir", str(folder / "state")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    while not ports.exists():
        if process.poll() is not None:
            sys.exit(f"serve exited with {process.returncode}")
        time.sleep(0.01)
    return process, json.loads(ports.read_text())["http"]


def neighbour(port, seconds):
    """p99 in ms of one prediction after another."""
    body, taken, end = json.dumps({"rows": [{c: 0.25 for c in COLUMNS}]}), [], time.monotonic() + seconds
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while time.monotonic() < end:
        start = time.perf_counter()
        connection.request("POST", "/api/v1/models/fraud/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - start)
        assert answer.status == 200
        time.sleep(0.001)
    connection.close()
    return 1000 * statistics.quantiles(taken, n=100)[98]


def attack(name, port, on, over):
    os.nice(19)
    while not over.is_set():
        if on.wait(0.1):
            ATTACKS[name](port, lambda: not on.is_set())


def measure(name, process, port, options):
    context = multiprocessing.get_context("fork")
    on, over, peak = context.Event(), context.Event(), [0]
    attacker = context.Process(target=attack, args=(name, port, on, over))
    attacker.start()
    before, watched = resident_bytes(process.pid), threading.Event()

    def watch():
        while not watched.wait(0.02):
            peak[0] = max(peak[0], resident_bytes(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    pairs = []
    for _ in range(options.pairs):
        quiet = neighbour(port, options.seconds)
        on.set()
        time.sleep(0.1)
        pairs.append((quiet, neighbour(port, options.seconds)))
        on.clear()
        time.sleep(0.1)
    over.set()
    watched.set()
    watcher.join()
    attacker.join()
    ratio = statistics.median(loud / quiet for quiet, loud in pairs)
    grown = (peak[0] - before) / 1e6
    print(f"{name:20}{statistics.median(q for q, _ in pairs):10.2f}{statistics.median(l for _, l in pairs):10.2f}{ratio:8.2f}{grown:10.1f}", flush=True)
    return [f"{name}: the neighbour's p99 is {ratio:.2f} times as long"] * (ratio >= RATIO_MAX) + [f"{name}: {grown:.0f} MB more"] * (grown >= GROWTH_MB_MAX)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--streams", type=int, default=1000)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        process, port = serve(pathlib.Path(folder))
        try:
            neighbour(port, 0.5)
            print(f"{'attack':20}{'p99 ms':>10}{'attacked':>10}{'ratio':>8}{'MB more':>10}")
            for name in ATTACKS:
                wrong += measure(name, process, port, options)
            answered = multiplexed(port, "/v2/health/ready", options.streams)
            print(f"{answered} of {options.streams} streams on one connection were answered")
            wrong += ["streams were lost"] * (answered != options.streams)
            held = []
            for _ in range(options.idle):
                held.append(begin(port))
            time.sleep(1)
            resident = resident_bytes(process.pid) / 1e6
            print(f"{len(held)} idle HTTP/2 connections: {resident:.0f} MB resident, {neighbour(port, 1):.2f} ms p99 of another's predictions")
            wrong += [f"{resident:.0f} MB resident"] * (resident >= IDLE_MB_MAX)
            wrong += ["the server ended"] * (process.poll() is not None)
        finally:
            process.terminate()
            process.wait()
    print("\n".join(wrong) or "within every limit")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
