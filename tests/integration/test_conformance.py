"""The shared conformance kit, which drives a server through clients that other people wrote: the parts that apply today.

The kit's robustness and metrics tests address an ONNX model that is not served yet (`addsub`, two INT32 tensors). They are about HTTP and
not about that model, so they run here from a copy in which the kit's own XGBoost model `iris` stands in for it.
"""
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import BINARY, shared

TIMEOUT_S = 240
# name -> why it is left out today
LEFT_OUT = {
    "test_h2_prior_knowledge": "wants the add-and-subtract model's own answer; test_grpc.py sends the same with curl",
    "test_grpc_on_http_port": "the Open Inference Protocol is not served over gRPC yet",
    "test_grpc_and_http1_same_port_same_time": "the Open Inference Protocol is not served over gRPC yet",
    "test_gzip_bomb": "compressed request bodies are refused with 415, which the test does not foresee",
    "test_document_covers_the_routes": "wants TensorFlow Serving's routes, which are not served yet",
    "test_schemathesis": "schemathesis is not among the test tools; test_api.py holds answers against the document's schemas",
    "test_promtool": "promtool is not among the test tools",
}
ROW = [5.1, 3.5, 1.4, 0.2]
IRIS_BODY = f'json.dumps({{"inputs": [{{"name": "input", "datatype": "FP32", "shape": [1, 4], "data": {ROW}}}]}}).encode()'


def run_kit(folder, files):
    """Runs the kit's `files` from `folder` against the binary. Returns its summary; fails with its report."""
    deselect = " and ".join(f"not {name}" for name in LEFT_OUT)
    r = subprocess.run([sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rfEs", "--tb=short", "-k", deselect, *files], cwd=folder,
                       capture_output=True, text=True, timeout=TIMEOUT_S,
                       env={**os.environ, "CONF_MODELS": "iris", "VIGIL_BIN": str(BINARY), "PYTEST_ADDOPTS": ""})
    summary = r.stdout.strip().splitlines()[-1] if r.stdout.strip() else r.stderr[-500:]
    print(f"\n{', '.join(files)}: {summary}")
    assert r.returncode == 0, r.stdout[-6000:] + r.stderr[-1000:]
    skipped = re.findall(r"^SKIPPED .*$", r.stdout, re.M)
    assert not skipped, "left out without being listed here: " + "; ".join(skipped)
    return int(re.search(r"(\d+) passed", summary).group(1))


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """A copy of the kit in which `iris` stands in for the models that are not served."""
    source = shared("conformance")
    folder = tmp_path_factory.mktemp("kit") / "conformance"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("node", ".t*", "__pycache__", "peers"))
    for name in ("test_http_robustness.py", "test_prometheus.py"):
        text = (folder / name).read_text()
        text, bodies = re.subn(r"^BODY = .*$", "BODY = " + IRIS_BODY.replace("\\", "\\\\"), text, flags=re.M)
        text, inputs = re.subn(r'body = \{"inputs": \[\{"name": n.*$', "body = json.loads(" + IRIS_BODY + ")", text, flags=re.M)
        assert bodies + inputs == 1, f"{name} has changed: no request body to stand in for"
        text = text.replace("%61ddsub", "%69ris").replace("%2561ddsub", "%2569ris").replace("addsub", "iris").replace("mlp", "iris")
        (folder / name).write_text(("import json\n" if inputs else "") + text)
    return folder


def test_mlflow_clients():
    "MLflow's own scoring client and every body it documents: the kit as it is, nothing left out"
    assert run_kit(shared("conformance"), ["test_mlflow_invocations.py"]) >= 30


def test_http_robustness(kit):
    "malformed requests, smuggling, limits, slow clients, pipelining"
    assert run_kit(kit, ["test_http_robustness.py"]) >= 65


def test_prometheus_parsers(kit):
    assert run_kit(kit, ["test_prometheus.py"]) >= 14


def test_openapi_document(kit):
    assert run_kit(kit, ["test_openapi.py"]) >= 3


def test_what_is_left_out_exists(kit):
    "a test that was renamed or removed must not stay listed"
    text = "".join(p.read_text() for p in kit.glob("test_*.py"))
    assert [name for name in LEFT_OUT if f"def {name}(" not in text] == []
    print("\nleft out today: " + json.dumps(LEFT_OUT, indent=1))
