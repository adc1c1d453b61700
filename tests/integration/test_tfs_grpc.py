"""TensorFlow Serving's gRPC services with messages that reflection tells, so that no TensorFlow is needed; labels; models.config, and its change
at run time. Stock clients: tests/integration/test_conformance.py."""
import shutil
import signal

import grpc
import numpy as np
import pytest
from conftest import serving, vigil, wait_for
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

ROW = [12.5, 3.0, 7.0]
DT_FLOAT, AVAILABLE, END = 1, 30, 50


class Client:
    """Calls of tensorflow.serving by name, with messages made by the server's own descriptors."""

    def __init__(self, port):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))

    def message(self, name, **fields):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))(**fields)

    def call(self, service, method, request, **kwargs):
        found = self.pool.FindServiceByName(f"tensorflow.serving.{service}").FindMethodByName(method)
        answer = message_factory.GetMessageClass(found.output_type)
        return self.channel.unary_unary(f"/tensorflow.serving.{service}/{method}", request_serializer=lambda m: m.SerializeToString(),
                                        response_deserializer=answer.FromString)(request, timeout=30, **kwargs)

    def request(self, kind, model, version=None, label=None):
        r = self.message(f"tensorflow.serving.{kind}Request")
        r.model_spec.name = model
        if version is not None:
            r.model_spec.version.value = version
        if label is not None:
            r.model_spec.version_label = label
        return r

    def predict(self, model="fraud", rows=(ROW,), version=None, label=None, tensors=None, **kwargs):
        r = self.request("Predict", model, version, label)
        for name, values in (tensors or {"input": rows}).items():
            array = np.array(values, np.float32)
            t = r.inputs[name]
            t.dtype = DT_FLOAT
            for size in array.shape:
                t.tensor_shape.dim.add(size=size)
            t.tensor_content = array.tobytes()
        return self.call("PredictionService", "Predict", r, **kwargs)

    def examples(self, method, model, rows):
        kind = {"Classify": "Classification", "Regress": "Regression"}[method]
        r = self.request(kind, model)
        for row in rows:
            example = r.input.example_list.examples.add()
            for name, value in row.items():
                example.features.feature[name].float_list.value.append(value)
        return self.call("PredictionService", method, r)

    def states(self, model, **which):
        answer = self.call("ModelService", "GetModelStatus", self.request("GetModelStatus", model, **which))
        return {s.version: s.state for s in answer.model_version_status}

    def reload(self, models):
        r = self.message("tensorflow.serving.ReloadConfigRequest")
        config = r.config.model_config_list
        config.SetInParent()
        for name, (path, versions, labels) in models.items():
            c = config.config.add(name=name, base_path=str(path), model_platform="tensorflow")
            if versions:
                c.model_version_policy.specific.versions.extend(versions)
            for label, version in labels.items():
                c.version_labels[label] = version
        return self.call("ModelService", "HandleReloadConfigRequest", r).status.error_code


def code(call):
    with pytest.raises(grpc.RpcError) as e:
        call()
    return e.value.code().name, e.value.details()


@pytest.fixture(scope="module")
def server(small, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("tfs_grpc"), {"fraud": small.champion}) as s:
        yield s


@pytest.fixture(scope="module", params=["grpc port", "http port"])
def client(server, request):
    return Client(server.grpc if request.param == "grpc port" else server.port)


def rest(server, rows, path=""):
    return server.post(f"/v1/models/fraud{path}:predict", {"instances": [list(r) for r in rows]}).json()["predictions"]


def test_answers_as_rest_does(client, server):
    rows = [ROW, [900.0, 12.0, 3.0], [0.5, 1.0, 23.0]]
    answer = client.predict(rows=rows)
    (name, tensor), = answer.outputs.items()
    assert list(tensor.float_val) == pytest.approx(rest(server, rows)) and list(d.size for d in tensor.tensor_shape.dim)[0] == 3
    assert answer.model_spec.name == "fraud" and answer.model_spec.version.value == 1 and answer.model_spec.signature_name == "serving_default"
    names = server.get("/v2/models/fraud").json()
    assert name == names["outputs"][0]["name"]


