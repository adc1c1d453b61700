// tensorflow.serving's services over the handler, by their messages' bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "frontends/grpc/tfs.h"
#include "frontends/tensors/tfs_config.h"
#include "frontends/tensors/tfs_messages.h"
#include "frontends/testing/count_allocations.h"
#include "frontends/testing/rest_fixture.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A call's answer, at once or later.
struct Answer {
  Status status = absl::UnknownError("no answer");
  std::string message;
  int count = 0;
};
class FakeCall final : public net::GrpcCall {
 public:
  explicit FakeCall(Answer* answer) : answer_(answer) {}
  void Send(std::string_view message, std::initializer_list<net::ReplyHeader> /*metadata*/) override { answer_->message = message; }
  void Finish(const Status& status, std::initializer_list<net::ReplyHeader> /*metadata*/) override {
    answer_->status = status;
    ++answer_->count;
  }
  bool cancelled() const override { return false; }
  size_t unsent_bytes() const override { return 0; }
  void OnCancel(std::function<void()>) override {}

 private:
  Answer* const answer_;
};
class FakeGrpcExchange final : public net::GrpcExchange {
 public:
  explicit FakeGrpcExchange(Answer* answer) : answer_(answer) {}
  void Reply(std::string_view message, std::initializer_list<net::ReplyHeader> /*metadata*/) override {
    answer_->message = message;
    answer_->status = absl::OkStatus();
    ++answer_->count;
  }
  void Fail(const Status& status, std::initializer_list<net::ReplyHeader> /*metadata*/) override { FakeCall(answer_).Finish(status, {}); }
  std::shared_ptr<net::GrpcCall> Defer() override { return std::make_shared<FakeCall>(answer_); }
  std::string PeerName() const override { return ""; }

 private:
  Answer* const answer_;
};

std::string Bytes(const std::function<void(ProtoWriter&)>& write) {
  std::string bytes;
  ProtoWriter writer(&bytes);
  write(writer);
  return bytes;
}
std::string Spec(std::string_view name, std::string_view signature = "") {
  return Bytes(
      [&](ProtoWriter& request) { request.Message(1, [&](ProtoWriter& spec) { WriteTfsModelSpec(name, "", signature, &spec); }); });
}
std::string SpecOfVersion(std::string_view name, int64_t version) {
  return Bytes([&](ProtoWriter& request) {
    request.Message(1, [&](ProtoWriter& spec) {
      spec.Bytes(1, name);
      spec.Message(2, [&](ProtoWriter& value) { value.Int(1, version); });
    });
  });
}
std::string SpecOfLabel(std::string_view name, std::string_view label) {
  return Bytes([&](ProtoWriter& request) {
    request.Message(1, [&](ProtoWriter& spec) {
      spec.Bytes(1, name);
      spec.Bytes(4, label);
    });
  });
}
std::string Floats(std::initializer_list<int64_t> shape, const std::vector<float>& values, bool content) {
  return Bytes([&](ProtoWriter& tensor) {
    tensor.Int(1, 1);
    tensor.Message(2, [&](ProtoWriter& dims) {
      for (const int64_t size : shape) dims.Message(2, [&](ProtoWriter& dim) { dim.Int(1, size); });
    });
    tensor.PackedRaw(content ? 4 : 5, values.data(), values.size() * sizeof(float));
  });
}
std::string Input(std::string_view name, const std::string& tensor) {
  return Bytes([&](ProtoWriter& request) {
    request.Message(2, [&](ProtoWriter& entry) {
      entry.Bytes(1, name);
      entry.Bytes(2, tensor);
    });
  });
}
std::string Example(const std::map<std::string, std::vector<float>>& features) {
  return Bytes([&](ProtoWriter& example) {
    example.Message(1, [&](ProtoWriter& map) {
      for (const auto& [name, values] : features) {
        map.Message(1, [&](ProtoWriter& entry) {
          entry.Bytes(1, name);
          entry.Message(2, [&](ProtoWriter& feature) {
            feature.Message(2, [&](ProtoWriter& list) { list.PackedRaw(1, values.data(), values.size() * sizeof(float)); });
          });
        });
      }
    });
  });
}
std::string Examples(const std::vector<std::string>& examples, const std::string* context = nullptr) {
  return Bytes([&](ProtoWriter& request) {
    request.Message(2, [&](ProtoWriter& input) {
      input.Message(context == nullptr ? 1 : 2, [&](ProtoWriter& list) {
        for (const std::string& example : examples) list.Bytes(1, example);
        if (context != nullptr) list.Bytes(2, *context);
      });
    });
  });
}
// Bytes of the fields on a path of numbers, in order.
std::vector<std::string> Find(std::string_view message, std::initializer_list<uint32_t> path) {
  std::vector<std::string> found{std::string(message)};
  for (const uint32_t number : path) {
    std::vector<std::string> next;
    for (const std::string& one : found) {
      for (ProtoFields fields(one); fields.Next();) {
        if (fields.is(number, ProtoType::kBytes)) next.emplace_back(fields.bytes());
      }
    }
    found = std::move(next);
  }
  return found;
}
std::vector<float> FloatsOf(const std::vector<std::string>& raw) {
  std::vector<float> values;
  for (const std::string& one : raw) {
    const size_t at = values.size();
    values.resize(at + one.size() / sizeof(float));
    std::memcpy(values.data() + at, one.data(), one.size());
  }
  return values;
}
std::vector<float> Scalars(const std::vector<std::string>& messages, uint32_t number) {
  std::vector<float> values;
  for (const std::string& one : messages) {
    for (ProtoFields fields(one); fields.Next();) {
      if (fields.is(number, ProtoType::kFixed32)) values.push_back(fields.float32());
    }
  }
  return values;
}

