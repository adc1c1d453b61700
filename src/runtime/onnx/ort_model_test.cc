// Models written here, served by ONNX Runtime: every type, several inputs and outputs, fixed batches, maps, external data, refusals.
#include "runtime/onnx/ort_model.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>

#include "gtest/gtest.h"
#include "runtime/cat.h"
#include "runtime/onnx/loader.h"
#include "runtime/testing/onnx_writer.h"

namespace vigil::onnx {
namespace {

using testing::Floats;
using testing::Int;
using testing::Ints;
using testing::OnnxWriter;
using testing::ProtoWriter;
using testing::RawTensor;
using testing::Texts;

class OrtModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!LoadOrt().ok()) GTEST_SKIP() << "ONNX Runtime is not there: " << LoadOrt().status();
    folder_ = std::filesystem::path(::testing::TempDir()) / Cat("vigil_onnx_", getpid());
    std::filesystem::create_directories(folder_ / "model");
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& bytes, const OnnxOptions& options = {}) {
    const std::string path = (folder_ / "model" / "m.onnx").string();
    std::ofstream(path, std::ios::binary) << bytes;
    return MakeOnnxLoader(options)->Load(path, LoadOptions());
  }

  std::filesystem::path folder_;
};

StatusOr<Outputs> Score(const LoadedModel& model, const Batch& batch) {
  ScoreCall call;
  Outputs outputs;
  VIGIL_RETURN_IF_ERROR(model.NewScorer()->Score(batch, call, &outputs).status());
  return outputs;
}

bool Says(const Status& status, std::string_view part) { return status.message().find(AbslView(part)) != absl::string_view::npos; }

// y = x for a type.
std::string Echo(int64_t type, const std::vector<int64_t>& dims) {
  return OnnxWriter().Opset("", 17).Input("x", type, dims).Output("y", type, dims).Node("Identity", "", {"x"}, {"y"}).Build();
}

TEST_F(OrtModelTest, EveryTypeComesBackAsItWent) {
  const std::pair<int64_t, DType> types[] = {{1, DType::kFloat32},  {2, DType::kUint8},    {3, DType::kInt8},    {4, DType::kUint16},
                                             {5, DType::kInt16},    {6, DType::kInt32},    {7, DType::kInt64},   {9, DType::kBool},
                                             {10, DType::kFloat16}, {11, DType::kFloat64}, {12, DType::kUint32}, {13, DType::kUint64}};
  for (const auto& [onnx, dtype] : types) {
    const auto model = Load(Echo(onnx, {-1, 3}));
    ASSERT_TRUE(model.ok()) << DTypeName(dtype) << ": " << model.status();
    EXPECT_EQ((*model)->signature().inputs[0].dtype, dtype);
    std::vector<std::byte> data(6 * DTypeBytes(dtype));
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(dtype == DType::kBool ? i % 2 : i * 7 % 60);
    Batch batch(2);
    batch.Add({"x", dtype, {2, 3}, data.data()});
    const auto outputs = Score(**model, batch);
    ASSERT_TRUE(outputs.ok()) << DTypeName(dtype) << ": " << outputs.status();
    const OwnedTensor& y = outputs->tensors[0];
    EXPECT_EQ(y.dtype, dtype);
    EXPECT_EQ(y.shape, (absl::InlinedVector<int64_t, 4>{2, 3}));
    const void* got = dtype == DType::kFloat32 ? static_cast<const void*>(y.floats.data()) : y.bytes.data();
    EXPECT_EQ(std::memcmp(got, data.data(), data.size()), 0) << DTypeName(dtype);
  }
}

TEST_F(OrtModelTest, StringsOfAnyBytes) {
  const auto model = Load(Echo(8, {-1, 1}));
  ASSERT_TRUE(model.ok()) << model.status();
  const std::string_view words[] = {"", "a", std::string_view("nul\0inside", 10), "\xc3\xa9t\xc3\xa9"};
  for (const bool column : {true, false}) {  // [n,1] or [n]
    Batch batch(4);
    TensorView tensor{"x", DType::kString, {4}, words};
    if (column) tensor.shape.push_back(1);
    batch.Add(tensor);
    const auto outputs = Score(**model, batch);
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    EXPECT_EQ(outputs->tensors[0].strings, std::vector<std::string>(std::begin(words), std::end(words)));
  }
}

