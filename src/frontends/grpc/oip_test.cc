// inference.GRPCInferenceService over frames, with fakes behind it.
#include "frontends/grpc/oip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "base/proto_wire.h"
#include "frontends/errors.h"
#include "frontends/grpc/call_exchange.h"
#include "frontends/grpc/infer_stream.h"
#include "frontends/testing/count_allocations.h"
#include "frontends/testing/oip_messages.h"
#include "frontends/testing/rest_fixture.h"
#include "net/grpc_message.h"
#include "net/testing/http2_client.h"

namespace vigil {
namespace {

using net::testing::FakeHost;
using net::testing::Http2Client;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::InferMessage;
using testing::Packed;
using testing::Raw;

std::string Framed(const std::string& message) {
  const auto prefix = net::GrpcPrefix(false, message.size());
  return std::string(prefix.data(), prefix.size()) + message;
}

// The values of one field of a message, bytes as they are and numbers as decimals.
std::vector<std::string> Field(std::string_view message, uint32_t number) {
  std::vector<std::string> values;
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.field() != number) continue;
    values.push_back(fields.type() == ProtoType::kBytes ? std::string(fields.bytes()) : std::to_string(fields.integer()));
  }
  EXPECT_TRUE(fields.ok());
  return values;
}
std::string One(std::string_view message, uint32_t number) {
  const std::vector<std::string> values = Field(message, number);
  EXPECT_EQ(values.size(), 1u) << "field " << number;
  return values.empty() ? "" : values[0];
}
// A map of parameters: texts, and other values as decimals.
std::map<std::string, std::string> Parameters(std::string_view message, uint32_t number) {
  std::map<std::string, std::string> parameters;
  for (const std::string& entry : Field(message, number)) {
    ProtoFields value(One(entry, 2));
    const std::string kept = One(entry, 2);
    for (ProtoFields field(kept); field.Next();) {
      parameters[One(entry, 1)] = field.type() == ProtoType::kBytes ? std::string(field.bytes()) : std::to_string(field.integer());
    }
  }
  return parameters;
}
std::vector<float> Floats(const std::string& raw) {
  std::vector<float> values(raw.size() / sizeof(float));
  std::memcpy(values.data(), raw.data(), raw.size());
  return values;
}

class OipGrpc : public testing::RestFixture {
 protected:
  OipGrpc() {
    service_.AddTo(&methods_);
    host_.context.now_ns = clock_.MonotonicNs();
  }

  // The answer's one message; its status is in `answer_`.
  std::string Call(const std::string& method, const std::string& message, net::testing::HeaderList headers = {}) {
    const int32_t id = client_.Call("/inference.GRPCInferenceService/" + method, Framed(message), std::move(headers));
    client_.Exchange();
    if (client_.answers[id].header("grpc-status").empty() && !hold_) {
      EXPECT_TRUE(loop_.RunOne()) << method;
      client_.Exchange();
    }
    answer_ = client_.answers[id];
    return answer_.body.empty() ? "" : answer_.body.substr(net::kGrpcPrefixBytes);
  }
  std::string Ok(const std::string& method, const std::string& message, net::testing::HeaderList headers = {}) {
    const std::string answer = Call(method, message, std::move(headers));
    EXPECT_EQ(answer_.header("grpc-status"), "0") << answer_.header("grpc-message");
    return answer;
  }
  void Fails(const std::string& method, const std::string& message, absl::StatusCode code, const std::string& text) {
    Call(method, message);
    EXPECT_EQ(answer_.header("grpc-status"), std::to_string(static_cast<int>(code))) << text;
    EXPECT_THAT(answer_.header("grpc-message"), HasSubstr(text));
    EXPECT_TRUE(answer_.body.empty());
    EXPECT_FALSE(answer_.header("x-request-id").empty());
  }
  // Messages of a stream so far.
  std::vector<std::string> Messages(int32_t id) {
    std::vector<std::string> messages;
    std::string_view left = client_.answers[id].body;
    for (;;) {
      const net::GrpcFrame frame = net::ReadGrpcFrame(left, 1 << 20);
      if (frame.kind != net::GrpcFrame::Kind::kWhole) break;
      messages.emplace_back(frame.message);
      left.remove_prefix(frame.size);
    }
    return messages;
  }
  static InferMessage Row(std::string_view model = "fraud") {
    return InferMessage(model).Input("x", "FP32", {1, 2}).RawContents(Raw<float>({1, 2}));
  }

  OipService service_{*handler_};
  net::GrpcMethods methods_;
  FakeHost host_{nullptr, {}, FakeHost::Version::kGrpc, &methods_};
  Http2Client client_{host_};
  net::testing::Http2Answer answer_;
};