class TfsGrpc : public testing::RestFixture {
 protected:
  TfsGrpc() { AddTfsServices(*handler_, &methods_); }
  Answer Call(const std::string& method, const std::string& message, testing::Headers headers = {}) {
    std::vector<net::Header> metadata;
    for (const auto& [name, value] : headers) metadata.push_back({name, value});
    net::GrpcRequest request;
    request.path = method;
    request.message = message;
    request.metadata = metadata;
    request.deadline_ns = deadline_ns_;
    Answer answer;
    FakeGrpcExchange exchange(&answer);
    const net::GrpcMethod* const found = methods_.Find(method);
    EXPECT_NE(found, nullptr) << method;
    found->unary(request, exchange);
    if (answer.count == 0) {
      EXPECT_TRUE(loop_.RunOne()) << method;
    }
    EXPECT_EQ(answer.count, 1) << method;
    return answer;
  }
  Answer Predict(const std::string& message, testing::Headers headers = {}) {
    return Call("/tensorflow.serving.PredictionService/Predict", message, std::move(headers));
  }
  static void ExpectError(const Answer& answer, absl::StatusCode code, const std::string& text) {
    EXPECT_EQ(answer.status.code(), code) << answer.status;
    EXPECT_THAT(std::string(answer.status.message()), HasSubstr(text));
  }

  net::GrpcMethods methods_;
  int64_t deadline_ns_ = 0;
};

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST_F(TfsGrpc, PredictsInEitherForm) {
  for (const bool content : {true, false}) {
    const Answer answer = Predict(Spec("fraud") + Input("input", Floats({2, 2}, {1, 2, 3, 4.5}, content)));
    ASSERT_TRUE(answer.status.ok()) << answer.status;
    EXPECT_THAT(FloatsOf(Find(answer.message, {1, 2, 5})), ElementsAre(33.0f, 37.5f));
    EXPECT_THAT(Find(answer.message, {1, 1}), ElementsAre("prediction"));
    EXPECT_THAT(Find(answer.message, {2, 1}), ElementsAre("fraud"));
    EXPECT_THAT(Find(answer.message, {2, 2}), ElementsAre(std::string("\x08\x03")));
    EXPECT_THAT(Find(answer.message, {2, 3}), ElementsAre("serving_default"));
  }
}

TEST_F(TfsGrpc, TakesATensorAColumnAndRepeatsTheLastValue) {
  const Answer answer =
      Predict(Spec("fraud", "serving_default") + Input("hour", Floats({3}, {1, 2}, false)) + Input("amount", Floats({3, 1}, {4}, false)));
  ASSERT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_THAT(FloatsOf(Find(answer.message, {1, 2, 5})), ElementsAre(35.0f, 36.0f, 36.0f));
}

TEST_F(TfsGrpc, AddressesVersionsAndLabels) {
  const std::string input = Input("input", Floats({1, 2}, {1, 2}, true));
  EXPECT_THAT(FloatsOf(Find(Predict(SpecOfVersion("fraud", 1) + input).message, {1, 2, 5})), ElementsAre(13.0f));
  ExpectError(Predict(SpecOfVersion("fraud", 9) + input), absl::StatusCode::kNotFound,
              "Servable not found for request: Specific(fraud, 9)");
  ExpectError(Predict(SpecOfLabel("fraud", "stable") + input), kInvalid, "Unrecognized servable version label: stable");
  predict_->SetLabel("fraud", "stable", "1");
  EXPECT_THAT(FloatsOf(Find(Predict(SpecOfLabel("fraud", "stable") + input).message, {1, 2, 5})), ElementsAre(13.0f));
  ExpectError(Predict(SpecOfLabel("fraud", "stabel") + input), kInvalid, "did you mean \"stable\"");
}

