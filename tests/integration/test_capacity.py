"""Thousands of small models in one process under a memory budget; models that come to and go from a folder; labels; what served when."""
import concurrent.futures
import gzip
import json
import os
import random
import signal
import threading
import time

import pytest
import requests
from conftest import done, serving, vigil

COUNT = 2000
BUDGET = 2 << 20  # bytes: about a hundred of these models


def small_model(leaf):
    """Three trees of one split each: [x < 0.5] answers leaf, else 2 * leaf, a third of it each."""
    def tree(i):
        return {"base_weights": [0, leaf / 3, 2 * leaf / 3], "categories": [], "categories_nodes": [], "categories_segments": [],
                "categories_sizes": [], "default_left": [1, 0, 0], "id": i, "left_children": [1, -1, -1], "loss_changes": [1, 0, 0],
                "parents": [2147483647, 0, 0], "right_children": [2, -1, -1], "split_conditions": [0.5, leaf / 3, 2 * leaf / 3],
                "split_indices": [0, 0, 0], "split_type": [0, 0, 0], "sum_hessian": [2, 1, 1],
                "tree_param": {"num_deleted": "0", "num_feature": "2", "num_nodes": "3", "size_leaf_vector": "1"}}
    trees = {"gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "3"}, "iteration_indptr": [0, 1, 2, 3], "tree_info": [0, 0, 0],
             "trees": [tree(i) for i in range(3)]}
    return json.dumps({"learner": {
        "attributes": {}, "feature_names": ["x", "y"], "feature_types": ["float", "float"], "gradient_booster": {"model": trees, "name": "gbtree"},
        "learner_model_param": {"base_score": "0E0", "boost_from_average": "0", "num_class": "0", "num_feature": "2", "num_target": "1"},
        "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}}}, "version": [2, 1, 0]})


def write(folder, name, leaf):
    """As an uploader should: under a hidden name first."""
    (folder / f".{name}").write_text(small_model(leaf))
    os.rename(folder / f".{name}", folder / f"{name}.json")


def ask(server, session, i, high=False, name=None):
    answer = session.post(f"{server.base}/api/v1/models/{name or f'm{i}'}/predict", json={"rows": [{"x": 1.0 if high else 0.0, "y": 0}]}, timeout=60)
    return answer, (2 if high else 1) * (i + 1)


def check(server, session, i, high=False, name=None):
    answer, want = ask(server, session, i, high, name)
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"][0] == pytest.approx(want, rel=1e-5)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    for i in range(COUNT):
        write(folder, f"m{i}", i + 1)
    return folder


def wait_until(holds, what, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.05)


def clients(server, threads, requests_each, seed):
    def one(t):
        chooser, session = random.Random(seed + t), requests.Session()
        for _ in range(requests_each):
            check(server, session, chooser.randrange(COUNT) if chooser.random() < 0.3 else chooser.randrange(40), chooser.random() < 0.5)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(one, t) for t in range(threads)]:
            done.result()


def test_two_thousand_models_under_a_small_budget_with_a_crash(many, tmp_path):
    flags = ("--model-load", "on_demand", "--model-memory", str(BUDGET), "--log-sync", "off")
    with serving(tmp_path, {"many": many}, args=flags) as server:
        assert server.metric("vigil_versions_loaded") == 0
        assert server.get("/v2/health/ready").status_code == 200
        clients(server, 4, 150, 1)
        assert server.metric("vigil_models") == COUNT
        assert 0 < server.metric("vigil_models_resident_bytes") <= BUDGET
        assert server.metric("vigil_model_evictions_total") > 0
        assert server.metric("vigil_model_load_failures_total") == 0
        model = server.get("/api/v1/models/m7").json()
        assert model["ready"] and model["loaded"] == (model["memory_bytes"] > 0)
        server.kill()
    begin = time.monotonic()
    with serving(tmp_path, {"many": many}, args=flags) as server:
        assert time.monotonic() - begin < 20
        clients(server, 4, 100, 2)
        assert server.get("/api/v1/timeline?model=m7").json()["events"][-1]["kind"] == "model.registered"


def test_a_broken_model_fails_alone_and_not_in_a_loop(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    write(folder, "m0", 1)
    write(folder, "m1", 2)
    with serving(tmp_path / "server", {"all": folder}, args=("--model-load", "on_demand")) as server:
        (folder / "m1.json").write_text("{}")
        session = requests.Session()
        for _ in range(50):
            answer, _ = ask(server, session, 1)
            assert answer.status_code == 503 and "could not be loaded" in answer.text and answer.headers["Retry-After"]
            check(server, session, 0)
        assert 1 <= server.metric("vigil_model_load_failures_total") < 10


@pytest.mark.parametrize("load", ["eager", "on_demand"])
def test_a_model_unloaded_by_name_stays_so_and_the_server_is_ready(tmp_path, load):
    folder = tmp_path / "models"
    folder.mkdir()
    write(folder, "m0", 1)
    write(folder, "m1", 2)
    infer = {"inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP32", "data": [0, 0]}]}
    with serving(tmp_path / "server", {"all": folder}, args=("--model-load", load)) as server:
        def state(name):
            return {entry["name"]: entry["state"] for entry in server.post("/v2/repository/index", {}).json()}[name]
        assert server.get("/v2/models/m0/ready").status_code == 200
        assert state("m0") == ("READY" if load == "eager" else "UNAVAILABLE")
        assert server.get("/v2/models/m0").json()["inputs"][0]["shape"] == [-1, 2]
        packed = gzip.compress(json.dumps(infer).encode())
        answer = requests.post(f"{server.base}/v2/models/m1/infer", data=packed, headers={"Content-Encoding": "gzip"}, timeout=60)
        assert answer.status_code == 200 and answer.json()["outputs"][0]["data"] == pytest.approx([2], rel=1e-6), answer.text
        assert state("m0") == state("m1") == "READY"
        assert server.post("/v2/repository/models/m0/unload", {}).status_code == 200
        assert state("m0") == "UNAVAILABLE"
        for _ in range(3):
            assert server.post("/v2/models/m0/infer", infer).status_code == 503
            assert server.get("/v2/models/m0/ready").status_code == 503
            assert server.get("/v2/health/ready").status_code == 200
        assert server.post("/v2/models/m1/infer", infer).status_code == 200
        assert server.post("/v2/repository/models/m0/load", {}).status_code == 200
        assert server.get("/v2/models/m0/ready").status_code == 200
        assert server.post("/v2/models/m0/infer", infer).json()["outputs"][0]["data"] == pytest.approx([1], rel=1e-6)


@pytest.mark.parametrize("load", ["eager", "on_demand"])
def test_models_come_and_go_under_load(tmp_path, load):
    folder = tmp_path / "models"
    folder.mkdir()
    for i in range(3):
        write(folder, f"m{i}", i + 1)
    config = f"server: {{watch: 100ms}}\nregistry: {{load: {load}}}\nmodels:\n  - path: {folder}\n"
    with serving(tmp_path / "server", {}, config=config) as server:
        stop, failures = threading.Event(), []

        def hammer():
            session = requests.Session()
            while not stop.is_set():
                try:
                    check(server, session, 0)
                except AssertionError as failure:
                    failures.append(str(failure))
        thread = threading.Thread(target=hammer)
        thread.start()
        session = requests.Session()
        write(folder, "m9", 10)
        wait_until(lambda: ask(server, session, 9)[0].status_code == 200, "a new model")
        check(server, session, 9)
        (folder / "m2.json").unlink()
        wait_until(lambda: ask(server, session, 2)[0].status_code == 404, "the removal of a model")
        assert server.get("/api/v1/timeline?model=m2").json()["events"][0]["kind"] == "model.removed"
        assert "m2" not in [model["name"] for model in server.get("/api/v1/models").json()["models"]]
        os.kill(server.process.pid, signal.SIGHUP)
        check(server, session, 9)
        write(folder, "m2", 3)
        wait_until(lambda: ask(server, session, 2)[0].status_code == 200, "its return")
        check(server, session, 2)
        stop.set()
        thread.join()
        assert not failures, failures[:3]
        assert server.get("/v2/health/ready").status_code == 200


def test_labels_and_what_served_then(tmp_path):
    base = tmp_path / "m"
    for version in (1, 2):
        (base / str(version)).mkdir(parents=True)
        (base / str(version) / "model.json").write_text(small_model(version))
    with serving(tmp_path / "server", {}, config=f"models:\n  - path: {base}\n    versions: all\n") as server:
        rows = {"rows": [{"x": 0, "y": 0}]}
        put = server.put("/api/v1/models/m/labels/stable", {"version": "1", "expected_epoch": 0, "reason": "known good"})
        assert put.status_code == 200, put.text
        first = server.post("/api/v1/models/m/labels/stable/predict", rows).json()
        assert first["version"] == "1" and first["predictions"][0] == pytest.approx(1, rel=1e-6)
        then = put.json()["since"]
        assert server.put("/api/v1/models/m/labels/stable", {"version": "2", "expected_epoch": 99}).status_code == 409
        assert server.put("/api/v1/models/m/labels/stable", {"version": "2", "expected_epoch": put.json()["epoch"]}).status_code == 200
        assert server.post("/api/v1/models/m/labels/stable/predict", rows).json()["version"] == "2"
        missing = server.post("/api/v1/models/m/labels/stabel/predict", rows)
        assert missing.status_code == 404 and "stable" in missing.text
        served = server.get(f"/api/v1/models/m/served?at={then}").json()
        assert served["labels"]["stable"]["version"] == "1" and "known good" in served["labels"]["stable"]["summary"]
        assert served["roles"]["champion"]["version"] == "2" and served["traffic"] is None
        assert server.get("/api/v1/models/m/served?at=2001-01-01T00:00:00Z").json()["roles"] == {}

        # The same on the command line, of one model and of all.
        told = done("timeline", "--url", server.base, "--model", "m", "--at", then)
        assert "champion 2" in told and "label stable 1" in told and "known good" in told and "  by " in told, told
        assert json.loads(done("timeline", "--url", server.base, "--model", "m", "--at", then, "--json")) == served
        today = then.split("T")[1].split(".")[0].rstrip("Z")  # 14:03:07
        every = json.loads(done("timeline", "--url", server.base, "--at", "2001-01-01T00:00:00Z", "--json"))
        assert [m["model"] for m in every["models"]] == ["m"] and every["models"][0]["roles"] == {}
        assert "nothing was served" in done("timeline", "--url", server.base, "--at", "2001-01-01T00:00:00Z")
        assert "m at " in done("timeline", "--url", server.base, "--at", today)
        bad = vigil("timeline", "--url", server.base, "--model", "m", "--at", "yesterday")
        assert bad.returncode == 2 and "14:03" in bad.stderr, bad.stderr