TEST_F(OrtModelTest, SeveralInputsAndOutputsInAnyOrder) {
  OnnxWriter writer;
  writer.Opset("", 17).Input("a", 1, {-1, 2}).Input("b", 7, {-1, 1}).Output("total", 1, {-1, 2}).Output("b2", 7, {-1, 1});
  writer.Node("Cast", "", {"b"}, {"bf"}, {Int("to", 1)}).Node("Add", "", {"a", "bf"}, {"total"}).Node("Add", "", {"b", "b"}, {"b2"});
  const auto model = Load(writer.Build());
  ASSERT_TRUE(model.ok()) << model.status();
  const float a[] = {1, 2, 3, 4};
  const int64_t b[] = {10, 20};
  Batch batch(2);
  batch.Add({"b", DType::kInt64, {2, 1}, b});
  batch.Add({"a", DType::kFloat32, {2, 2}, a});
  const auto outputs = Score(**model, batch);
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->tensors[0].name, "total");
  EXPECT_EQ(outputs->tensors[0].floats, (std::vector<float>{11, 12, 23, 24}));
  EXPECT_EQ(reinterpret_cast<const int64_t*>(outputs->tensors[1].bytes.data())[1], 40);
  // A double for the float input is rounded; text for it, or another row count, is refused by name.
  const double doubles[] = {1, 2, 3, 4};
  Batch rounded(2);
  rounded.Add({"b", DType::kInt64, {2, 1}, b});
  rounded.Add({"a", DType::kFloat64, {2, 2}, doubles});
  EXPECT_EQ(Score(**model, rounded)->tensors[0].floats, (std::vector<float>{11, 12, 23, 24}));
  Batch uneven(2);
  uneven.Add({"b", DType::kInt64, {1, 1}, b});
  uneven.Add({"a", DType::kFloat32, {2, 2}, a});
  const auto refused = Score(**model, uneven);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Says(refused.status(), "'b'")) << refused.status();
  Batch floats_for_integers(2);
  floats_for_integers.Add({"b", DType::kFloat32, {2, 1}, a});
  floats_for_integers.Add({"a", DType::kFloat32, {2, 2}, a});
  EXPECT_EQ(Score(**model, floats_for_integers).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(OrtModelTest, AModelOfAFixedBatchTakesAnyNumberOfRows) {
  OnnxWriter writer;
  writer.Opset("", 17).Input("x", 1, {3, 2}).Input("t", 8, {3, 1}).Output("y", 1, {3, 1}).Output("u", 8, {3, 1});
  writer.Initializer(RawTensor<float>("w", 1, {2, 1}, {1.0f, 10.0f}));
  writer.Node("MatMul", "", {"x", "w"}, {"y"}).Node("Identity", "", {"t"}, {"u"});
  const auto model = Load(writer.Build());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->signature().inputs[0].shape, (std::vector<int64_t>{-1, 2}));
  std::vector<float> x;
  std::vector<std::string> names;
  std::vector<std::string_view> t;
  for (int r = 0; r < 8; ++r) {
    x.insert(x.end(), {static_cast<float>(r), 1});
    names.push_back(std::string(static_cast<size_t>(r), 'x'));
  }
  for (const std::string& name : names) t.push_back(name);
  for (const size_t n : {1, 3, 4, 8, 0}) {
    Batch batch(n);
    batch.Add({"x", DType::kFloat32, {static_cast<int64_t>(n), 2}, x.data()});
    batch.Add({"t", DType::kString, {static_cast<int64_t>(n), 1}, t.data()});
    const auto outputs = Score(**model, batch);
    ASSERT_TRUE(outputs.ok()) << n << ": " << outputs.status();
    EXPECT_EQ(outputs->tensors[0].shape, (absl::InlinedVector<int64_t, 4>{static_cast<int64_t>(n), 1}));
    ASSERT_EQ(outputs->tensors[0].floats.size(), n);
    ASSERT_EQ(outputs->tensors[1].strings.size(), n);
    for (size_t r = 0; r < n; ++r) {
      EXPECT_EQ(outputs->tensors[0].floats[r], static_cast<float>(r) + 10);
      EXPECT_EQ(outputs->tensors[1].strings[r], names[r]);
    }
  }
}

