// Remote models against servers made of code: what is sent, what is understood, and what happens when a server does not behave.
#include <gtest/gtest.h>

#include <cmath>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/cat.h"
#include "runtime/remote/address.h"
#include "runtime/remote/breaker.h"
#include "runtime/remote/call_pool.h"
#include "runtime/remote/dialect.h"
#include "runtime/remote/json_tensors.h"
#include "runtime/remote/loader.h"
#include "runtime/testing/conformance.h"

namespace vigil::remote {
namespace {

// A server: any function from a request to an answer.
using Server = std::function<StatusOr<RemoteAnswer>(const RemoteRequest&)>;

struct FakeServer {
  Server serve;
  std::atomic<int> requests{0};
  std::atomic<bool> may_have_reached{true};
  Connect connect() {
    class Connection final : public RemoteConnection {
     public:
      explicit Connection(FakeServer& server) : server_(server) {}
      StatusOr<RemoteAnswer> Send(const RemoteRequest& request) override {
        ++server_.requests;
        return server_.serve(request);
      }
      bool MayHaveReached() const override { return server_.may_have_reached; }

     private:
      FakeServer& server_;
    };
    return [this](const std::string&) { return std::make_unique<Connection>(*this); };
  }
};

constexpr char kOipMetadata[] =
    R"({"name":"m","versions":["1"],"platform":"python","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],)"
    R"("outputs":[{"name":"y","datatype":"FP32","shape":[-1]}]})";

// Sums rows of two, as a small Python server would: strict JSON in, loose JSON out.
StatusOr<RemoteAnswer> SumServer(const RemoteRequest& request) {
  if (request.method == "GET" && request.target == "/v2/models/m") return RemoteAnswer{200, kOipMetadata};
  if (request.target != "/v2/models/m/infer") return RemoteAnswer{404, R"({"error":"no such model"})"};
  const StatusOr<Json> body = ParseJson(request.body, "request");
  if (!body.ok()) return RemoteAnswer{400, std::string(R"({"error":")") + std::string(body.status().message()) + "\"}"};
  const Json& input = (*body)["inputs"][0];
  std::string data;
  const size_t rows = input["shape"][0];
  for (size_t r = 0; r < rows; ++r) {
    const Json &a = input["data"][2 * r], &b = input["data"][2 * r + 1];
    data += r == 0 ? "" : ",";
    data += a.is_null() || b.is_null() ? "NaN" : std::to_string(a.get<float>() + b.get<float>());
  }
  return RemoteAnswer{200,
                      Cat(R"({"model_name":"m","outputs":[{"name":"y","datatype":"FP32","shape":[)", rows, R"(],"data":[)", data, "]}]}")};
}

class Remote : public ::testing::Test {
 public:
  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const std::string& signature = "") {
    std::vector<std::unique_ptr<ModelLoader>> loaders;
    loaders.push_back(MakeRemoteLoader(server_.connect(), clock_, limits_));
    LoadOptions options;
    options.signature = signature;
    return LoadModel(loaders, path, options);
  }
  Status Score(const LoadedModel& model, const Batch& batch, Outputs* outputs, int64_t deadline_ns = INT64_MAX) {
    const auto scorer = model.NewScorer();
    std::mutex mutex;
    std::condition_variable posted;
    std::deque<std::function<void()>> loop;
    Status answer = absl::UnknownError("not answered");
    ScoreCall call;
    call.deadline_ns = deadline_ns;
    call.done = [&](Status status) { answer = std::move(status); };
    call.post = [&](std::function<void()> work) {
      const std::lock_guard lock(mutex);
      loop.push_back(std::move(work));
      posted.notify_one();
    };
    const auto state = scorer->Score(batch, call, outputs);
    if (!state.ok()) return state.status();
    if (*state == ScoreState::kDone) return absl::OkStatus();
    std::unique_lock lock(mutex);
    posted.wait(lock, [&] { return !loop.empty(); });
    loop.front()();
    return answer;
  }

  FakeServer server_{&SumServer};
  SystemClock clock_;
  RemoteLimits limits_;
};