TEST_F(OipGrpc, Health) {
  EXPECT_EQ(Ok("ServerLive", ""), "\x08\x01");
  EXPECT_EQ(Ok("ServerReady", ""), "\x08\x01");
  EXPECT_EQ(Ok("ModelReady", InferMessage("fraud").bytes()), "\x08\x01");
  EXPECT_EQ(Ok("ModelReady", InferMessage("fraud").Field(2, "1").bytes()), "\x08\x01");
  EXPECT_EQ(Ok("ModelReady", InferMessage("ghost").bytes()), std::string("\x08\0", 2));
  EXPECT_EQ(Ok("ModelReady", InferMessage("fraud").Field(2, "9").bytes()), std::string("\x08\0", 2));
  predict_->AddUnready();
  EXPECT_EQ(Ok("ServerLive", ""), "\x08\x01");
  EXPECT_EQ(Ok("ServerReady", ""), std::string("\x08\0", 2));
  predict_->AddOnDemand();
  EXPECT_EQ(Ok("ModelReady", InferMessage("lazy").bytes()), "\x08\x01");
  Fails("ModelReady", "\x0a\x7f", absl::StatusCode::kInvalidArgument, "does not name a model");
}

TEST_F(OipGrpc, Metadata) {
  const std::string server = Ok("ServerMetadata", "");
  EXPECT_EQ(One(server, 1), "vigil");
  EXPECT_THAT(Field(server, 3), ::testing::Contains("statistics"));
  const std::string model = Ok("ModelMetadata", InferMessage("fraud").bytes());
  EXPECT_EQ(One(model, 1), "fraud");
  EXPECT_THAT(Field(model, 2), ElementsAre("1", "3"));
  EXPECT_EQ(One(model, 3), "linear");
  EXPECT_EQ(One(One(model, 4), 1), "input");
  EXPECT_EQ(One(One(model, 4), 2), "FP32");
  EXPECT_THAT(Field(One(model, 4), 3), ElementsAre("-1", "2"));
  EXPECT_THAT(Field(One(model, 5), 3), ElementsAre("-1"));
  Fails("ModelMetadata", InferMessage("frauds").bytes(), absl::StatusCode::kNotFound, "Request for unknown model: no model");
}

TEST_F(OipGrpc, Configuration) {
  const std::string config = One(Ok("ModelConfig", InferMessage("fraud").bytes()), 1);
  EXPECT_EQ(One(config, 1), "fraud");
  EXPECT_THAT(Field(One(One(config, 3), 3), 1), ElementsAre("1", "3"));
  EXPECT_EQ(One(config, 4), "1000000");
  EXPECT_EQ(One(One(config, 5), 2), "11");  // TYPE_FP32
  EXPECT_THAT(Field(One(config, 5), 4), ElementsAre("2"));
  EXPECT_THAT(Field(One(config, 6), 3), ElementsAre("1"));
  EXPECT_EQ(One(One(config, 6), 5), "");  // the dimension 1 is no part of its shape
  EXPECT_EQ(One(config, 17), "vigil");
}

