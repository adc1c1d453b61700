"""ONNX models as `vigil inspect` tells them: which engine and why, what is refused and where, what is said without ONNX Runtime."""
import json

import pytest
from conftest import done, shared, vigil

EXIT_FAILED, EXIT_BAD_MODEL = 1, 4
LIFTED = {"onnx_lightgbm": "model.onnx", "onnx_xgboost": "model.onnx", "sklearn_histgb": "model.onnx", "sklearn_randomforest": "model.onnx"}
OTHERS = {"mlp": "model.onnx", "sklearn_isolation_forest": "model.onnx", "sklearn_logreg": "model.onnx", "sklearn_logreg_zipmap": "model.onnx",
          "triton_mlp": "repository/fraud_mlp/1/model.onnx"}
NO_LIBRARY = {"VIGIL_ONNXRUNTIME_LIB": "/nowhere/libonnxruntime.so"}


@pytest.fixture(scope="module")
def onnxruntime():
    found = {f["name"]: f["ok"] for f in json.loads(vigil("doctor", "--json").stdout)}
    if not found["libonnxruntime.so"]:
        pytest.skip("ONNX Runtime is not there")


@pytest.mark.parametrize("name", LIFTED)
def test_tree_ensembles_are_lifted(name, onnxruntime):
    told = json.loads(done("inspect", shared(f"fixtures/models/{name}/{LIFTED[name]}"), "--json"))
    assert told["format"] == "onnx" and told["engine"] not in ("onnxruntime", "reference")
    assert "agrees with ONNX Runtime" in told["engine_reason"]
    assert [o["name"] for o in told["signature"]["outputs"]] == ["label", "probabilities"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_graphs_are_onnx_runtimes(name, onnxruntime):
    path = shared(f"fixtures/models/{name}/{OTHERS[name]}")
    told = json.loads(done("inspect", path, "--json"))
    assert told["engine"] == "onnxruntime" and "not lifted" in told["engine_reason"]
    assert "CPUExecutionProvider" in told["facts"]["providers"]
    meta = json.loads((shared(f"fixtures/models/{name}/meta.json")).read_text())
    assert [i["name"] for i in told["signature"]["inputs"]] == [i["name"] for i in meta["inputs"]]


def test_without_the_library(onnxruntime):
    "trees are served unchecked, and say so; anything else ends with the command that installs it"
    told = json.loads(done("inspect", shared("fixtures/models/onnx_xgboost/model.onnx"), "--json", env=NO_LIBRARY))
    assert told["engine"] != "onnxruntime" and "not checked" in told["engine_reason"]
    r = vigil("inspect", shared("fixtures/models/mlp/model.onnx"), env=NO_LIBRARY)
    assert r.returncode == EXIT_FAILED and "pip install" in r.stderr and "VIGIL_ONNXRUNTIME_LIB" in r.stderr


PLACES = {"tree_child_missing": "node 9", "tree_cycle": "cycle", "tree_feature_range": "feature 70000 of 2", "unknown_operator": "FancyMatMul",
          "custom_domain": "com.example", "opset_999": "opset 999", "external_data_escape": "outside the model's folder",
          "external_data_missing": "cannot be read", "empty": "empty", "garbage": "model", "truncated": "at byte", "zip": "ZIP",
          "directory": "directory"}


@pytest.mark.parametrize("name", PLACES)
def test_malformed_models(name, onnxruntime):
    r = vigil("inspect", shared(f"fixtures/bad_models/{name}.onnx"))
    assert r.returncode == EXIT_BAD_MODEL, r.stderr
    assert f"{name}.onnx" in r.stderr and PLACES[name] in r.stderr
