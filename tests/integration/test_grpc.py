"""HTTP/2 and gRPC through clients that other people wrote: grpcio with its health and reflection packages, curl, h2load; and what no polite
client sends, frame by frame."""
import shutil
import socket
import subprocess
import threading
import time

import grpc
import h2.connection
import h2.events
import pytest
import requests
from conftest import serving
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICES = {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService",
            "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3
BODY = {"rows": [{"amount": 12.5, "nb": 3, "hour": 7}]}


@pytest.fixture(scope="module")
def server(small, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("grpc"), {"fraud": small.champion}) as s:
        yield s


@pytest.fixture(params=["grpc port", "http port"])
def channel(server, request):
    port = server.grpc if request.param == "grpc port" else server.port
    with grpc.insecure_channel(f"127.0.0.1:{port}") as c:
        yield c


def health(channel, service="", **kwargs):
    return health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=10, **kwargs).status


def test_health(channel):
    assert [health(channel, name) for name in ("", "fraud", "grpc.health.v1.Health")] == [SERVING] * 3
    with pytest.raises(grpc.RpcError) as e:
        health(channel, "nothing")
    assert e.value.code() == grpc.StatusCode.NOT_FOUND and "nothing" in e.value.details()


def test_health_with_gzip(channel):
    assert health(channel, "fraud", compression=grpc.Compression.Gzip) == SERVING


def test_unknown_method(channel):
    with pytest.raises(grpc.RpcError) as e:
        channel.unary_unary("/no.Such/Method")(b"", timeout=10)
    assert e.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_deadline_ends_a_stream(channel):
    with pytest.raises(grpc.RpcError) as e:
        list(health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=0.5))
    assert e.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_watch_and_cancel(channel):
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="later"), timeout=30)
    assert next(watch).status == SERVICE_UNKNOWN
    watch.cancel()
    assert health(channel) == SERVING