TEST_F(OipGrpc, Infer) {
  const std::string answer = Ok("ModelInfer", InferMessage("fraud")
                                                  .Field(3, "42")
                                                  .Input("any", "FP32", {2, 2}, Packed<float>(6, {1, 2, 3, 4}))
                                                  .Text("ids", "a,b")
                                                  .Text("entities", "e,f")
                                                  .Text("times", "2024-01-01T00:00:00Z,2024-01-02T00:00:00Z")
                                                  .bytes());
  EXPECT_EQ(One(answer, 1), "fraud");
  EXPECT_EQ(One(answer, 2), "3");
  EXPECT_EQ(One(answer, 3), "42");
  EXPECT_EQ(Parameters(answer, 4), (std::map<std::string, std::string>{{"prediction_ids", "0000000000001,0000000000002"}}));
  EXPECT_EQ(One(One(answer, 5), 1), "prediction");
  EXPECT_EQ(One(One(answer, 5), 2), "FP32");
  EXPECT_THAT(Field(One(answer, 5), 3), ElementsAre("2"));
  EXPECT_THAT(Floats(One(answer, 6)), ElementsAre(33, 37));
  EXPECT_EQ(predict_->last_ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(predict_->last_entities, (std::vector<std::string>{"e", "f"}));
  EXPECT_EQ(predict_->last_times.size(), 2u);
  const std::string version = Ok("ModelInfer", Row().Field(2, "1").Output("prediction").bytes());
  EXPECT_EQ(One(version, 2), "1");
  EXPECT_TRUE(Field(version, 3).empty());
}

TEST_F(OipGrpc, Classification) {
  const std::string answer =
      Ok("ModelInfer", InferMessage("iris").Input("x", "FP64", {1, 4}, Packed<double>(7, {1, 1, 1, 1})).Output("prediction", 2).bytes());
  EXPECT_EQ(One(One(answer, 5), 2), "BYTES");
  EXPECT_THAT(Field(One(answer, 5), 3), ElementsAre("1", "2"));
  EXPECT_EQ(One(answer, 6), std::string("\4\0\0\0"
                                        "16:2"
                                        "\4\0\0\0"
                                        "15:1",
                                        16));
}

TEST_F(OipGrpc, InferErrors) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  Fails("ModelInfer", Row("ghost").bytes(), absl::StatusCode::kNotFound, "Request for unknown model");
  Fails("ModelInfer", Row().Field(2, "9").bytes(), absl::StatusCode::kNotFound, "no version");
  Fails("ModelInfer", "\x0a\x7f", kInvalid, "no ModelInferRequest");
  Fails("ModelInfer", InferMessage("fraud").bytes(), kInvalid, "inputs");
  Fails("ModelInfer", Row().Output("score").bytes(), kInvalid, "unexpected output \"score\"");
  Fails("ModelInfer", InferMessage("fraud").Input("x", "FP32", {0, 2}).RawContents("").bytes(), kInvalid, "no rows");
  Fails("ModelInfer", InferMessage("fraud").Input("amount", "FP32", {1}, Packed<float>(6, {1})).bytes(), kInvalid, "\"hour\"");
  Fails("ModelInfer", Row().Text("ids", "a,b").bytes(), kInvalid, "parameters.ids");
  predict_->fail = absl::UnavailableError("not now");
  Fails("ModelInfer", Row().bytes(), absl::StatusCode::kUnavailable, "not now");
  predict_->fail = absl::InternalError("broken");
  Fails("ModelInfer", Row().bytes(), absl::StatusCode::kInternal, "broken");
}

TEST_F(OipGrpc, EveryFailureHasAStatus) {
  for (const ErrorRow& row : ErrorTable()) EXPECT_NE(GrpcCode(row.code), absl::StatusCode::kOk) << row.name;
  EXPECT_EQ(GrpcCode(ErrorCode::kSchemaViolation), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GrpcCode(ErrorCode::kTooManyRequests), absl::StatusCode::kResourceExhausted);
}