TEST_F(TfsGrpc, RefusesInTheWordsOfItsOwnServer) {
  const std::string input = Input("input", Floats({1, 2}, {1, 2}, true));
  ExpectError(Predict(Spec("fruad") + input), absl::StatusCode::kNotFound, "Servable not found for request: Latest(fruad)");
  ExpectError(Predict(input), kInvalid, "Missing ModelSpec");
  ExpectError(Predict(Spec("") + input), kInvalid, "ModelSpec has no name specified.");
  ExpectError(Predict(Spec("fraud", "nope") + input), absl::StatusCode::kFailedPrecondition, "Serving signature key \"nope\" not found.");
  ExpectError(Predict(Spec("fraud") + Input("z", Floats({1, 2}, {1, 2}, true))), kInvalid,
              "input size does not match signature: 1!=1 len({z}) != len({input}). Sent extra: {z}. Missing but required: {input}.");
  ExpectError(Predict(Spec("fraud")), kInvalid, "input size does not match signature: 0!=1");
  ExpectError(Predict(Spec("fraud") + Input("amount", Floats({1}, {1}, true))), kInvalid, "hour");
  ExpectError(Predict(Spec("fraud") + Input("input", Floats({1, 3}, {1, 2}, true))), kInvalid, "tensor parsing error: input");
  ExpectError(Predict(Spec("fraud") + input + Bytes([](ProtoWriter& w) { w.Bytes(3, "nope"); })), kInvalid,
              "output tensor alias not found in signature: nope Outputs expected to be in the set {prediction}.");
  ExpectError(Predict(Spec("fraud") + input + Bytes([](ProtoWriter& w) { w.Bytes(3, "prediction"); }) +
                      Bytes([](ProtoWriter& w) { w.Bytes(3, "prediction"); })),
              kInvalid, "duplicate output tensor alias: prediction");
  const std::string whole = Bytes([](ProtoWriter& tensor) {
    tensor.Int(1, 9);
    tensor.Message(2, [](ProtoWriter& dims) {
      for (const int64_t size : {1, 2}) dims.Message(2, [&](ProtoWriter& dim) { dim.Int(1, size); });
    });
    tensor.Message(10, [](ProtoWriter& list) { list.Element(1); });
  });
  ExpectError(Predict(Spec("fraud") + Input("input", whole)), kInvalid, "Expects arg[0] to be float but int64 is provided");
  ExpectError(Predict(Spec("fraud") + "\x12\x05"), kInvalid, "no message");
  predict_->fail = absl::UnavailableError("busy");
  ExpectError(Predict(Spec("fraud") + input), absl::StatusCode::kUnavailable, "busy");
}

