"""What SageMaker, Vertex AI and Azure ML do around a container: how it starts, where the model and the port come from, models that come and go
while it serves. The dialects' bodies are in test_conformance.py, through the platforms' own clients."""
import concurrent.futures
import json
import os
import socket
import subprocess

import pytest
import requests
from conftest import BINARY, serving, vigil, wait_for


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("many"), {}, env={"SAGEMAKER_MULTI_MODEL": "true"}) as server:
        yield server


def test_starts_empty_for_many_models_only(many, tmp_path):
    assert many.get("/ping").status_code == 200
    assert many.get("/models").json() == {"models": []}
    r = vigil("serve", "--http-port", "0", "--state-dir", tmp_path / "state", timeout=30)
    assert r.returncode == 2 and "no model" in r.stderr


def test_pages(many, small):
    for i in range(5):
        assert many.post("/models", {"model_name": f"m{i}", "url": str(small.champion)}).status_code == 200
    first = many.get("/models", params={"limit": 2}).json()
    second = many.get("/models", params={"limit": 2, "next_page_token": first["nextPageToken"]}).json()
    third = many.get("/models", params={"limit": 2, "next_page_token": second["nextPageToken"]}).json()
    assert [m["modelName"] for page in (first, second, third) for m in page["models"]] == [f"m{i}" for i in range(5)]
    assert "nextPageToken" not in third
    for i in range(5):
        assert many.post("/models", {"model_name": f"m{i}", "url": "/no/such"}).status_code == 409
        assert requests.delete(f"{many.base}/models/m{i}").status_code == 200
        assert many.get("/ping").status_code == 200
    assert many.get("/models").json() == {"models": []}


def test_one_of_many_that_ask_at_once_wins(many, small):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(lambda _: many.post("/models", {"model_name": "one", "url": str(small.champion)}).status_code, range(4)))
    assert codes == [200, 409, 409, 409]
    assert requests.delete(f"{many.base}/models/one").status_code == 200


def test_a_model_larger_than_memory_is_507(many, tmp_path):
    big = tmp_path / "big"
    big.mkdir()
    with open(big / "model.json", "wb") as f:
        f.truncate(1 << 43)  # a hole: nothing of it is on disk
    r = many.post("/models", {"model_name": "big", "url": str(big)})
    assert r.status_code == 507 and "left in memory" in r.json()["message"]
    assert many.get("/models/big").status_code == 404


def test_another_artefact_under_an_old_name(many, small):
    "what a name means is what was loaded last; its history stays"
    for path in (small.champion, small.better, small.champion):
        assert many.post("/models", {"model_name": "again", "url": str(path)}).status_code == 200
        assert many.get("/models/again").json() == {"modelName": "again", "modelUrl": str(path)}
        assert requests.delete(f"{many.base}/models/again").status_code == 200
    assert [v["version"] for v in many.get("/api/v1/models/again/versions").json()["versions"]] == ["1", "2"]


def test_withdrawn_models_stay_away_after_a_restart(small, tmp_path):
    with serving(tmp_path, {"base": small.champion}) as server:
        assert server.post("/models", {"model_name": "more", "url": str(small.champion)}).status_code == 200
        assert server.post("/models", {"model_name": "less", "url": str(small.champion)}).status_code == 200
        assert requests.delete(f"{server.base}/models/less").status_code == 200
    with serving(tmp_path, {"base": small.champion}) as server:
        assert [m["modelName"] for m in server.get("/models").json()["models"]] == ["base", "more"]
        assert server.get("/ping").status_code == 200


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.parametrize("variables", [["AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT", "PORT"], ["SAGEMAKER_BIND_TO_PORT", "PORT"], ["PORT"]],
                         ids=lambda v: v[0])
def test_the_first_of_the_platforms_ports(small, tmp_path, variables):
    ports = [free_port() for _ in variables]
    port_file = tmp_path / "ports.json"
    process = subprocess.Popen([str(BINARY), "serve", str(small.champion), "--grpc-port", "0", "--state-dir", str(tmp_path / "state"),
                                "--port-file", str(port_file)], env={**os.environ, **dict(zip(variables, map(str, ports)))})
    try:
        wait_for(port_file.exists)
        assert json.loads(port_file.read_text())["http"] == ports[0]
    finally:
        process.terminate()
        process.wait(40)


@pytest.mark.parametrize("variable", ["AIP_STORAGE_URI", "AZUREML_MODEL_DIR", "VIGIL_MODELS"])
def test_the_platforms_place_of_the_model(small, tmp_path, variable):
    with serving(tmp_path, {}, env={variable: str(small.champion)}) as server:
        assert len(server.get("/v2/models").json()["models"]) == 1


def test_a_route_that_is_no_path_is_bad_configuration(small, tmp_path):
    r = vigil("serve", small.champion, "--http-port", "0", "--state-dir", tmp_path / "state", env={"AIP_PREDICT_ROUTE": "/{x}"}, timeout=30)
    assert r.returncode == 3 and "AIP_PREDICT_ROUTE" in r.stderr