def test_columns_examples_and_classes(client, server):
    columns = dict(zip(("amount", "nb", "hour"), ([r] for r in ROW)))
    want = rest(server, [ROW])[0]
    tensor, = client.predict(tensors=columns).outputs.values()
    assert tensor.float_val[0] == pytest.approx(want)
    row = {name: values[0] for name, values in columns.items()}
    assert client.examples("Regress", "fraud", [row]).result.regressions[0].value == pytest.approx(want)
    classes = client.examples("Classify", "fraud", [row]).result.classifications[0].classes
    assert {c.label: c.score for c in classes} == pytest.approx({"0": 1 - want, "1": want})


def test_ids_reach_the_log_and_metrics_count(client, server):
    before = server.metric("vigil_requests_total", dialect="tfs_grpc", code="200")
    client.predict(metadata=(("x-vigil-ids", "tfs-7"), ("x-request-id", "r-7")))
    assert server.metric("vigil_requests_total", dialect="tfs_grpc", code="200") == before + 1
    labelled = server.post("/api/v1/labels", {"labels": [{"id": "tfs-7", "label": 1}]}).json()
    assert labelled["accepted"] == 1


@pytest.mark.parametrize("change, want, text", [
    (dict(model="fruad"), "NOT_FOUND", "Servable not found for request: Latest(fruad)"),
    (dict(version=9), "NOT_FOUND", "Servable not found for request: Specific(fraud, 9)"),
    (dict(label="nope"), "INVALID_ARGUMENT", "Unrecognized servable version label: nope"),
    (dict(tensors={"z": [ROW]}), "INVALID_ARGUMENT", "input size does not match signature"),
    (dict(rows=[ROW[:2]]), "INVALID_ARGUMENT", "shape"),
])
def test_errors(client, change, want, text):
    got, details = code(lambda: client.predict(**change))
    assert got == want and text in details


def test_streams_are_not_offered(client):
    got, _ = code(lambda: client.channel.unary_unary("/tensorflow.serving.PredictionService/PredictStreamed")(b"", timeout=10))
    assert got == "UNIMPLEMENTED"


# ---- labels and models.config ----

def put(model, folder):
    folder.mkdir(parents=True)
    shutil.copy(model, folder / "model.json")


@pytest.fixture
def base(small, tmp_path):
    put(small.champion, tmp_path / "fraud/1")
    put(small.better, tmp_path / "fraud/2")
    return tmp_path / "fraud"


def version_of(client, **which):
    return client.predict(**which).model_spec.version.value


def test_labels_of_the_configuration(base, tmp_path):
    config = f"models:\n- {{name: fraud, path: {base}, versions: all, version_labels: {{stable: 1, canary: 2}}}}\n"
    with serving(tmp_path / "server", {}, config=config) as s:
        client = Client(s.grpc)
        assert version_of(client) == 2
        assert (version_of(client, label="stable"), version_of(client, label="canary")) == (1, 2)
        assert rest(s, [ROW], "/labels/stable") == rest(s, [ROW], "/versions/1") != rest(s, [ROW], "/labels/canary")
        assert client.states("fraud", label="stable") == {1: AVAILABLE}
        assert s.get("/v1/models/fraud/labels/canary").json()["model_version_status"][0]["version"] == "2"
        assert s.get("/v1/models/fraud/labels/nope").status_code == 400
    missing = config.replace("canary: 2", "canary: 7")
    (tmp_path / "vigil.yaml").write_text(missing)
    r = vigil("serve", "--config", tmp_path / "vigil.yaml", "--http-port", "0", "--grpc-port", "0", "--state-dir", tmp_path / "other")
    assert r.returncode == 3 and "version 7 of model fraud" in r.stderr + r.stdout
    (tmp_path / "vigil.yaml").write_text(config.replace("version_labels", "version_lables"))
    r = vigil("serve", "--config", tmp_path / "vigil.yaml", "--state-dir", tmp_path / "other")
    assert r.returncode == 3 and "did you mean \"version_labels\"" in r.stderr + r.stdout


