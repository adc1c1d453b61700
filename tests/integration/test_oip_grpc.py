"""inference.GRPCInferenceService through grpcio, by the descriptors that the server itself reflects: what a client that has nothing but an address
can do. The stock clients of Triton, KServe and MLServer bring descriptors of their own with the same field numbers."""
import struct
import threading

import grpc
import numpy as np
import pytest
from conftest import serving, wait_for
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "inference.GRPCInferenceService"
METHODS = {"ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer", "ModelStreamInfer", "ModelConfig",
           "ModelStatistics", "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload", "SystemSharedMemoryStatus",
           "SystemSharedMemoryRegister", "SystemSharedMemoryUnregister", "CudaSharedMemoryStatus", "CudaSharedMemoryRegister",
           "CudaSharedMemoryUnregister", "TraceSetting", "LogSettings"}
ROW = [12.5, 3, 7]


class Client:
    """Each method of the service as a function of a dict of fields."""

    def __init__(self, channel):
        self.channel = channel
        self.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        self.service = self.pool.FindServiceByName(SERVICE)

    def message(self, kind, /, **fields):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(f"inference.{kind}"))(**fields)

    def method(self, name):
        m = self.service.FindMethodByName(name)
        request, answer = message_factory.GetMessageClass(m.input_type), message_factory.GetMessageClass(m.output_type)
        make = self.channel.stream_stream if m.server_streaming else self.channel.unary_unary
        return request, make(f"/{SERVICE}/{name}", request_serializer=request.SerializeToString, response_deserializer=answer.FromString)

    def call(self, method, /, timeout=20, metadata=None, **fields):
        request, call = self.method(method)
        return call(request(**fields), timeout=timeout, metadata=metadata)

    def infer_request(self, rows, raw=True, model="fraud", **fields):
        rows = np.asarray(rows, np.float32)
        tensor = {"name": "rows", "datatype": "FP32", "shape": list(rows.shape)}
        if raw:
            fields["raw_input_contents"] = [rows.tobytes()]
        else:
            tensor["contents"] = {"fp32_contents": rows.ravel().tolist()}
        return self.message("ModelInferRequest", model_name=model, inputs=[tensor], **fields)

    def infer(self, rows, timeout=20, metadata=None, **fields):
        return self.method("ModelInfer")[1](self.infer_request(rows, **fields), timeout=timeout, metadata=metadata)


@pytest.fixture(params=["grpc port", "http port"])
def client(server, request):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc if request.param == 'grpc port' else server.port}") as channel:
        yield Client(channel)


def fails(code, call):
    with pytest.raises(grpc.RpcError) as e:
        call()
    assert e.value.code() == code, e.value
    return e.value.details()


def predictions(answer):
    assert len(answer.raw_output_contents) == len(answer.outputs)
    return np.frombuffer(answer.raw_output_contents[0], np.float32)


def test_the_service_is_reflected_whole(client):
    assert {m.name for m in client.service.methods} == METHODS


def test_health_and_metadata(client):
    assert client.call("ServerLive").live and client.call("ServerReady").ready
    assert client.call("ModelReady", name="fraud").ready and client.call("ModelReady", name="fraud", version="1").ready
    assert not client.call("ModelReady", name="frauds").ready
    metadata = client.call("ServerMetadata")
    assert metadata.name == "vigil" and "model_repository" in metadata.extensions
    model = client.call("ModelMetadata", name="fraud")
    assert list(model.versions) == ["1"] and model.inputs and model.outputs
    config = client.call("ModelConfig", name="fraud").config
    assert config.name == "fraud" and config.max_batch_size > 1 and len(config.input) == len(model.inputs)
    assert "did you mean \"fraud\"" in fails(grpc.StatusCode.NOT_FOUND, lambda: client.call("ModelMetadata", name="frauds"))


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
def test_infer_answers_as_rest_does(server, client, raw):
    rows = [ROW, [300, 9, 2]]
    want = server.predict("fraud", {"columns": ["amount", "nb", "hour"], "data": rows}).json()["predictions"]
    answer = client.infer(rows, raw=raw, id="42")
    np.testing.assert_array_equal(predictions(answer), np.array(want, np.float32))
    assert (answer.model_name, answer.model_version, answer.id) == ("fraud", "1", "42")
    assert len(answer.parameters["prediction_ids"].string_param.split(",")) == 2


def test_a_tensor_a_column(client):
    columns = [("hour", "INT32", {"int_contents": [7]}), ("amount", "FP64", {"fp64_contents": [12.5]}), ("nb", "UINT8", {"uint_contents": [3]})]
    inputs = [{"name": n, "datatype": d, "shape": [1], "contents": c} for n, d, c in columns]
    answer = client.call("ModelInfer", model_name="fraud", inputs=inputs)
    np.testing.assert_array_equal(predictions(answer), predictions(client.infer([ROW])))