TEST_F(OrtModelTest, MapsBecomeOneOutputAKey) {
  OnnxWriter writer;
  writer.Opset("", 17).Opset("ai.onnx.ml", 3).Input("x", 1, {-1, 2}).MapOutput("p", true);
  writer.Node("Abs", "", {"x"}, {"z"}).Node("ZipMap", "ai.onnx.ml", {"z"}, {"p"}, {Texts("classlabels_strings", {"no", "yes"})});
  const auto model = Load(writer.Build());
  ASSERT_TRUE(model.ok()) << model.status();
  const float x[] = {-1, 2, 3, -4};
  const auto outputs = Score(**model, Batch::FloatMatrix(x, 2, 2));
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  ASSERT_EQ(outputs->tensors.size(), 2u);
  EXPECT_EQ(outputs->tensors[0].name, "p[no]");
  EXPECT_EQ(outputs->tensors[1].name, "p[yes]");
  EXPECT_EQ(outputs->tensors[1].floats, (std::vector<float>{2, 4}));
  EXPECT_EQ((*model)->signature().task, Task::kBinary);
}

// y = x * W, W in a file of its own.
std::string WithExternal(const std::string& location, const std::string& length) {
  const auto entry = [](std::string_view key, std::string_view value) { return ProtoWriter().Bytes(1, key).Bytes(2, value).bytes(); };
  const std::string tensor = ProtoWriter()
                                 .Packed(1, {2, 1})
                                 .Number(2, 1)
                                 .Bytes(8, "W")
                                 .Bytes(13, entry("location", location))
                                 .Bytes(13, entry("offset", "4"))
                                 .Bytes(13, entry("length", length))
                                 .Number(14, 1)
                                 .bytes();
  return OnnxWriter()
      .Opset("", 17)
      .Input("x", 1, {-1, 2})
      .Output("y", 1, {-1, 1})
      .Initializer(tensor)
      .Node("MatMul", "", {"x", "W"}, {"y"})
      .Build();
}

TEST_F(OrtModelTest, ExternalDataInsideTheModelsFolderOnly) {
  const float weights[] = {99, 2, 3};
  const auto put = [&](const std::filesystem::path& path) {
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(weights), sizeof(weights));
  };
  put(folder_ / "model" / "w.bin");
  put(folder_ / "secret.bin");
  std::filesystem::create_symlink("../secret.bin", folder_ / "model" / "link.bin");
  const auto model = Load(WithExternal("w.bin", "8"));
  ASSERT_TRUE(model.ok()) << model.status();
  const float x[] = {10, 100};
  EXPECT_EQ(Score(**model, Batch::FloatMatrix(x, 1, 2))->tensors[0].floats, std::vector<float>{320});
  const std::pair<std::string, std::string> refused[] = {{"../secret.bin", "outside"},
                                                         {"link.bin", "outside"},
                                                         {(folder_ / "secret.bin").string(), "outside"},
                                                         {"sub/../../secret.bin", "outside"},
                                                         {"gone.bin", "cannot be read"},
                                                         {".", "outside"},
                                                         {"", "no location"}};
  for (const auto& [location, why] : refused) {
    const auto bad = Load(WithExternal(location, "8"));
    ASSERT_FALSE(bad.ok()) << location;
    EXPECT_TRUE(Says(bad.status(), why)) << bad.status();
    EXPECT_TRUE(Says(bad.status(), "initializer 'W'")) << bad.status();
  }
  EXPECT_TRUE(Says(Load(WithExternal("w.bin", "12")).status(), "length 12"));
  EXPECT_TRUE(Says(Load(WithExternal("w.bin", "eight")).status(), "no length"));
  std::filesystem::resize_file(folder_ / "model" / "w.bin", 8);
  EXPECT_TRUE(Says(Load(WithExternal("w.bin", "8")).status(), "are needed"));
}

