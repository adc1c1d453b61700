#include "frontends/tensors/oip_model.h"

#include <algorithm>
#include <charconv>

#include "frontends/words.h"

namespace vigil {
namespace {

// The version that is meant, not loaded now and loaded for the first request that asks: such a model is ready. Empty: there is none.
std::string_view VersionOnDemand(const ServedModel& model, std::string_view version) {
  if (!model.on_demand || model.unloaded) return "";
  return version.empty() || version == model.champion_version ? std::string_view(model.champion_version) : std::string_view();
}

}  // namespace

Status OipModelReady(PredictService& predict, std::string_view model, std::string_view version) {
  const StatusOr<PredictTarget> target = predict.Resolve(model, version);
  if (target.ok()) return absl::OkStatus();
  const ServedModels& models = predict.Models()->models;
  const auto found = models.find(model);
  return found != models.end() && !VersionOnDemand(*found->second, version).empty() ? absl::OkStatus() : target.status();
}

Status OipStatistics(PredictService& predict, const InferStatistics& statistics, std::string_view model, std::string_view version,
                     absl::FunctionRef<void(const std::string& model, const std::string& version, const InferSums& sums)> tell) {
  const auto add = [&](const ServedModel& served) {
    const auto add_one = [&](const std::string& one) {
      if (version.empty() || one == version) tell(served.name, one, statistics.Sum(served.name, one));
    };
    for (const auto& [name, loaded] : served.versions) add_one(name);
    // What was answered before the model made room for others counts on.
    if (served.champion == nullptr && !VersionOnDemand(served, version).empty()) add_one(served.champion_version);
  };
  if (model.empty()) {
    for (const auto& [name, served] : predict.Models()->models) add(*served);
    return absl::OkStatus();
  }
  VIGIL_RETURN_IF_ERROR(OipModelReady(predict, model, version));
  add(*predict.Models()->models.find(model)->second);
  return absl::OkStatus();
}

std::array<OipDuration, 8> OipDurations(const InferSums& sums) {
  return {{{"success", sums.success, sums.success_ns},
           {"fail", sums.fail, sums.fail_ns},
           {"queue", sums.success, 0},
           {"compute_input", sums.success, sums.input_ns},
           {"compute_infer", sums.success, sums.infer_ns},
           {"compute_output", sums.success, sums.output_ns},
           {"cache_hit", 0, 0},
           {"cache_miss", 0, 0}}};
}

namespace {

struct TritonType {
  std::string_view name;
  int number;
};

// In the order of DType.
constexpr std::array<TritonType, 14> kTritonTypes = {{{"TYPE_BOOL", 1},
                                                      {"TYPE_UINT8", 2},
                                                      {"TYPE_UINT16", 3},
                                                      {"TYPE_UINT32", 4},
                                                      {"TYPE_UINT64", 5},
                                                      {"TYPE_INT8", 6},
                                                      {"TYPE_INT16", 7},
                                                      {"TYPE_INT32", 8},
                                                      {"TYPE_INT64", 9},
                                                      {"TYPE_FP16", 10},
                                                      {"TYPE_BF16", 14},
                                                      {"TYPE_FP32", 11},
                                                      {"TYPE_FP64", 12},
                                                      {"TYPE_STRING", 13}}};

bool RowsFirst(const std::vector<TensorSpec>& specs) {
  return std::all_of(specs.begin(), specs.end(), [](const TensorSpec& spec) { return !spec.shape.empty() && spec.shape[0] < 0; });
}

}  // namespace

std::string_view TritonTypeName(DType dtype) { return kTritonTypes[static_cast<size_t>(dtype)].name; }
int TritonTypeNumber(DType dtype) { return kTritonTypes[static_cast<size_t>(dtype)].number; }

bool IsTritonBatched(const Signature& signature) { return RowsFirst(signature.inputs) && RowsFirst(signature.outputs); }

TritonDims TritonDimsOf(const TensorSpec& spec, bool batched) {
  static constexpr int64_t kOne[] = {1};
  const absl::Span<const int64_t> dims = absl::MakeConstSpan(spec.shape).subspan(batched ? 1 : 0);
  return dims.empty() ? TritonDims{kOne, true} : TritonDims{dims, false};
}

std::vector<int64_t> TritonVersions(const ServedModel& model) {
  std::vector<int64_t> numbers;
  for (const auto& [version, served] : model.versions) {
    int64_t number = 0;
    const char* const end = version.data() + version.size();
    if (const auto [stop, error] = std::from_chars(version.data(), end, number); error == std::errc() && stop == end && number >= 0) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

}  // namespace vigil