def test_a_class_of_the_answer(client):
    output = client.message("ModelInferRequest.InferRequestedOutputTensor", name=client.call("ModelMetadata", name="fraud").outputs[0].name)
    output.parameters["classification"].int64_param = 1
    answer = client.infer([ROW], outputs=[output])
    text = answer.raw_output_contents[0]
    assert answer.outputs[0].datatype == "BYTES" and struct.unpack("<I", text[:4])[0] == len(text) - 4
    assert text[4:].endswith(b":0") and float(text[4:-2]) == pytest.approx(predictions(client.infer([ROW]))[0])


def test_a_call_is_logged_and_counted_like_a_request(server, client):
    before = server.metric("vigil_requests_total", dialect="oip_grpc", code="200")
    request = client.infer_request([ROW])
    request.parameters["ids"].string_param = "tx-1"
    answer, call = client.method("ModelInfer")[1].with_call(request, timeout=20, metadata=[("x-request-id", "r-1")])
    assert dict(call.initial_metadata())["x-request-id"] == "r-1"
    assert server.metric("vigil_requests_total", dialect="oip_grpc", code="200") == before + 1
    label = {"labels": [{"prediction_id": answer.parameters["prediction_ids"].string_param, "label": 1}]}
    wait_for(lambda: server.post("/api/v1/labels", label).json()["accepted"] == 1)
    stats = client.call("ModelStatistics", name="fraud").model_stats[0]
    assert stats.inference_count >= 1 and stats.inference_stats.success.ns > 0


def test_what_does_not_fit_is_refused(client):
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert "fp32_contents" in fails(invalid, lambda: client.call("ModelInfer", model_name="fraud", inputs=[
        {"name": "rows", "datatype": "FP32", "shape": [1, 3], "contents": {"int_contents": [1, 2, 3]}}]))
    mixed = client.infer_request([ROW], raw=False)
    mixed.raw_input_contents.append(b"\0" * 12)
    assert "raw_input_contents" in fails(invalid, lambda: client.method("ModelInfer")[1](mixed, timeout=20))
    assert "unexpected output" in fails(invalid, lambda: client.infer([ROW], outputs=[{"name": "nothing"}]))
    assert "unknown model" in fails(grpc.StatusCode.NOT_FOUND, lambda: client.infer([ROW], model="nothing"))
    assert "ModelInferRequest" in fails(invalid, lambda: client.channel.unary_unary(f"/{SERVICE}/ModelInfer")(b"\x0a\x7f", timeout=20))


def test_shared_memory_and_settings_are_not_the_clients(client):
    for memory in ("SystemSharedMemory", "CudaSharedMemory"):
        assert not client.call(memory + "Status").regions
        client.call(memory + "Unregister")
        assert "memory of this server's machine" in fails(grpc.StatusCode.UNIMPLEMENTED, lambda m=memory: client.call(m + "Register", name="r"))
    for method in ("TraceSetting", "LogSettings"):
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda m=method: client.call(m))


def test_a_stream_goes_on_after_an_error(client):
    requests = [client.infer_request([[i, 3, 7]], id=str(i), model="nothing" if i == 5 else "fraud") for i in range(20)]
    answers = list(client.method("ModelStreamInfer")[1](iter(requests), timeout=30))
    assert [a.infer_response.id for a in answers] == [str(i) for i in range(20)]
    assert [i for i, a in enumerate(answers) if a.error_message] == [5]
    assert all(a.infer_response.parameters["triton_final_response"].bool_param for a in answers if not a.error_message)
    np.testing.assert_array_equal(predictions(answers[7].infer_response), predictions(client.infer([[7, 3, 7]])))


def test_a_stop_ends_an_idle_stream(small, tmp_path):
    with serving(tmp_path, {"fraud": small.champion}) as s, grpc.insecure_channel(f"127.0.0.1:{s.grpc}") as channel:
        client, done = Client(channel), threading.Event()

        def requests():
            yield client.infer_request([ROW])
            done.wait(30)
        answers = client.method("ModelStreamInfer")[1](requests(), timeout=30)
        next(answers)
        stopping = threading.Thread(target=s.stop)
        stopping.start()
        assert fails(grpc.StatusCode.UNAVAILABLE, lambda: next(answers))
        done.set()
        stopping.join()


def test_the_repository(small, tmp_path):
    with serving(tmp_path, {"fraud": small.champion}) as s, grpc.insecure_channel(f"127.0.0.1:{s.grpc}") as channel:
        client = Client(channel)
        model, = client.call("RepositoryIndex").models
        assert (model.name, model.version, model.state) == ("fraud", "1", "READY")
        client.call("RepositoryModelUnload", model_name="fraud")
        wait_for(lambda: not client.call("ModelReady", name="fraud").ready)
        fails(grpc.StatusCode.UNAVAILABLE, lambda: client.infer([ROW]))
        assert client.call("RepositoryModelLoad", repository_name="fraud").isLoaded  # as KServe's clients say it
        client.infer([ROW])
        assert "failed to load" in fails(grpc.StatusCode.NOT_FOUND, lambda: client.call("RepositoryModelLoad", model_name="nothing"))