TEST_F(OrtModelTest, ProvidersAreListedAndChosenByName) {
  OnnxOptions options;
  options.providers = {"cpu"};
  options.intra_threads = 2;
  options.inter_threads = 2;
  const auto model = Load(Echo(1, {-1, 3}), options);
  ASSERT_TRUE(model.ok()) << model.status();
  bool listed = false;
  for (const auto& [name, value] : (*model)->info().facts) listed = listed || (name == "providers" && value == "CPUExecutionProvider");
  EXPECT_TRUE(listed);
  options.providers = {"CPUExecutionProvidr"};
  const Status unknown = Load(Echo(1, {-1, 3}), options).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(Says(unknown, "CPUExecutionProvider")) << unknown;
}

TEST_F(OrtModelTest, BatchedWhereItIsAskedFor) {
  const SystemClock clock;
  OnnxOptions options;
  options.batching.rows_max = 8;
  const std::string path = (folder_ / "model" / "m.onnx").string();
  std::ofstream(path, std::ios::binary) << Echo(1, {-1, 3});
  const auto model = MakeOnnxLoader(options, &clock)->Load(path, LoadOptions());
  ASSERT_TRUE(model.ok()) << model.status();
  const float rows[] = {1, 2, 3};
  std::mutex mutex;
  std::condition_variable wake;
  bool answered = false;
  ScoreCall call;
  call.post = [&](std::function<void()> work) {
    work();
    const std::lock_guard lock(mutex);
    answered = true;
    wake.notify_all();
  };
  call.done = [](Status status) { EXPECT_TRUE(status.ok()) << status; };
  Outputs outputs;
  const Batch batch = Batch::FloatMatrix(rows, 1, 3, "x");
  const auto state = (*model)->NewScorer()->Score(batch, call, &outputs);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(*state, ScoreState::kLater);
  std::unique_lock lock(mutex);
  ASSERT_TRUE(wake.wait_for(lock, std::chrono::seconds(10), [&] { return answered; }));
  EXPECT_EQ(outputs.tensors[0].floats, (std::vector<float>{1, 2, 3}));
}

TEST_F(OrtModelTest, RefusalsNameThePlaceAndTheNearestRightThing) {
  OnnxWriter unknown;
  unknown.Opset("", 17).Input("x", 1, {-1, 3}).Output("y", 1, {-1, 3}).Node("Identity", "", {"x"}, {"z"}).Node("Sigmiod", "", {"z"}, {"y"});
  const Status status = Load(unknown.Build()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(Says(status, "graph.node[1] Sigmiod") && Says(status, "Sigmoid")) << status;

  OnnxWriter ahead;
  ahead.Opset("", 999).Input("x", 1, {-1, 3}).Output("y", 1, {-1, 3}).Node("Identity", "", {"x"}, {"y"});
  EXPECT_TRUE(Says(Load(ahead.Build()).status(), "opset 999 of ai.onnx")) << Load(ahead.Build()).status();

  OnnxWriter missing;
  missing.Opset("", 17).Input("x", 1, {-1, 3}).Output("y", 1, {-1, 3}).Node("Identity", "", {"nowhere"}, {"y"});
  EXPECT_EQ(Load(missing.Build()).status().code(), absl::StatusCode::kInvalidArgument) << Load(missing.Build()).status();

  OnnxWriter large;  // a shape of 4 TB over four bytes
  large.Opset("", 17).Input("x", 1, {-1, 3}).Output("y", 1, {-1, 3}).Node("Add", "", {"x", "w"}, {"y"});
  large.Initializer(RawTensor<float>("w", 1, {1 << 20, 1 << 19}, {1.0f}));
  EXPECT_TRUE(Says(Load(large.Build()).status(), "initializer 'w': 4 bytes of data")) << Load(large.Build()).status();
}

}  // namespace
}  // namespace vigil::onnx