def test_reflection(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    assert SERVICES <= set(database.get_services())
    method = DescriptorPool(database).FindServiceByName("grpc.health.v1.Health").FindMethodByName("Check")
    assert method.input_type.full_name == "grpc.health.v1.HealthCheckRequest"
    with pytest.raises(KeyError):
        DescriptorPool(database).FindMessageTypeByName("no.Such")


def test_a_thousand_calls_at_once(channel):
    call = channel.unary_unary("/grpc.health.v1.Health/Check")
    futures = [call.future(b"", timeout=30) for _ in range(1000)]
    assert {f.result() for f in futures} == {b"\x08\x01"}


def test_a_stop_tells_who_watches_and_finishes(small, tmp_path):
    with serving(tmp_path, {"fraud": small.champion}) as s, grpc.insecure_channel(f"127.0.0.1:{s.grpc}") as c:
        watch = health_pb2_grpc.HealthStub(c).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == SERVING
        begin = time.monotonic()
        stopping = threading.Thread(target=s.stop)
        stopping.start()
        assert next(watch).status == NOT_SERVING
        with pytest.raises(grpc.RpcError) as e:
            next(watch)
        assert e.value.code() == grpc.StatusCode.UNAVAILABLE
        stopping.join()
        assert time.monotonic() - begin < 10


def test_curl_speaks_http2(server):
    curl = ["curl", "-sS", "--http2-prior-knowledge", "-w", " %{http_version} %{http_code}"]
    r = subprocess.run([*curl, f"{server.base}/v2/health/ready"], capture_output=True, text=True, timeout=20)
    assert r.stdout.endswith(" 2 200"), r
    r = subprocess.run([*curl, "-d", '{"rows":[{"amount":12.5,"nb":3,"hour":7}]}', f"{server.base}/api/v1/models/fraud/predict"],
                       capture_output=True, text=True, timeout=20)
    assert r.stdout.endswith(" 2 200") and '"predictions":[' in r.stdout, r
    r = subprocess.run([*curl, f"http://127.0.0.1:{server.grpc}/v2"], capture_output=True, text=True, timeout=20)
    assert r.stdout.endswith(" 2 415"), r


def test_h2load_on_both_versions(server):
    assert shutil.which("h2load"), "h2load is among tools/setup/packages.txt"
    for version in ([], ["--h1"]):
        r = subprocess.run(["h2load", *version, "-n", "2000", "-c", "4", "-m", "50", f"{server.base}/v2/health/ready"], capture_output=True, text=True,
                           timeout=60)
        assert "2000 succeeded, 0 failed" in r.stdout, r.stdout


# ---- what no polite client sends ----

class Raw:
    """An HTTP/2 client by hand: h2's connection for what is polite, and frames as bytes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.h2 = h2.connection.H2Connection()
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, path="/v2", end=True, **headers):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "x"), *headers.items()], end_stream=end)
        return stream

    def frame(self, kind, flags, stream, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    def ended(self, seconds=10):
        """Whether the server ends the connection."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def attack(self, data, pieces=50):
        """Sends until the server has had enough; True if it had."""
        try:
            for _ in range(pieces):
                self.socket.sendall(data)
        except OSError:
            return True
        return self.ended()


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/statm") as f:
        return int(f.read().split()[1]) * 4096


def unharmed(server):
    begin = time.monotonic()
    assert server.predict("fraud", BODY).status_code == 200
    assert time.monotonic() - begin < 3


HEAD = b"\x82\x86\x84\x41\x01x"  # GET http / x


@pytest.mark.parametrize("flood", ["rapid reset", "ping", "settings", "priority", "empty data", "continuation"])
def test_floods_end_their_connection_only(server, flood):
    before, floods = resident_bytes(server), server.metric("vigil_http2_floods_total")
    raw = Raw(server.port)
    if flood == "rapid reset":
        data = b"".join(raw.frame(1, 5, s, HEAD) + raw.frame(3, 0, s, b"\0\0\0\x08") for s in range(1, 20001, 2))
        assert raw.attack(data, 1)
    elif flood == "continuation":
        assert raw.attack(raw.frame(1, 1, 1, HEAD) + raw.frame(9, 0, 1, b"\0\x01a\x7f\x81\x01" + b"v" * 256) * 2000)
    elif flood == "empty data":
        raw.request("/v2", end=False)
        raw.flush()
        assert raw.attack(raw.frame(0, 0, 1) * 1000)
    else:
        frame = {"ping": raw.frame(6, 0, 0, b"12345678"), "settings": raw.frame(4, 0, 0), "priority": raw.frame(2, 0, 3, b"\0\0\0\x01\x10")}[flood]
        assert raw.attack(frame * 1000)
    unharmed(server)
    if flood != "continuation":  # which nghttp2 ends by itself
        assert server.metric("vigil_http2_floods_total") == floods + 1
    assert resident_bytes(server) - before < 32 << 20


def test_a_huge_header_list_is_431(server):
    raw = Raw(server.port)
    block = HEAD + b"\x40\x01x\x7f\xa1\x1e" + b"v" * 4000 + b"\xbe" * 8000
    raw.socket.sendall(raw.frame(1, 5, 1, block))
    got = raw.socket.recv(1 << 20)
    while b"header_bytes_max" not in got:
        got += raw.socket.recv(1 << 20)
    unharmed(server)


def test_zero_windows_hold_bounded_memory(server):
    before, clients = resident_bytes(server), []
    for _ in range(8):
        raw = Raw(server.port)
        raw.h2.update_settings({4: 0})
        for _ in range(90):
            raw.request("/openapi.json")
        raw.flush()
        clients.append(raw)
    time.sleep(1)
    unharmed(server)
    assert resident_bytes(server) - before < 64 << 20  # a megabyte and an answer each


def test_idle_connections_are_cheap(server):
    wanted = 1000
    before, sockets = resident_bytes(server), []
    for _ in range(wanted):
        sockets.append(Raw(server.grpc))
    while server.metric("vigil_connections_open") < wanted:
        time.sleep(0.05)
    each = (resident_bytes(server) - before) / wanted
    print(f"{each / 1024:.1f} KiB an idle HTTP/2 connection")
    assert each < 19_000  # 10,000 in less than 200 MB
    for raw in sockets:
        raw.socket.close()


def test_http1_and_http2_share_the_port(server):
    raw = Raw(server.port)
    raw.request("/v2/health/ready")
    raw.flush()
    assert requests.get(server.base + "/v2", timeout=10).status_code == 200
    status = None
    while status is None:
        for event in raw.h2.receive_data(raw.socket.recv(65536)):
            if isinstance(event, h2.events.ResponseReceived):
                status = dict(event.headers)[b":status"]
    assert status == b"200"
