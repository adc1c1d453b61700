#include "runtime/repository/warm_up.h"

#include <cstring>
#include <deque>
#include <vector>

#include "base/random.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/score_and_wait.h"

namespace vigil::repository {
namespace {

// A tensor's memory for the length of a call, aligned for any element.
struct Memory {
  std::vector<uint64_t> words;
  std::vector<std::string_view> texts;
};

// Random numbers of any float type in [0, 1), of any other small whole ones.
void FillRandom(DType dtype, size_t elements, Random* random, void* data) {
  for (size_t i = 0; i < elements; ++i) {
    const double unit = random->Uniform();
    const auto small = static_cast<uint8_t>(unit * 100);
    switch (dtype) {
      case DType::kFloat32: static_cast<float*>(data)[i] = static_cast<float>(unit); break;
      case DType::kFloat64: static_cast<double*>(data)[i] = unit; break;
      case DType::kBool: static_cast<uint8_t*>(data)[i] = small & 1; break;
      default: std::memcpy(static_cast<char*>(data) + i * DTypeBytes(dtype), &small, 1); break;  // little-endian
    }
  }
}

StatusOr<TensorView> MakeTensor(const WarmUpInput& input, int64_t batch_size, const std::string& folder, Random* random, Memory* memory) {
  TensorView view;
  view.name = input.tensor.name;
  view.dtype = input.tensor.dtype;
  int64_t elements = 1;
  if (batch_size > 0) view.shape.push_back(batch_size);
  view.shape.insert(view.shape.end(), input.tensor.dims.begin(), input.tensor.dims.end());
  const auto element_bytes = static_cast<int64_t>(view.dtype == DType::kString ? sizeof(std::string_view) : DTypeBytes(view.dtype));
  for (const int64_t size : view.shape) {
    if (size > kWarmUpBytesMax / element_bytes / elements)
      return absl::InvalidArgumentError(Cat("larger than ", kWarmUpBytesMax, " bytes"));
    elements *= size;
  }
  if (view.dtype == DType::kString) {
    if (input.data != WarmUpInput::Data::kZero) return absl::UnimplementedError("texts are warmed up with zero_data only");
    memory->texts.resize(static_cast<size_t>(elements));
    view.data = memory->texts.data();
    return view;
  }
  const auto bytes = static_cast<size_t>(elements * element_bytes);
  memory->words.resize((bytes + 7) / 8);
  view.data = memory->words.data();
  if (input.data == WarmUpInput::Data::kRandom) FillRandom(view.dtype, static_cast<size_t>(elements), random, memory->words.data());
  if (input.data != WarmUpInput::Data::kFile) return view;
  VIGIL_ASSIGN_OR_RETURN(const std::string path, PathWithin(folder, Cat("warmup/", input.file), "input_data_file"));
  VIGIL_ASSIGN_OR_RETURN(const std::string content, ReadFileHead(path, bytes + 1));
  if (content.size() != bytes) return absl::InvalidArgumentError(Cat(path, ": ", content.size(), " bytes or more; the tensor has ", bytes));
  std::memcpy(memory->words.data(), content.data(), bytes);
  return view;
}

}  // namespace

StatusOr<int64_t> RunWarmUps(const TritonConfig& config, const std::string& folder, const std::string& file, const LoadedModel& model) {
  Random random(1);
  int64_t calls = 0;
  const std::unique_ptr<Scorer> scorer = model.NewScorer();
  for (const WarmUp& warm_up : config.warm_ups) {
    const auto refuse = [&](const WarmUpInput& input, const Status& why) {
      return Status(why.code(), Cat(file, ":", input.tensor.line, ": model_warmup '", warm_up.name, "': ", why.message()));
    };
    std::deque<Memory> memory;
    const auto& first = warm_up.inputs[0];
    const int64_t rows = warm_up.batch_size > 0 ? warm_up.batch_size : first.tensor.dims.empty() ? 1 : first.tensor.dims[0];
    Batch batch(static_cast<size_t>(rows));
    for (const WarmUpInput& input : warm_up.inputs) {
      StatusOr<TensorView> tensor = MakeTensor(input, warm_up.batch_size, folder, &random, &memory.emplace_back());
      if (!tensor.ok()) return refuse(input, tensor.status());
      batch.Add(*std::move(tensor));
    }
    for (int64_t i = 0; i < warm_up.count; ++i, ++calls) {
      ScoreCall call;
      Outputs outputs;
      if (const Status scored = ScoreAndWait(*scorer, batch, call, &outputs); !scored.ok()) return refuse(first, scored);
    }
  }
  return calls;
}

}  // namespace vigil::repository