@pytest.mark.parametrize("flag", ["--model-config-file", "--model_config_file"])
def test_models_config(base, tmp_path, flag):
    file = tmp_path / "models.config"
    file.write_text(f"""model_config_list {{ config {{ name: "fraud" base_path: "{base}" model_platform: "tensorflow"
      model_version_policy {{ specific {{ versions: 1 versions: 2 }} }} version_labels {{ key: "stable" value: 1 }} }} }}""")
    with serving(tmp_path / "server", {}, args=[flag, file]) as s:
        client = Client(s.grpc)
        assert client.states("fraud") == {2: AVAILABLE, 1: AVAILABLE}
        assert version_of(client) == 2 and version_of(client, label="stable") == 1
        file.write_text(file.read_text().replace("value: 1", "value: 2"))
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: version_of(client, label="stable") == 2, why=s.log_text)
    file.write_text("model_config_list { config { nmae: 'x' } }")
    r = vigil("serve", flag, file, "--state-dir", tmp_path / "other")
    assert r.returncode == 2 and "did you mean" in r.stderr + r.stdout


def test_the_list_changes_while_it_serves(base, small, tmp_path):
    with serving(tmp_path / "server", {"own": small.champion}) as s:
        client = Client(s.grpc)
        assert client.reload({"fraud": (base, [1], {"stable": 1})}) == 0
        assert version_of(client) == 1 and version_of(client, label="stable") == 1
        assert client.reload({"fraud": (base, [1, 2], {"stable": 1, "canary": 2})}) == 0
        assert (version_of(client), version_of(client, label="stable"), version_of(client, label="canary")) == (2, 1, 2)
        assert client.reload({"fraud": (base, [1], {"stable": 1})}) == 0
        assert version_of(client) == 1 and client.states("fraud") == {2: END, 1: AVAILABLE}
        assert code(lambda: version_of(client, label="canary"))[0] == "INVALID_ARGUMENT"
        got, details = code(lambda: client.reload({"own": (base, None, {})}))
        assert got == "FAILED_PRECONDITION" and "own" in details and version_of(client) == 1
        got, details = code(lambda: client.reload({"fraud": (base, [1], {"stable": 9})}))
        assert got == "FAILED_PRECONDITION" and "version 9 of model fraud" in details
        got, details = code(lambda: client.reload({"fraud": ("models/fraud", None, {})}))
        assert got == "INVALID_ARGUMENT" and "absolute path" in details
        got, _ = code(lambda: client.reload({"fraud": (base, [1], {}), "ghost": (tmp_path / "nothing", None, {})}))
        assert got == "NOT_FOUND" and version_of(client) == 1
        assert client.reload({}) == 0
        assert code(lambda: version_of(client))[0] == "NOT_FOUND" and version_of(client, model="own") == 1


def test_a_model_that_is_loaded_on_demand_is_available(base, tmp_path):
    config = f"registry: {{load: on_demand}}\nmodels:\n- {{name: fraud, path: {base}, versions: all, version_labels: {{stable: 1}}}}\n"
    with serving(tmp_path / "server", {}, config=config) as s:
        client = Client(s.grpc)
        assert client.states("fraud") == {2: AVAILABLE, 1: AVAILABLE}
        assert [v["state"] for v in s.get("/v1/models/fraud").json()["model_version_status"]] == ["AVAILABLE"] * 2
        assert not s.get("/api/v1/models/fraud").json()["loaded"]
        assert version_of(client, label="stable") == 1 and version_of(client) == 2