TEST_F(TfsGrpc, RequestsHaveIdsTracesAndDeadlines) {
  const std::string message = Spec("fraud") + Input("input", Floats({2, 2}, {1, 2, 3, 4}, true));
  ASSERT_TRUE(
      Predict(message,
              {{"x-request-id", "r-1"}, {"x-vigil-ids", "a,b"}, {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})
          .status.ok());
  EXPECT_THAT(predict_->last_ids, ElementsAre("a", "b"));
  EXPECT_TRUE(predict_->last_context.trace.sampled);
  EXPECT_EQ(predict_->last_context.deadline_ns, INT64_MAX);
  deadline_ns_ = clock_.MonotonicNs() + 5;
  ASSERT_TRUE(Predict(message).status.ok());
  EXPECT_EQ(predict_->last_context.deadline_ns, deadline_ns_);
  deadline_ns_ = clock_.MonotonicNs();
  ExpectError(Predict(message), absl::StatusCode::kDeadlineExceeded, "deadline");
}

TEST_F(TfsGrpc, LateAnswersAndModelsLoadedOnDemand) {
  predict_->later = true;
  const Answer late = Predict(Spec("fraud") + Input("input", Floats({1, 2}, {1, 2}, true)));
  EXPECT_THAT(FloatsOf(Find(late.message, {1, 2, 5})), ElementsAre(33.0f));
  predict_->later = false;
  predict_->AddOnDemand();
  const Answer lazy = Predict(Spec("lazy") + Input("input", Floats({1, 2}, {1, 2}, true)));
  ASSERT_TRUE(lazy.status.ok()) << lazy.status;
  EXPECT_THAT(FloatsOf(Find(lazy.message, {1, 2, 5})), ElementsAre(13.0f));
  EXPECT_EQ(predict_->loads, 1);
}

TEST_F(TfsGrpc, ClassifiesAndRegresses) {
  const std::string regress = "/tensorflow.serving.PredictionService/Regress", classify = "/tensorflow.serving.PredictionService/Classify";
  const std::string context = Example({{"hour", {1}}});
  const Answer values =
      Call(regress, Spec("fraud") + Examples({Example({{"amount", {1}}}), Example({{"amount", {2}}, {"hour", {5}}})}, &context));
  ASSERT_TRUE(values.status.ok()) << values.status;
  EXPECT_THAT(Scalars(Find(values.message, {1, 1}), 1), ElementsAre(32.0f, 37.0f));
  EXPECT_THAT(Find(values.message, {2, 1}), ElementsAre("fraud"));
  const std::string flower =
      Example({{"sepal_length", {1}}, {"sepal_width", {1}}, {"petal_length", {1}}, {"petal_width", {1}}, {"x", {9}}});
  const Answer classes = Call(classify, Spec("iris") + Examples({flower}));
  ASSERT_TRUE(classes.status.ok()) << classes.status;
  EXPECT_THAT(Find(classes.message, {1, 1, 1, 1}), ElementsAre("0", "1", "2"));
  EXPECT_THAT(Scalars(Find(classes.message, {1, 1, 1}), 2), ElementsAre(14.0f, 15.0f, 16.0f));
  ExpectError(Call(regress, Spec("iris") + Examples({flower})), kInvalid, "3 numbers a row");
  ExpectError(Call(classify, Spec("fraud") + Examples({flower})), kInvalid, "scores of classes");
  ExpectError(Call(regress, Spec("fraud")), kInvalid, "Input is empty.");
  ExpectError(Call(regress, Spec("fraud") + Examples({})), kInvalid, "Input is empty.");
  ExpectError(Call(regress, Spec("fraud", "nope") + Examples({context})), kInvalid, "No signature was found with the name: nope");
  ExpectError(Call(regress, Spec("fraud") + Examples({Example({{"amount", {1}}, {"hour", {1, 2}}})})), kInvalid, "hour");
}

TEST_F(TfsGrpc, SeveralTasks) {
  const std::string method = "/tensorflow.serving.PredictionService/MultiInference";
  const auto task = [](std::string_view model, std::string_view name) {
    return Bytes([&](ProtoWriter& request) {
      request.Message(1, [&](ProtoWriter& one) {
        one.Message(1, [&](ProtoWriter& spec) { spec.Bytes(1, model); });
        one.Bytes(2, name);
      });
    });
  };
  const std::string input = Examples({Example({{"amount", {1}}, {"hour", {1}}})});
  const Answer answer = Call(method, task("fraud", "tensorflow/serving/regress") + input);
  ASSERT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_THAT(Scalars(Find(answer.message, {1, 3, 1}), 1), ElementsAre(32.0f));
  EXPECT_THAT(Find(answer.message, {1, 1, 1}), ElementsAre("fraud"));
  ExpectError(Call(method, input), kInvalid, "ModelSpec has no name specified.");
  ExpectError(Call(method, task("fraud", "tensorflow/serving/predict") + input), absl::StatusCode::kUnimplemented,
              "Unsupported signature method_name");
  ExpectError(Call(method, task("fraud", "tensorflow/serving/regress") + task("fraud", "tensorflow/serving/regress") + input), kInvalid,
              "Duplicate evaluation of signature: serving_default");
  ExpectError(Call(method, task("fraud", "tensorflow/serving/regress") + task("iris", "tensorflow/serving/classify") + input), kInvalid,
              "same model name");
}

TEST_F(TfsGrpc, Metadata) {
  const std::string method = "/tensorflow.serving.PredictionService/GetModelMetadata";
  const std::string field = Bytes([](ProtoWriter& w) { w.Bytes(2, "signature_def"); });
  const Answer answer = Call(method, Spec("iris") + field);
  ASSERT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_THAT(Find(answer.message, {2, 2, 1}), ElementsAre("type.googleapis.com/tensorflow.serving.SignatureDefMap"));
  EXPECT_THAT(Find(answer.message, {2, 2, 2, 1, 1}), ElementsAre("serving_default"));
  EXPECT_THAT(Find(answer.message, {2, 2, 2, 1, 2, 1, 1}), ElementsAre("input"));
  EXPECT_THAT(Find(answer.message, {2, 2, 2, 1, 2, 3}), ElementsAre("tensorflow/serving/predict"));
  ExpectError(Call(method, Spec("iris")), kInvalid, "must specify at least one metadata_field");
  ExpectError(Call(method, Spec("iris") + Bytes([](ProtoWriter& w) { w.Bytes(2, "x"); })), kInvalid, "Metadata field x is not supported");
  ExpectError(Call(method, field), kInvalid, "Missing ModelSpec");
}

TEST_F(TfsGrpc, StatusOfVersions) {
  const std::string method = "/tensorflow.serving.ModelService/GetModelStatus";
  operations_.version.loaded = true;
  const Answer loaded = Call(method, Spec("fraud"));
  ASSERT_TRUE(loaded.status.ok()) << loaded.status;
  EXPECT_THAT(Find(loaded.message, {1}), ElementsAre(Bytes([](ProtoWriter& w) {
                w.Int(1, 3);
                w.Int(2, 30);
                w.Message(3, [](ProtoWriter& ok) { ok.Int(1, 0); });
              })));
  operations_.version.loaded = false;
  EXPECT_THAT(Find(Call(method, Spec("fraud")).message, {1})[0], HasSubstr("\x10\x32"));  // END
  operations_.model.on_demand = true;
  EXPECT_THAT(Find(Call(method, Spec("fraud")).message, {1})[0], HasSubstr("\x10\x1E"));  // AVAILABLE
  ExpectError(Call(method, SpecOfVersion("fraud", 9)), absl::StatusCode::kNotFound, "Could not find version 9 of model fraud");
  ExpectError(Call(method, ""), kInvalid, "Missing ModelSpec");
}

TEST_F(TfsGrpc, ReloadsAList) {
  const std::string method = "/tensorflow.serving.ModelService/HandleReloadConfigRequest";
  const std::string request = Bytes([](ProtoWriter& w) {
    w.Message(1, [](ProtoWriter& config) {
      config.Message(1, [](ProtoWriter& list) {
        list.Message(1, [](ProtoWriter& model) {
          model.Bytes(1, "ghost");
          model.Bytes(2, "/models/ghost");
          model.Bytes(4, "tensorflow");
          model.Message(7, [](ProtoWriter& policy) {
            policy.Message(102, [](ProtoWriter& specific) {
              specific.Message(1, [](ProtoWriter& versions) {
                versions.Element(1);
                versions.Element(3);
              });
            });
          });
          model.Message(8, [](ProtoWriter& label) {
            label.Bytes(1, "stable");
            label.Int(2, 3);
          });
        });
      });
    });
  });
  ASSERT_TRUE(Call(method, request).status.ok());
  ASSERT_EQ(operations_.base_paths.size(), 1u);
  const BasePathModel& model = operations_.base_paths[0];
  EXPECT_EQ(model.name + " " + model.base_path + " " + model.platform + " " + model.versions, "ghost /models/ghost tensorflow 1 3");
  EXPECT_EQ(model.labels, (std::map<std::string, int64_t>{{"stable", 3}}));
  ExpectError(Call(method, ""), kInvalid, "Only ModelConfigList is currently supported");
  operations_.fail = absl::FailedPreconditionError("no");
  ExpectError(Call(method, request), absl::StatusCode::kFailedPrecondition, "no");
}

// Answers without an allocation of its own.
class SilentGrpcExchange final : public net::GrpcExchange {
 public:
  void Reply(std::string_view message, std::initializer_list<net::ReplyHeader> /*metadata*/) override { bytes += message.size(); }
  void Fail(const Status&, std::initializer_list<net::ReplyHeader> /*metadata*/) override { ++failures; }
  std::shared_ptr<net::GrpcCall> Defer() override { return nullptr; }
  std::string PeerName() const override { return ""; }
  size_t bytes = 0;
  int failures = 0;
};

TEST_F(TfsGrpc, AWarmPredictionAllocatesNothing) {
  const std::string method = "/tensorflow.serving.PredictionService/Predict";
  const std::string message = Spec("fraud", "serving_default") + Input("input", Floats({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}, false));
  net::GrpcRequest request;
  request.path = method;
  request.message = message;
  const net::GrpcMethod* const found = methods_.Find(method);
  SilentGrpcExchange exchange;
  for (int i = 0; i < 10; ++i) found->unary(request, exchange);
  EXPECT_EQ(testing::CountAllocations([&] {
              for (int i = 0; i < 10; ++i) found->unary(request, exchange);
            }),
            0);
  EXPECT_EQ(exchange.failures, 0);
  EXPECT_GT(exchange.bytes, 0u);
}

}  // namespace
}  // namespace vigil
