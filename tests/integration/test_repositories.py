"""Directories as models: MLflow, folders of numbered versions, repositories; and sources that change under a running server."""
import csv
import json
import math
import shutil
import threading

import pytest
from conftest import COLUMNS, done, kinds, serving, shared, vigil, wait_for

ROW = {**dict.fromkeys(COLUMNS, 1.0), "amount": 500.0, "nb": 9.0}
WATCH = {"VIGIL_WATCH": "100ms"}


def put(model, folder):
    """A version's folder, filled under a hidden name and then renamed, as an upload should be."""
    upload = folder.parent / f".{folder.name}"
    upload.mkdir(parents=True)
    shutil.copy(model, upload / "model.json")
    upload.rename(folder)
    return folder


def answer(server, model="fraud"):
    r = server.predict(model, ROW)
    assert r.status_code == 200, r.text
    return r.json()["version"], r.json()["predictions"][0]


def becomes(server, version, model="fraud"):
    wait_for(lambda: answer(server, model)[0] == version, why=server.log_text)


def read_csv(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def test_an_mlflow_model_is_inspected_scored_and_served(tmp_path):
    fixture = shared("fixtures/models/mlflow_xgboost")
    about = json.loads(done("inspect", fixture / "model", "--json"))
    assert about["format"] == "mlflow/xgboost-ubj"
    assert about["facts"]["model_class"] == "xgboost.core.Booster"
    assert about["facts"]["input_example"].endswith("rows scored at load")
    expected = read_csv(fixture / "expected.csv")
    done("predict", fixture / "model", "--input", fixture / "inputs.csv", "--output", tmp_path / "out.csv")
    scored = read_csv(tmp_path / "out.csv")
    assert len(scored) == len(expected) == 64
    for got, want in zip(scored, expected):
        assert math.isclose(float(got["prediction"]), float(want["prediction"]), rel_tol=1e-6, abs_tol=1e-7)
    rows = [{k: float(v) if v else None for k, v in row.items()} for row in read_csv(fixture / "inputs.csv")[:8]]
    with serving(tmp_path, {"fraud": fixture / "model"}) as server:
        got = server.predict("fraud", {"rows": rows}).json()["predictions"]
    assert got == pytest.approx([float(row["prediction"]) for row in expected[:8]], rel=1e-6)


@pytest.mark.parametrize("name, place", [
    ("mlflow_escape", "flavors.xgboost.data '../../../../etc/passwd' is not inside"),
    ("mlflow_missing_data", "model.ubj"),
    ("mlflow_yaml_bomb", "MLmodel:"),
    ("triton_bad_config", "fraud/config.pbtxt:5:"),
    ("triton_bad_config/fraud", "config.pbtxt:5:"),
    ("triton_no_version", "fraud: has no version"),
    ("directory.json", "directory.json: is a directory"),
    ("directory.onnx", "directory.onnx: is a directory"),
    ("zip.onnx", "zip.onnx"),
])
def test_a_broken_directory_is_refused_with_its_place(tmp_path, name, place):
    path = shared("fixtures/bad_models") / name
    rows = shared("fixtures/models/mlflow_xgboost/inputs.csv")
    for verb in (["inspect", path], ["predict", path, "--input", rows, "--output", tmp_path / "out.csv"],
                 ["serve", path, "--http-port", "0", "--grpc-port", "0", "--state-dir", tmp_path / "state"]):
        r = vigil(*verb, timeout=60)
        assert r.returncode == 4, (verb[0], r.returncode, r.stderr)
        assert place in r.stderr, (verb[0], r.stderr)


def test_a_classifiers_wrapper_answers_labels(small, tmp_path):
    folder = put(small.champion, tmp_path / "wrapped")
    (folder / "MLmodel").write_text("flavors: {xgboost: {data: model.json, model_class: xgboost.sklearn.XGBClassifier}}")
    outputs = json.loads(done("inspect", folder, "--json"))["signature"]["outputs"]
    assert [(o["name"], o["datatype"], o["shape"]) for o in outputs] == [("label", "INT64", [-1]), ("probability", "FP32", [-1, 2])]


def test_versions_come_and_go_in_a_folder(small, tmp_path):
    base = tmp_path / "models" / "fraud"
    put(small.champion, base / "1")
    put(small.better, base / "2")
    with serving(tmp_path / "run", {"fraud": base}, env=WATCH) as server:
        assert answer(server)[0] == "2", "the latest one"
        assert [v["version"] for v in server.get("/api/v1/models/fraud/versions").json()["versions"]] == ["2"]

        put(small.worse, base / "3")
        becomes(server, "3")
        broken = tmp_path / "broken.json"
        broken.write_text(small.better.read_text()[:-200])
        put(broken, base / "4")
        wait_for(lambda: "model.load_failed" in kinds(server), why=server.log_text)
        assert answer(server)[0] == "3", "a version that does not load replaces nothing"
        failed = next(e for e in server.get("/api/v1/timeline?model=fraud&limit=50").json()["events"] if e["kind"] == "model.load_failed")
        assert failed["subject"] == "4" and "model.json" in failed["summary"]

        put(small.champion, base / "5")
        becomes(server, "5")
        decided = server.get("/api/v1/timeline?model=fraud&limit=50").json()["events"]
        assert [(e["subject"], e["by"]) for e in decided if e["kind"] == "role.changed"][0] == ("5", "watch")
        # A rollback goes to the version before, which is still in memory.
        assert server.post("/api/v1/models/fraud/rollback", {}).status_code == 200
        assert answer(server)[0] == "3"
        put(broken, base / "6")
        wait_for(lambda: kinds(server).count("model.load_failed") == 2, why=server.log_text)
    # A broken newest version does not keep the champion of before from serving after a restart either.
    with serving(tmp_path / "run", {"fraud": base}, env=WATCH) as server:
        assert answer(server)[0] == "3"


def test_a_policy_serves_several_versions_of_a_repository(small, tmp_path):
    repository = tmp_path / "repository"
    for version, model in (("1", small.champion), ("2", small.better), ("3", small.worse)):
        put(model, repository / "fraud" / version)
    put(small.better, repository / "other" / "7")
    (repository / "other" / "config.pbtxt").write_text('name: "other"\nbackend: "fil"\nmax_batch_size: 64\n'
                                                       'output [{ name: "score" data_type: TYPE_FP32 dims: [ 1 ] }]\n')
    config = json.dumps({"models": [{"path": str(repository), "versions": "all"}]})
    with serving(tmp_path / "run", {}, config=config) as server:
        assert sorted(m["name"] for m in server.get("/api/v1/models").json()["models"]) == ["fraud", "other"]
        loaded = {v["version"] for v in server.get("/api/v1/models/fraud/versions").json()["versions"] if v["loaded"]}
        assert loaded == {"1", "2", "3"}
        assert answer(server)[0] == "3" and answer(server, "other")[0] == "7"
    r = vigil("inspect", repository)
    assert r.returncode == 4 and "give the folder of one: fraud, other" in r.stderr
    assert json.loads(done("inspect", repository / "other", "--json"))["signature"]["outputs"][0]["name"] == "score"


def test_a_file_that_is_written_over_is_a_new_version(small, tmp_path):
    path = tmp_path / "fraud.json"
    shutil.copy(small.champion, path)
    with serving(tmp_path / "run", {"fraud": path}, env=WATCH) as server:
        assert answer(server)[0] == "1"
        path.write_text(small.better.read_text()[:1000])  # half of an upload
        wait_for(lambda: "model.load_failed" in kinds(server), why=server.log_text)
        assert answer(server)[0] == "1"
        whole = tmp_path / "whole.json"
        shutil.copy(small.better, whole)
        whole.rename(path)
        becomes(server, "2")


def test_swaps_under_load_fail_nobody_and_mix_nothing(small, tmp_path):
    base = tmp_path / "models" / "fraud"
    models = {"1": small.champion, "2": small.better, "3": small.worse}
    for version, model in models.items():
        put(model, base / version)
    config = json.dumps({"models": [{"name": "fraud", "path": str(base), "versions": "all"}]})
    body = {"rows": [ROW, {**ROW, "amount": 3.0}] * 8}
    with serving(tmp_path / "run", {}, config=config) as server:
        def swap(version):
            r = server.put("/api/v1/models/fraud/roles/champion", {"version": version})
            assert r.status_code == 200, r.text

        truth = {}
        for version in models:
            swap(version)
            truth[version] = server.predict("fraud", body).json()["predictions"]
        assert len({json.dumps(t) for t in truth.values()}) == 3
        wrong, counts, stop = [], dict.fromkeys(models, 0), threading.Event()

        def load():
            while not stop.is_set():
                r = server.predict("fraud", body)
                if r.status_code != 200 or r.json()["predictions"] != truth[r.json()["version"]]:
                    wrong.append(r.text)
                    return
                counts[r.json()["version"]] += 1

        thread = threading.Thread(target=load)
        thread.start()
        for i in range(30):
            swap(str(i % 3 + 1))
        stop.set()
        thread.join()
        assert not wrong, wrong[0]
        assert all(counts.values()), counts
