"""ModelInfer against grpc++, and the Open Inference Protocol's REST forms against our own predict route: h2load, 8 connections of 32 streams, the
server on one core and the client on another, rounds interleaved.

    .deps/venv/bin/python bench/grpc_bench.py [--rounds 7] [--requests 100000]

The request is one row of 15 floats with an id. Ours is decoded, validated, scored by 100 trees and logged; grpc++ gives the bytes back. Ratios are
medians over the rounds: of requests a second, and of the server's processor time a request, which the client cannot bound. Exits 1 where an
answer is wrong; says what is missing and skips grpc++ where build/bin/grpc_echo was not built (bench/CMakeLists.txt).
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import grpc
import numpy as np
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from predict_bench import BINARY, COLUMNS, ROOT, model_text

METHOD = "/inference.GRPCInferenceService/ModelInfer"
CONNECTIONS, STREAMS = 8, 32
ROW = [round(0.05 * i, 2) for i in range(len(COLUMNS))]
TICKS = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(command, **kwargs):
    process = subprocess.Popen(["taskset", "-c", "0", *map(str, command)], **kwargs)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(40)


def until(what, seconds=30):
    end = time.monotonic() + seconds
    while not (value := what()):
        if time.monotonic() > end:
            sys.exit("grpc_bench: the server does not start")
        time.sleep(0.01)
    return value


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(process, requests, body, url, *headers):
    """Requests a second, and the server's microseconds of processor time a request."""
    before = cpu_seconds(process)
    arguments = [a for h in headers for a in ("-H", h)]
    out = subprocess.run(["taskset", "-c", "1", "h2load", "-c", str(CONNECTIONS), "-m", str(STREAMS), "-n", str(requests), "-d", body, *arguments, url],
                         capture_output=True, text=True, check=True).stdout
    spent = cpu_seconds(process) - before
    if f"{requests} succeeded, 0 failed, 0 errored" not in out:
        sys.exit(f"grpc_bench: {url}\n{out}")
    return float(re.search(r"([\d.]+) req/s", out).group(1)), spent / requests * 1e6


def infer_message(address):
    """The request, of the descriptors that the server reflects, once its answer is what the model says."""
    with grpc.insecure_channel(address) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        request, answer = (message_factory.GetMessageClass(pool.FindMessageTypeByName(f"inference.ModelInfer{k}")) for k in ("Request", "Response"))
        row = np.array([ROW], np.float32)
        message = request(model_name="bench", id="1", inputs=[{"name": "row", "datatype": "FP32", "shape": row.shape}],
                          raw_input_contents=[row.tobytes()]).SerializeToString()
        got = answer.FromString(channel.unary_unary(METHOD)(message, timeout=20))
        return message, np.frombuffer(got.raw_output_contents[0], np.float32)[0]


def median(values):
    return statistics.median(values)


def report(name, rounds, base, wanted):
    """Each round's pair as a ratio."""
    rate = median([r / b for (r, _), (b, _) in zip(rounds, base)])
    cpu = median([b / r for (_, r), (_, b) in zip(rounds, base)])
    print(f"{name}: {rate:.2f} by requests, {cpu:.2f} by the server's processor time (wanted {wanted})")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--requests", type=int, default=100_000)
    given = options.parse_args()
    echo = ROOT / "build/bin/grpc_echo"
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "model.json").write_text(model_text())
        port_file = folder / "ports.json"
        server = stack.enter_context(running([BINARY, "serve", f"bench={folder / 'model.json'}", "--http-port", "0", "--grpc-port", "0", "--threads", "1",
                                              "--state-dir", folder / "state", "--port-file", port_file], stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL))
        ports = json.loads(until(lambda: port_file.exists() and port_file.read_text()))
        http = f"http://127.0.0.1:{ports['http']}"
        message, prediction = infer_message(f"127.0.0.1:{ports['grpc']}")
        bodies = {"grpc": b"\0" + struct.pack(">I", len(message)) + message,
                  "own": json.dumps({"rows": [dict(zip(COLUMNS, ROW))]}).encode(),
                  "json": json.dumps({"inputs": [{"name": "row", "datatype": "FP32", "shape": [1, len(ROW)], "data": ROW}]}).encode()}
        head = json.dumps({"inputs": [{"name": "row", "datatype": "FP32", "shape": [1, len(ROW)], "parameters": {"binary_data_size": 4 * len(ROW)}}],
                           "parameters": {"binary_data_output": True}}).encode()
        bodies["binary"] = head + np.array(ROW, np.float32).tobytes()
        for name, body in bodies.items():
            (folder / name).write_bytes(body)
        call = ("content-type: application/grpc", "te: trailers")
        kinds = {"grpc": (server, folder / "grpc", f"http://127.0.0.1:{ports['grpc']}{METHOD}", *call),
                 "own": (server, folder / "own", http + "/api/v1/models/bench/predict", "content-type: application/json"),
                 "json": (server, folder / "json", http + "/v2/models/bench/infer", "content-type: application/json"),
                 "binary": (server, folder / "binary", http + "/v2/models/bench/infer", f"inference-header-content-length: {len(head)}")}
        if echo.exists():
            peer = stack.enter_context(running([echo], stdout=subprocess.PIPE, text=True))
            kinds["grpc++"] = (peer, folder / "grpc", f"http://127.0.0.1:{int(peer.stdout.readline())}{METHOD}", *call)
        else:
            print("build/bin/grpc_echo is absent: libgrpc++-dev and protobuf-compiler-grpc build it")
        print(f"a request of {len(message)} bytes, answered {prediction:.4f}; {CONNECTIONS} connections of {STREAMS} streams")
        measured = {kind: [] for kind in kinds}
        for kind in kinds:
            load(kinds[kind][0], given.requests // 10, *kinds[kind][1:])  # warm
        for _ in range(given.rounds):
            for kind, (process, body, *rest) in kinds.items():
                requests = given.requests // 5 if kind == "grpc++" else given.requests
                measured[kind].append(load(process, requests, body, *rest))
        for kind, rounds in measured.items():
            print(f"{kind:8} {median([r for r, _ in rounds]):>10,.0f} requests/s {median([c for _, c in rounds]):>7.2f} us of the server's a request")
        if "grpc++" in measured:
            report("ModelInfer to grpc++'s echo", measured["grpc"], measured["grpc++"], "5")
        report("OIP JSON to our own route", measured["json"], measured["own"], "0.9")
        report("OIP binary to our own route", measured["binary"], measured["own"], "0.9")


if __name__ == "__main__":
    main()