TEST(RemoteAddress, SaysWhereAndWhich) {
  const auto address = ParseAddress("oip://models.example:8000/a b/3");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->base_url, "http://models.example:8000");
  EXPECT_EQ(address->model, "a b");
  EXPECT_EQ(address->version, "3");
  EXPECT_EQ(PathSegment("a b/\xc3\xa9"), "a%20b%2F%C3%A9");
  EXPECT_EQ(ParseAddress("tfs://[::1]:8501/m")->base_url, "http://[::1]:8501");
  for (const char* wrong : {"oip://", "oip://h/m", "oip://h:0/m", "oip://h:99999/m", "oip://h:80", "oip://h:80/", "oip://h:80/m/1/2",
                            "oip://u:p@h:80/m", "oip://h h:80/m", "http://h:80/m"}) {
    EXPECT_EQ(ParseAddress(wrong).status().code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
}

TEST_F(Remote, ScoresThroughTheOpenInferenceProtocol) {
  const auto model = Load("oip://h:1/m");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->info().format, "remote-oip");
  EXPECT_EQ((*model)->signature().columns, (std::vector<std::string>{"f0", "f1"}));
  const float rows[] = {1, 2, std::nanf(""), 1, 0.25f, 0.5f};
  Outputs outputs;
  const Status status = Score(**model, Batch::FloatMatrix(rows, 3, 2, "x"), &outputs);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(outputs.tensors[0].floats[0], 3.0f);
  EXPECT_TRUE(std::isnan(outputs.tensors[0].floats[1])) << "null there, NaN back";
  EXPECT_EQ(outputs.tensors[0].floats[2], 0.75f);
}

TEST_F(Remote, KeepsEveryPromiseOfARuntime) {
  const auto model = Load("oip://h:1/m");
  ASSERT_TRUE(model.ok()) << model.status();
  class Waiting final : public LoadedModel {
   public:
    Waiting(const LoadedModel& model, Remote& test) : model_(model), test_(test) {}
    const Signature& signature() const override { return model_.signature(); }
    const ModelInfo& info() const override { return model_.info(); }
    std::unique_ptr<Scorer> NewScorer() const override {
      class One final : public Scorer {
       public:
        One(const LoadedModel& model, Remote& test) : model_(model), test_(test) {}
        StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
          VIGIL_RETURN_IF_ERROR(test_.Score(model_, batch, outputs, call.deadline_ns));
          return ScoreState::kDone;
        }
        const LoadedModel& model_;
        Remote& test_;
      };
      return std::make_unique<One>(model_, test_);
    }
    const LoadedModel& model_;
    Remote& test_;
  };
  const Waiting waiting(**model, *this);
  vigil::testing::RuntimeConformance runtime;
  runtime.model = &waiting;
  runtime.rows = {1, 2, 3, 4, 0.5f, 0.25f, -1, 1, 7, 8};
  vigil::testing::CheckRuntime(runtime);
}

