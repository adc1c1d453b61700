#include "runtime/tensorflow/loader.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/tensorflow/library.h"
#include "runtime/tensorflow/saved_model.h"
#include "runtime/tensorflow/tensorflow_model.h"
#include "runtime/tensorflow/types.h"

namespace vigil::tensorflow {
namespace {

constexpr char kFile[] = "saved_model.pb";
constexpr size_t kFilesMax = 10'000;

bool IsFile(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

// Of every file of the folder: its name and its own digest, by name. Also adds up their bytes.
StatusOr<std::string> FolderDigest(const std::filesystem::path& folder, int64_t* bytes) {
  std::error_code error;
  std::vector<std::string> names;
  for (auto at = std::filesystem::recursive_directory_iterator(folder, error); !error && at != end(at); at.increment(error)) {
    if (at->is_regular_file(error)) names.push_back(at->path().lexically_relative(folder).string());
    if (names.size() > kFilesMax) return absl::InvalidArgumentError(Cat(folder.string(), ": more than ", kFilesMax, " files"));
  }
  if (error) return absl::InvalidArgumentError(Cat(folder.string(), ": ", error.message()));
  std::sort(names.begin(), names.end());
  std::string list;
  for (const std::string& name : names) {
    VIGIL_ASSIGN_OR_RETURN(const std::string content, ReadModelFile((folder / name).string()));
    *bytes += static_cast<int64_t>(content.size());
    list += Cat(name, "\n", Sha256Hex(content), "\n");
  }
  return Sha256Hex(list);
}

class TensorflowLoader final : public ModelLoader {
 public:
  explicit TensorflowLoader(const WorkerLimits& limits) : limits_(limits) {}

  std::vector<std::string> Formats() const override { return {"TensorFlow SavedModel (a folder with saved_model.pb)"}; }

  bool Recognises(const std::string& path, std::string_view) const override { return std::filesystem::path(path).filename() == kFile; }
  bool RecognisesDirectory(const std::string& path) const override {
    return IsFile(std::filesystem::path(path) / kFile) || IsFile(std::filesystem::path(path) / "saved_model.pbtxt");
  }
  StatusOr<std::unique_ptr<LoadedModel>> LoadDirectory(const std::string& path, const LoadOptions& options,
                                                       const std::vector<std::unique_ptr<ModelLoader>>&) const override {
    return Load(path, options);
  }

  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& options) const override {
    std::filesystem::path folder = path;
    if (folder.filename() == kFile) folder = folder.has_parent_path() ? folder.parent_path() : std::filesystem::path(".");
    StatusOr<std::unique_ptr<LoadedModel>> model = Open(folder, options);
    if (model.ok()) return model;
    return Status(model.status().code(), Cat(path, ": ", model.status().message()));
  }

 private:
  StatusOr<std::unique_ptr<LoadedModel>> Open(const std::filesystem::path& folder, const LoadOptions& options) const {
    if (!IsFile(folder / kFile)) {
      return absl::UnimplementedError("saved_model.pbtxt: a SavedModel as text is not served; save it again with tf.saved_model.save");
    }
    VIGIL_ASSIGN_OR_RETURN(const std::string bytes, ReadModelFile((folder / kFile).string()));
    if (static_cast<int64_t>(bytes.size()) > kSavedModelBytesMax) {
      return absl::InvalidArgumentError(Cat(kFile, " has ", bytes.size(), " bytes; a SavedModel's ends at 2 GiB"));
    }
    StatusOr<SavedModel> model = ReadSavedModel(bytes);
    if (!model.ok()) return Status(model.status().code(), Cat(kFile, ": ", model.status().message()));
    if (model->variables > 0 && !IsFile(folder / "variables" / "variables.index")) {
      return absl::InvalidArgumentError(Cat("variables/variables.index is missing, and the graph has ", model->variables,
                                            " variables; copy the whole folder that tf.saved_model.save wrote"));
    }
    VIGIL_ASSIGN_OR_RETURN(const SignatureDef* const signature, ChooseSignature(*model, options.signature));
    if (!options.engine.empty() && options.engine != "tensorflow") {
      return absl::FailedPreconditionError(Cat("engine '", options.engine, "' cannot hold this model; tensorflow can"));
    }
    ModelInfo info;
    VIGIL_ASSIGN_OR_RETURN(info.digest, FolderDigest(folder, &info.memory_bytes));
    return Start(folder, *model, *signature, std::move(info));
  }

  StatusOr<std::unique_ptr<LoadedModel>> Start(const std::filesystem::path& folder, const SavedModel& model, const SignatureDef& signature,
                                               ModelInfo info) const {
    WorkerPlace place;
    VIGIL_ASSIGN_OR_RETURN(place.library, FindLibrary());
    VIGIL_ASSIGN_OR_RETURN(place.program, FindWorkerProgram());
    std::error_code ignored;
    place.folder = std::filesystem::absolute(folder, ignored).string();
    place.tags = model.tags;
    StatusOr<std::unique_ptr<Worker>> worker = Worker::Start(std::move(place), limits_);
    if (!worker.ok()) return Refused(worker.status());
    Plan plan = MakePlan(signature, model.graph);
    info.format = "tensorflow-savedmodel";
    if (!model.version.empty()) info.library = Cat("tensorflow ", Shown(model.version));
    info.engine = "tensorflow";
    info.engine_reason = Cat("the graph is TensorFlow's (", (*worker)->version(), ", in a process of its own)");
    info.facts.emplace_back("signature", signature.name);
    info.facts.emplace_back("signatures", absl::StrJoin(model.names(), ", "));
    info.facts.emplace_back("method", signature.method);
    info.facts.emplace_back("operations", Cat(model.operations));
    info.facts.emplace_back("variables", Cat(model.variables));
    if (!plan.features.empty()) info.facts.emplace_back("input", "tf.Example, made from the columns that the graph parses");
    return std::make_unique<TensorflowModel>(std::move(plan), std::move(info), *std::move(worker));
  }

  // What TensorFlow says of a model it cannot load is about the model, unless the library itself could not be used.
  static Status Refused(const Status& status) {
    if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status) || absl::IsUnimplemented(status)) return status;
    return absl::InvalidArgumentError(Cat("TensorFlow cannot load it: ", status.message()));
  }

  const WorkerLimits limits_;
};

}  // namespace

std::unique_ptr<ModelLoader> MakeTensorflowLoader(WorkerLimits limits) { return std::make_unique<TensorflowLoader>(limits); }

}  // namespace vigil::tensorflow