TEST_F(OipGrpc, ACallIsARequestLikeAnyOther) {
  Ok("ModelInfer", Row().Whole("timeout", 5'000'000).bytes(),
     {{"x-request-id", "r-7"},
      {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
      {"grpc-timeout", "9S"},
      {"accept-encoding", "gzip"}});
  EXPECT_EQ(answer_.header("x-request-id"), "r-7");
  EXPECT_TRUE(answer_.header("content-encoding").empty());
  EXPECT_EQ(predict_->last_context.trace.trace_id[0], 0x4b);
  EXPECT_TRUE(predict_->last_context.trace.sampled);
  EXPECT_EQ(predict_->last_context.deadline_ns, host_.context.now_ns + 5'000'000'000);  // the nearer of the two
  const std::string metrics = metrics_.Expose(ExpositionFormat::kPrometheusText);
  EXPECT_THAT(metrics, HasSubstr("vigil_requests_total{dialect=\"oip_grpc\",code=\"200\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("vigil_predictions_total{model=\"fraud\",version=\"3\"} 1"));
  Ok("ModelInfer", Row().bytes());
  EXPECT_EQ(answer_.header("x-request-id").size(), 16u);
}

TEST_F(OipGrpc, Statistics) {
  Ok("ModelInfer", InferMessage("fraud").Input("x", "FP32", {2, 2}, Packed<float>(6, {1, 2, 3, 4})).bytes());
  const std::string stats = One(Ok("ModelStatistics", InferMessage("fraud").Field(2, "3").bytes()), 1);
  EXPECT_EQ(One(stats, 1), "fraud");
  EXPECT_EQ(One(stats, 2), "3");
  EXPECT_EQ(One(stats, 4), "2");
  EXPECT_EQ(One(stats, 5), "1");
  EXPECT_EQ(One(One(One(stats, 6), 1), 1), "1");
  EXPECT_EQ(One(One(One(stats, 6), 2), 1), "0");
  EXPECT_EQ(Field(Ok("ModelStatistics", ""), 1).size(), 3u);  // fraud 1 and 3, iris 1
  Fails("ModelStatistics", InferMessage("ghost").bytes(), absl::StatusCode::kNotFound, "no model");
}

TEST_F(OipGrpc, Repository) {
  operations_.version.loaded = true;
  const std::string entry = One(Ok("RepositoryIndex", ""), 1);
  EXPECT_EQ(One(entry, 1), "fraud");
  EXPECT_EQ(One(entry, 2), "3");
  EXPECT_EQ(One(entry, 3), "READY");
  Ok("RepositoryModelUnload", InferMessage().Field(2, "fraud").bytes());
  EXPECT_FALSE(operations_.version.loaded);
  EXPECT_EQ(One(One(Ok("RepositoryIndex", ""), 1), 3), "UNAVAILABLE");
  EXPECT_TRUE(Ok("RepositoryIndex", std::string("\x10\x01")).empty());
  // KServe's form: the name comes first, and is answered.
  const std::string loaded = Ok("RepositoryModelLoad", InferMessage("fraud").bytes());
  EXPECT_EQ(One(loaded, 1), "fraud");
  EXPECT_EQ(One(loaded, 2), "1");
  EXPECT_TRUE(operations_.version.loaded);
  EXPECT_EQ(answer_.header("x-request-id").size(), 16u);
  Fails("RepositoryModelLoad", InferMessage().Field(2, "ghost").bytes(), absl::StatusCode::kNotFound, "failed to load \"ghost\"");
  Fails("RepositoryModelLoad", InferMessage().Field(2, "fraud").Parameter(3, "config", 3, "{}").bytes(), absl::StatusCode::kUnimplemented,
        "parameters.config");
  Fails("RepositoryModelLoad", "", absl::StatusCode::kInvalidArgument, "names no model");
}

TEST_F(OipGrpc, WhatNobodyChangesHere) {
  for (const std::string memory : {"SystemSharedMemory", "CudaSharedMemory"}) {
    EXPECT_EQ(Ok(memory + "Status", ""), "");
    Fails(memory + "Status", InferMessage("r").bytes(), absl::StatusCode::kNotFound, "\"r\"");
    Fails(memory + "Register", InferMessage("r").bytes(), absl::StatusCode::kUnimplemented, "must not name memory");
    EXPECT_EQ(Ok(memory + "Unregister", ""), "");
  }
  Fails("TraceSetting", "", absl::StatusCode::kUnimplemented, "traceparent");
  Fails("LogSettings", "", absl::StatusCode::kUnimplemented, "configured");
}

TEST_F(OipGrpc, LateAnswersAndModelsThatAreLoadedFirst) {
  predict_->later = true;
  EXPECT_THAT(Floats(One(Ok("ModelInfer", Row().bytes(), {{"x-request-id", "late"}}), 6)), ElementsAre(33));
  EXPECT_EQ(answer_.header("x-request-id"), "late");
  predict_->later = false;
  predict_->AddOnDemand();
  EXPECT_THAT(Floats(One(Ok("ModelInfer", Row("lazy").bytes()), 6)), ElementsAre(13));
  EXPECT_EQ(predict_->loads, 1);
}

TEST_F(OipGrpc, AStreamAnswersEachRequestAndGoesOn) {
  const std::string method = "/inference.GRPCInferenceService/ModelStreamInfer";
  const int32_t id = client_.Call(method, Framed(Row().Field(3, "a").bytes()) + Framed(Row("ghost").Field(3, "b").bytes()), {}, false);
  client_.Exchange();
  client_.More(id, Framed(Row("iris").Field(3, "c").bytes()) + Framed(Row().Field(3, "d").bytes()), true);
  client_.Exchange();
  const std::vector<std::string> messages = Messages(id);
  ASSERT_EQ(messages.size(), 4u);
  const std::string first = One(messages[0], 2);
  EXPECT_EQ(One(first, 3), "a");
  EXPECT_EQ(Parameters(first, 4)["triton_final_response"], "1");
  EXPECT_THAT(Floats(One(first, 6)), ElementsAre(33));
  EXPECT_THAT(One(messages[1], 1), HasSubstr("Request for unknown model"));
  EXPECT_EQ(One(One(messages[1], 2), 3), "b");
  EXPECT_THAT(One(messages[2], 1), HasSubstr("unexpected shape of input \"x\""));
  EXPECT_EQ(One(One(messages[3], 2), 3), "d");
  EXPECT_EQ(client_.answers[id].header("grpc-status"), "0");
  EXPECT_FALSE(client_.answers[id].header("x-request-id").empty());
}

TEST_F(OipGrpc, AStreamKeepsItsOrder) {
  predict_->later = true;
  const std::string method = "/inference.GRPCInferenceService/ModelStreamInfer";
  const int32_t id = client_.Call(method, Framed(Row().Field(3, "a").bytes()) + Framed(Row("ghost").Field(3, "b").bytes()));
  client_.Exchange();
  EXPECT_TRUE(Messages(id).empty());
  EXPECT_TRUE(loop_.RunOne());
  client_.Exchange();
  const std::vector<std::string> messages = Messages(id);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(One(One(messages[0], 2), 3), "a");
  EXPECT_EQ(One(One(messages[1], 2), 3), "b");
  EXPECT_EQ(client_.answers[id].header("grpc-status"), "0");
}

TEST_F(OipGrpc, AStreamMayEndWithItsFirstFailure) {
  const int32_t id = client_.Call("/inference.GRPCInferenceService/ModelStreamInfer", Framed(Row("ghost").bytes()) + Framed(Row().bytes()),
                                  {{"triton_grpc_error", "true"}});
  client_.Exchange();
  EXPECT_TRUE(Messages(id).empty());
  EXPECT_EQ(client_.answers[id].header("grpc-status"), "5");
}

TEST_F(OipGrpc, AnErrorOfAStreamIsAlwaysText) {
  const int32_t id =
      client_.Call("/inference.GRPCInferenceService/ModelStreamInfer", Framed(InferMessage("fraud").Field(3, "\xff").bytes()));
  client_.Exchange();
  const std::vector<std::string> messages = Messages(id);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_THAT(One(messages[0], 1), HasSubstr("UTF-8"));
  EXPECT_EQ(One(One(messages[0], 2), 3), "?");
}

TEST_F(OipGrpc, AStopEndsStreamsOnceNothingWaits) {
  const std::string method = "/inference.GRPCInferenceService/ModelStreamInfer";
  const int32_t idle = client_.Call(method, "", {}, false);
  predict_->later = true;
  const int32_t busy = client_.Call(method, Framed(Row().bytes()), {}, false);
  client_.Exchange();
  client_.More(idle, Framed(""), false);  // which opens it
  client_.Exchange();
  service_.Stop();
  client_.Exchange();
  EXPECT_EQ(client_.answers[idle].header("grpc-status"), "14");
  EXPECT_EQ(client_.answers[busy].header("grpc-status"), "");
  EXPECT_TRUE(loop_.RunOne());
  client_.Exchange();
  EXPECT_EQ(Messages(busy).size(), 1u);
  EXPECT_EQ(client_.answers[busy].header("grpc-status"), "14");
}

TEST_F(OipGrpc, RequestsThatWaitInAStreamAreBounded) {
  predict_->later = true;
  hold_ = true;
  std::string body;
  for (size_t i = 0; i <= InferStream::kWaitingMax; ++i) body += Framed(Row().bytes());
  const int32_t id = client_.Call("/inference.GRPCInferenceService/ModelStreamInfer", body);
  client_.Exchange();
  for (size_t i = 0; i < InferStream::kWaitingMax && client_.answers[id].header("grpc-status").empty(); ++i) {
    ASSERT_TRUE(loop_.RunOne());
    client_.Exchange();
  }
  const std::vector<std::string> messages = Messages(id);
  ASSERT_EQ(messages.size(), InferStream::kWaitingMax + 1);
  EXPECT_THAT(One(messages.back(), 1), HasSubstr("too many requests"));
}

// The exchange of a transport that does nothing.
class SilentCall final : public net::GrpcExchange {
 public:
  void Reply(std::string_view message, std::initializer_list<net::ReplyHeader>) override { bytes += message.size(); }
  void Fail(const Status& status, std::initializer_list<net::ReplyHeader>) override { ADD_FAILURE() << status; }
  std::shared_ptr<net::GrpcCall> Defer() override { return nullptr; }
  std::string PeerName() const override { return ""; }
  size_t bytes = 0;
};

TEST_F(OipGrpc, AWarmRequestAllocatesNothing) {
  const std::string message = Row().Field(3, "42").Output("prediction").bytes();
  const std::array<net::Header, 3> metadata = {
      {{"te", "trailers"}, {"user-agent", "grpc-python/1.67.1 grpc-c/44.0.0"}, {"x-request-id", "r"}}};
  net::GrpcRequest request;
  request.path = "/inference.GRPCInferenceService/ModelInfer";
  request.message = message;
  request.metadata = metadata;
  const net::GrpcMethod* const method = methods_.Find(request.path);
  SilentCall call;
  const auto infer = [&] { method->unary(request, call); };
  for (int i = 0; i < 3; ++i) infer();
  EXPECT_EQ(testing::CountAllocations(infer), 0);
  EXPECT_GT(call.bytes, 0u);
}

}  // namespace
}  // namespace vigil
