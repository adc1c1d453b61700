#include "runtime/onnx/loader.h"

#include <filesystem>
#include <string>
#include <utility>

#include "base/hash.h"
#include "runtime/batching.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/onnx/lifted_model.h"
#include "runtime/onnx/onnx_checks.h"
#include "runtime/onnx/onnx_file.h"
#include "runtime/onnx/ort_model.h"

namespace vigil::onnx {
namespace {

constexpr int64_t kMessageBytesMax = (int64_t{1} << 31) - 1;  // protobuf's own limit

class OnnxLoader final : public ModelLoader {
 public:
  OnnxLoader(OnnxOptions options, const Clock* clock) : options_(std::move(options)), clock_(clock) {}

  std::vector<std::string> Formats() const override { return {"ONNX (.onnx)"}; }

  // A protobuf has no mark of its own: the name decides.
  bool Recognises(const std::string& path, std::string_view) const override { return EndsWithIgnoreCase(path, ".onnx"); }

  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& options) const override {
    VIGIL_ASSIGN_OR_RETURN(const std::string bytes, ReadModelFile(path));
    std::error_code error;
    const std::filesystem::path resolved = std::filesystem::canonical(path, error);
    StatusOr<std::unique_ptr<LoadedModel>> model = Open(bytes, error ? "" : resolved.parent_path().string(), options);
    if (model.ok()) return model;
    return Status(model.status().code(), Cat(path, ": ", model.status().message()));
  }

 private:
  StatusOr<std::unique_ptr<LoadedModel>> Open(const std::string& bytes, const std::string& folder, const LoadOptions& options) const {
    if (static_cast<int64_t>(bytes.size()) > kMessageBytesMax) {
      return absl::InvalidArgumentError(Cat(bytes.size(), " bytes: an ONNX file ends at 2 GiB; larger weights go to external data"));
    }
    if (bytes.starts_with("PK\x03\x04")) return absl::InvalidArgumentError("is a ZIP archive, not an ONNX model; unpack it");
    VIGIL_ASSIGN_OR_RETURN(const OnnxFile file, ReadOnnxFile(bytes));
    VIGIL_RETURN_IF_ERROR(CheckOnnxFile(file, folder));
    VIGIL_ASSIGN_OR_RETURN(const OnnxFacts facts, GatherFacts(file));
    ModelInfo info = Describe(file, bytes);
    const std::string data_folder = HasExternalData(file) ? folder : "";
    if (options.engine == "onnxruntime") {
      info.engine_reason = "asked for by name";
      return Batched(OpenWithOrt(file, facts, bytes, data_folder, std::move(info)));
    }
    StatusOr<std::unique_ptr<LiftedModel>> lifted = Lift(file, facts, info, options);
    if (lifted.ok()) lifted = Prove(*std::move(lifted), file, facts, bytes, data_folder, info, options);
    if (lifted.ok()) return std::unique_ptr<LoadedModel>(*std::move(lifted));
    // A broken model is refused whoever would serve it; an engine asked for by name is not replaced.
    if (absl::IsInvalidArgument(lifted.status())) return lifted.status();
    if (!options.engine.empty()) {
      return absl::FailedPreconditionError(Cat("engine '", options.engine, "' cannot serve this model: ", lifted.status().message()));
    }
    info.engine_reason = Cat("not lifted into Vigil's own trees: ", lifted.status().message());
    return Batched(OpenWithOrt(file, facts, bytes, data_folder, std::move(info)));
  }

  static StatusOr<std::unique_ptr<LiftedModel>> Lift(const OnnxFile& file, const OnnxFacts& facts, const ModelInfo& info,
                                                     const LoadOptions& options) {
    VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<LiftProgram> program, LiftProgram::Make(file, facts, options));
    auto model = std::make_unique<LiftedModel>(std::move(program), facts, info);
    model->SetReason(Cat("a tree ensemble, served by Vigil's own trees: ", model->program().trees()[0]->reason()));
    return model;
  }

  // Where ONNX Runtime is at hand the lifted model must agree with it (and a file that it refuses is refused).
  StatusOr<std::unique_ptr<LiftedModel>> Prove(std::unique_ptr<LiftedModel> lifted, const OnnxFile& file, const OnnxFacts& facts,
                                               const std::string& bytes, const std::string& folder, const ModelInfo& info,
                                               const LoadOptions& options) const {
    const StatusOr<const OrtLibrary*> ort = LoadOrt();
    std::string proof = "; not checked against ONNX Runtime, which is not installed";
    if (!options.self_check) {
      proof = "; not checked against ONNX Runtime, as told";
    } else if (ort.ok()) {
      VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> judge, OpenWithOrt(file, facts, bytes, folder, info));
      VIGIL_RETURN_IF_ERROR(CheckAgainst(*judge, *lifted, options.seed, kLiftCheckRows));
      proof = Cat("; agrees with ONNX Runtime ", (*ort)->version, " on ", kLiftCheckRows, " probe rows");
    }
    lifted->SetReason(lifted->info().engine_reason + proof);
    return lifted;
  }

  StatusOr<std::unique_ptr<LoadedModel>> OpenWithOrt(const OnnxFile& file, const OnnxFacts& facts, const std::string& bytes,
                                                     const std::string& folder, ModelInfo info) const {
    VIGIL_ASSIGN_OR_RETURN(const OrtLibrary* ort, LoadOrt());
    StatusOr<std::unique_ptr<OnnxSession>> session = OnnxSession::Create(*ort, bytes, folder, options_);
    if (!session.ok()) return ExplainRefusal(file, ort->version, session.status());
    return OrtModel::Make(*std::move(session), facts, std::move(info));
  }

  static ModelInfo Describe(const OnnxFile& file, const std::string& bytes) {
    ModelInfo info;
    info.format = "onnx";
    info.digest = Sha256Hex(bytes);
    info.memory_bytes = static_cast<int64_t>(bytes.size());
    // CatBoost writes a page of build facts there; its first line will do.
    info.library = Shown(file.producer.substr(0, file.producer.find('\n')));
    const std::string_view version = file.producer_version.substr(0, file.producer_version.find('\n'));
    if (!version.empty()) info.library += Cat(" ", Shown(version));
    std::string opsets;
    for (const auto& [domain, number] : file.opsets) {
      const std::string one = Cat(domain.empty() ? "ai.onnx" : Shown(domain), ":", number);
      if (opsets.find(one) == std::string::npos) opsets += Cat(opsets.empty() ? "" : ",", one);
    }
    info.facts.emplace_back("opsets", opsets);
    info.facts.emplace_back("ir_version", Cat(file.ir_version));
    info.facts.emplace_back("operators", Cat(file.graph.nodes.size()));
    return info;
  }

  // Only what serves is batched, not the judge of a lifted model.
  StatusOr<std::unique_ptr<LoadedModel>> Batched(StatusOr<std::unique_ptr<LoadedModel>> model) const {
    if (!model.ok() || clock_ == nullptr || options_.batching.rows_max <= 0) return model;
    return MakeBatchingModel(*std::move(model), options_.batching, *clock_);
  }

  const OnnxOptions options_;
  const Clock* const clock_;
};

}  // namespace

std::unique_ptr<ModelLoader> MakeOnnxLoader(OnnxOptions options, const Clock* clock) {
  return std::make_unique<OnnxLoader>(std::move(options), clock);
}

}  // namespace vigil::onnx