TEST_F(Remote, SpeaksTensorFlowServing) {
  std::string sent;
  server_.serve = [&](const RemoteRequest& request) -> StatusOr<RemoteAnswer> {
    if (request.target == "/v1/models/m/versions/2/metadata") {
      return RemoteAnswer{200, R"({"model_spec":{"name":"m","version":"2"},"metadata":{"signature_def":{"signature_def":{
        "serving_default":{"inputs":{"x":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1"},{"size":"2"}]}},
          "s":{"dtype":"DT_STRING","tensor_shape":{"dim":[{"size":"-1"}]}}},
          "outputs":{"y":{"dtype":"DT_INT64","tensor_shape":{"dim":[{"size":"-1"}]}},"z":{"dtype":"DT_DOUBLE","tensor_shape":{"dim":[{"size":"-1"},{"size":"1"}]}}},
          "method_name":"tensorflow/serving/predict"},
        "old":{"inputs":{"e":{"dtype":"DT_STRING"}},"outputs":{"r":{"dtype":"DT_FLOAT"}},"method_name":"tensorflow/serving/regress"}}}}})"};
    }
    EXPECT_EQ(request.target, "/v1/models/m/versions/2:predict");
    sent = request.body;
    return RemoteAnswer{200, R"({"outputs":{"y":[9007199254740993,-2],"z":[[NaN],[-Infinity]]}})"};
  };
  const auto model = Load("tfs://h:1/m/2");
  ASSERT_TRUE(model.ok()) << model.status();
  const float x[] = {1.5f, std::nanf(""), INFINITY, 0.1f};
  const std::string_view s[] = {"a\"b", "\xff"};
  Batch batch(2);
  batch.Add({"x", DType::kFloat32, {2, 2}, x});
  batch.Add({"s", DType::kString, {2}, s});
  Outputs outputs;
  const Status status = Score(**model, batch, &outputs);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(sent, R"({"signature_name":"serving_default","inputs":{"s":["a\"b",{"b64":"/w=="}],"x":[[1.5,NaN],[Infinity,0.1]]}})");
  int64_t y[2];
  double z[2];
  ASSERT_EQ(outputs.tensors[0].bytes.size(), sizeof(y));
  ASSERT_EQ(outputs.tensors[1].bytes.size(), sizeof(z));
  std::memcpy(y, outputs.tensors[0].bytes.data(), sizeof(y));
  std::memcpy(z, outputs.tensors[1].bytes.data(), sizeof(z));
  EXPECT_EQ(y[0], 9007199254740993);
  EXPECT_EQ(y[1], -2);
  EXPECT_TRUE(std::isnan(z[0]));
  EXPECT_EQ(z[1], -INFINITY);
  EXPECT_EQ(Load("tfs://h:1/m/2", "old").status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(Load("tfs://h:1/m/2", "serving").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(Remote, TheServersErrorsKeepTheirMeaning) {
  const auto model = Load("oip://h:1/m");
  ASSERT_TRUE(model.ok()) << model.status();
  const float row[] = {1, 2};
  const std::pair<int, absl::StatusCode> cases[] = {
      {400, absl::StatusCode::kInvalidArgument}, {404, absl::StatusCode::kNotFound},    {429, absl::StatusCode::kResourceExhausted},
      {501, absl::StatusCode::kUnimplemented},   {503, absl::StatusCode::kUnavailable}, {504, absl::StatusCode::kDeadlineExceeded}};
  for (const auto& [http, code] : cases) {
    server_.serve = [http = http](const RemoteRequest&) { return RemoteAnswer{http, R"({"error":"column x is odd"})"}; };
    Outputs outputs;
    const Status status = Score(**model, Batch::FloatMatrix(row, 1, 2, "x"), &outputs);
    EXPECT_EQ(status.code(), code) << http;
    EXPECT_NE(status.message().find("column x is odd"), absl::string_view::npos);
  }
}

TEST_F(Remote, AnAnswerThatIsNotThePromisedOneIsAnError) {
  const auto model = Load("oip://h:1/m");
  ASSERT_TRUE(model.ok()) << model.status();
  const float row[] = {1, 2};
  for (const char* outputs_text :
       {"", "null", "[]", R"([{"name":"other","datatype":"FP32","shape":[1],"data":[1]}])",
        R"([{"name":"y","datatype":"INT64","shape":[1],"data":[1]}])", R"([{"name":"y","datatype":"FP32","shape":[2],"data":[1,2]}])",
        R"([{"name":"y","datatype":"FP32","shape":[1],"data":[1,2]}])", R"([{"name":"y","datatype":"FP32","shape":[1],"data":["a"]}])",
        R"([{"name":"y","datatype":"FP32","shape":[-1],"data":[1]}])"}) {
    server_.serve = [&](const RemoteRequest&) { return RemoteAnswer{200, Cat("{\"outputs\":", outputs_text, "}")}; };
    Outputs outputs;
    EXPECT_EQ(Score(**model, Batch::FloatMatrix(row, 1, 2, "x"), &outputs).code(), absl::StatusCode::kInternal) << outputs_text;
  }
}

TEST(RemoteTensors, ListsOfDifferentLengthsAreNoTensor) {
  const TensorSpec spec{"y", DType::kFloat32, {-1, 2}};
  OwnedTensor tensor;
  const auto read = [&](const char* text, std::vector<int64_t> shape = {}) {
    return ReadTensor(*ParseJson(text, "d"), spec, shape, 3, &tensor);
  };
  EXPECT_TRUE(read("[[1,2],[3,4],[5,6]]").ok());
  EXPECT_TRUE(read("[1,2,3,4,5,6]", {3, 2}).ok());
  EXPECT_TRUE(read("[[],[],[]]").ok());
  // As many numbers as three rows of two have, but not in such rows.
  for (const char* ragged : {"[[1,2],[3],[4,5,6]]", "[1,[2],3]", "[[1],2,[3]]", "[[[1,2]],[[3]],[[4,5,6]]]", "[[],[[1]],[]]"}) {
    EXPECT_EQ(read(ragged).message(), "output 'y' of the server: its lists of one level differ in length") << ragged;
  }
  EXPECT_EQ(read("[1,2,3]", std::vector<int64_t>(17, 1)).message(), "output 'y' of the server: a shape of 17 dimensions");
}

// Once this ran out of stack: the error was written into a message as deep as it was nested.
TEST(RemoteErrors, ADeeplyNestedErrorIsCutToALine) {
  const std::string deep = "{\"error\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  EXPECT_LT(ErrorOf(500, deep).message().size(), 600u);
}

TEST_F(Remote, RetriesOnlyWhatCannotHaveArrived) {
  const auto model = Load("oip://h:1/m");
  ASSERT_TRUE(model.ok()) << model.status();
  const float row[] = {1, 2};
  const Batch batch = Batch::FloatMatrix(row, 1, 2, "x");
  Outputs outputs;
  std::atomic<int> left{1};
  server_.serve = [&](const RemoteRequest& request) -> StatusOr<RemoteAnswer> {
    if (left-- > 0) return absl::UnavailableError("refused");
    return SumServer(request);
  };
  server_.may_have_reached = false;
  server_.requests = 0;
  EXPECT_TRUE(Score(**model, batch, &outputs).ok());
  EXPECT_EQ(server_.requests, 2);
  left = 1;
  server_.may_have_reached = true;
  server_.requests = 0;
  EXPECT_EQ(Score(**model, batch, &outputs).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.requests, 1) << "it may have been scored, and counted, there";
}

TEST_F(Remote, DeadlinesHoldWhileEveryConnectionIsBusy) {
  limits_.connections_max = 1;
  const auto model = Load("oip://h:1/m");
  ASSERT_TRUE(model.ok()) << model.status();
  const float row[] = {1, 2};
  const Batch batch = Batch::FloatMatrix(row, 1, 2, "x");
  std::atomic<bool> go{false};
  server_.serve = [&](const RemoteRequest& request) {
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return SumServer(request);
  };
  Outputs first, second;
  std::thread slow([&] { EXPECT_TRUE(Score(**model, batch, &first).ok()); });
  while (server_.requests < 2) std::this_thread::yield();
  const int64_t start = clock_.MonotonicNs();
  EXPECT_EQ(Score(**model, batch, &second, start + 50'000'000).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(clock_.MonotonicNs() - start, 50'000'000);
  go = true;
  slow.join();
}

TEST(RemoteBreaker, OpensProbesAndCloses) {
  RemoteLimits limits;
  Breaker breaker(limits);
  int64_t now = 1'000'000'000;
  for (int i = 0; i < limits.failures_to_open; ++i) {
    EXPECT_TRUE(breaker.Admit(now).ok()) << i;
    breaker.Failed(now, "refused");
  }
  const Status open = breaker.Admit(now);
  EXPECT_EQ(open.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(open.message().find("refused"), absl::string_view::npos) << open;
  now += limits.open_first_ms * 1'000'000;
  EXPECT_TRUE(breaker.Admit(now).ok()) << "one probe";
  EXPECT_FALSE(breaker.Admit(now).ok()) << "and no other meanwhile";
  breaker.Failed(now, "refused");
  now += limits.open_first_ms * 1'000'000;
  EXPECT_FALSE(breaker.Admit(now).ok()) << "twice as long after a failed probe";
  now += limits.open_first_ms * 1'000'000;
  EXPECT_TRUE(breaker.Admit(now).ok());
  breaker.Succeeded();
  EXPECT_TRUE(breaker.Admit(now).ok());
}

TEST_F(Remote, MetadataThatSaysTooLittleIsRefused) {
  for (const char* metadata :
       {"", "[]", "{}", R"({"inputs":[],"outputs":[]})", R"({"inputs":[{"name":"x","datatype":"FP16","shape":[-1]}]})",
        R"({"inputs":[{"name":"x","datatype":"FP32"}],"outputs":[]})",
        R"({"inputs":[{"name":"x","datatype":"FP32","shape":[-1,-5]}],"outputs":[{"name":"y","datatype":"FP32","shape":[-1]}]})"}) {
    server_.serve = [&](const RemoteRequest&) { return RemoteAnswer{200, metadata}; };
    const auto model = Load("oip://h:1/m");
    EXPECT_FALSE(model.ok()) << metadata;
    EXPECT_NE(model.status().message().find("oip://h:1/m"), absl::string_view::npos) << model.status();
  }
  server_.serve = SumServer;
  EXPECT_EQ(Load("oip://h:1/nobody").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace vigil::remote
