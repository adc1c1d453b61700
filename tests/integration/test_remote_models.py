"""Models behind other servers: another Vigil (oip://), a server in Python alone (oip://), a strict TensorFlow Serving (tfs://)."""
import contextlib
import http.server
import json
import socket
import threading
import time

import pytest

from conftest import shared, vigil


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))


class PythonModel(Handler):
    """All that a model server in Python needs for Vigil in front of it: the mean of three columns."""

    def do_GET(self):
        if self.path != "/v2/models/mean":
            return self.answer(404, {"error": "unknown model"})
        self.answer(200, {"name": "mean", "versions": ["1"], "platform": "python",
                          "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}],
                          "outputs": [{"name": "mean", "datatype": "FP32", "shape": [-1]}]})

    def do_POST(self):
        x = self.body()["inputs"][0]
        rows = [x["data"][i : i + 3] for i in range(0, len(x["data"]), 3)]
        if any(v is not None and v > 1e6 for row in rows for v in row):
            return self.answer(400, {"error": "values go up to a million"})
        data = [sum(v or 0 for v in row) / 3 for row in rows]
        self.answer(200, {"model_name": "mean", "outputs": [{"name": "mean", "datatype": "FP32", "shape": [len(rows)], "data": data}]})


class StrictServing(Handler):
    """TensorFlow Serving's REST form to the letter: what a real one would refuse fails the request."""

    def do_GET(self):
        assert self.path == "/v1/models/half/metadata", self.path
        tensor = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1", "name": ""}, {"size": "2", "name": ""}], "unknown_rank": False}, "name": "x:0"}
        signature = {"inputs": {"x": tensor}, "outputs": {"y": tensor}, "method_name": "tensorflow/serving/predict"}
        self.answer(200, {"model_spec": {"name": "half", "signature_name": "", "version": "5"},
                          "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}}})

    def do_POST(self):
        body = self.body()
        if self.path != "/v1/models/half:predict" or set(body) != {"signature_name", "inputs"} or set(body["inputs"]) != {"x"}:
            return self.answer(400, {"error": f"not a predict request: {self.path} {body}"})
        self.answer(200, {"outputs": [[v / 2 for v in row] for row in body["inputs"]["x"]]})


class Server(http.server.ThreadingHTTPServer):
    """Whose end is the end of its kept connections too; by themselves their threads would go on answering."""

    def __init__(self, *args):
        self.connections = []
        super().__init__(*args)

    def process_request(self, request, client_address):
        self.connections.append(request)
        super().process_request(request, client_address)

    def server_close(self):
        super().server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def listening(handler, port=0):
    server = Server(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_python_only_model_is_served_and_outlives_its_servers_absence(serve):
    with listening(PythonModel) as port:
        front = serve({"mean": f"oip://127.0.0.1:{port}/mean"})
        r = front.predict("mean", {"rows": [{"f0": 1, "f1": 2, "f2": 3}, {"f0": 4, "f1": None, "f2": 8}]})
        assert r.status_code == 200, r.text
        assert r.json()["predictions"] == [2, 4]
        assert len(r.json()["prediction_ids"]) == 2, "the log, the rules and the monitoring are Vigil's"
        r = front.predict("mean", {"rows": [{"f0": 1e7, "f1": 0, "f2": 0}]})
        assert r.status_code >= 400 and "up to a million" in r.text
    for _ in range(7):  # enough to open the circuit
        r = front.predict("mean", {"rows": [{"f0": 1, "f1": 2, "f2": 3}]})
        assert r.status_code == 503, r.text
    assert "in a row" in r.text
    with listening(PythonModel, port):
        end = time.monotonic() + 60
        while (r := front.predict("mean", {"rows": [{"f0": 1, "f1": 2, "f2": 3}]})).status_code != 200:
            assert time.monotonic() < end, f"the circuit never closed: {r.text}"
            time.sleep(0.1)


def test_tensorflow_serving_behind(serve):
    with listening(StrictServing) as port:
        front = serve({"h": f"tfs://127.0.0.1:{port}/half"})
        r = front.predict("h", {"rows": [{"f0": 1, "f1": 2}]})
        assert r.status_code == 200, r.text
        assert r.json()["predictions"] == [[0.5, 1]]


def test_another_vigil_gives_the_same_bits(serve):
    model = shared("fixtures/models/xgboost_fraud/model.json")
    back = serve({"fraud": model})
    front = serve({"fraud": f"oip://127.0.0.1:{back.port}/fraud"})
    width = back.get("/v2/models/fraud").json()["inputs"][0]["shape"][1]
    rows = [[(r * 7 + c) % 13 / 3 for c in range(width)] for r in range(20)]
    rows[3][2] = None
    body = {"inputs": [{"name": "input", "datatype": "FP32", "shape": [20, width], "data": [v for row in rows for v in row]}]}
    theirs, ours = (s.post("/v2/models/fraud/infer", body) for s in (back, front))
    assert theirs.status_code == ours.status_code == 200, ours.text
    assert theirs.json()["outputs"][0]["data"] == ours.json()["outputs"][0]["data"]


@pytest.mark.parametrize("url,code,words", [
    ("oip://127.0.0.1:1/m", 1, "127.0.0.1:1"),
    ("oip://127.0.0.1/m", 4, "expected oip://host:port/model"),
    ("tfs://127.0.0.1:80", 4, "no model"),
])
def test_what_cannot_be_reached_is_named(url, code, words):
    r = vigil("inspect", url)
    assert r.returncode == code, r.stderr
    assert words in r.stderr


def test_inspect_tells_what_the_server_told():
    with listening(StrictServing) as port:
        r = vigil("inspect", f"tfs://127.0.0.1:{port}/half", "--json")
        assert r.returncode == 0, r.stderr
        answer = json.loads(r.stdout)
        assert answer["format"] == "remote-tfs" and answer["signature"]["inputs"][0]["shape"] == [-1, 2]
        r = vigil("inspect", f"tfs://127.0.0.1:{port}/half", "--signature", "serving")
        assert r.returncode == 4 and "serving_default" in r.stderr
