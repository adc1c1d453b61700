#include "runtime/model.h"

#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "runtime/cat.h"
#include "runtime/file.h"

namespace vigil {
namespace {

constexpr size_t kHeadBytes = 4096;

// A format that people will bring and that no loader serves. Recognised by its first bytes or its name; a directory by a file in it.
struct ForeignFormat {
  std::string_view name;
  std::array<std::string_view, 2> starts;   // any of these first bytes
  std::array<std::string_view, 3> endings;  // any of these file names' ends
  std::string_view marker;                  // a file in the directory
  std::string_view advice;
};

constexpr ForeignFormat kForeignFormats[] = {
    {"a ZIP archive", {"PK\x03\x04"}, {".zip", ".mar"}, "", "unpack it and load the model file inside"},
    {"an HDF5 file (Keras)", {"\x89HDF\r\n\x1a\n"}, {".h5", ".keras"}, "", ""},
    {"an ONNX model", {}, {".onnx"}, "model.onnx", ""},
    {"a TensorFlow SavedModel", {}, {"saved_model.pb"}, "saved_model.pb", ""},
    {"an MLflow model's description", {}, {"MLmodel"}, "", "give the directory that it is in"},
    {"a PMML document", {}, {".pmml"}, "", ""},
    {"a PyTorch or Safetensors model", {}, {".pt", ".pth", ".safetensors"}, "", ""},
};

// Python's pickle protocols 2 to 5 begin with 0x80 and the protocol's number; joblib wraps them.
bool IsPickle(const std::string& path, std::string_view head) {
  if (head.size() >= 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5) return true;
  for (const std::string_view ending : {".pkl", ".pickle", ".joblib"}) {
    if (EndsWithIgnoreCase(path, ending)) return true;
  }
  return false;
}

const ForeignFormat* FindForeign(const std::string& path, std::string_view head) {
  for (const ForeignFormat& format : kForeignFormats) {
    for (const std::string_view start : format.starts) {
      if (!start.empty() && head.starts_with(start)) return &format;
    }
  }
  for (const ForeignFormat& format : kForeignFormats) {
    for (const std::string_view ending : format.endings) {
      if (!ending.empty() && EndsWithIgnoreCase(path, ending)) return &format;
    }
  }
  return nullptr;
}

const ForeignFormat* FindForeignDirectory(const std::string& path) {
  for (const ForeignFormat& format : kForeignFormats) {
    if (!format.marker.empty() && access(Cat(path, "/", format.marker).c_str(), F_OK) == 0) return &format;
  }
  return nullptr;
}

std::string Served(const std::vector<std::unique_ptr<ModelLoader>>& loaders) {
  std::vector<std::string> names;
  for (const auto& loader : loaders) {
    for (std::string& name : loader->Formats()) names.push_back(std::move(name));
  }
  return Cat("; formats served: ", names.empty() ? "none" : absl::StrJoin(names, ", "));
}

Status NotServed(const std::string& path, const ForeignFormat& format, const std::string& served) {
  return absl::UnimplementedError(
      Cat(path, ": is ", format.name, ", a format not served yet", served, format.advice.empty() ? "" : "; ", format.advice));
}

}  // namespace

const TableShape& LoadedModel::table() const {
  std::call_once(table_once_, [this] { table_ = TableShapeOf(signature()); });
  return table_;
}

bool ModelLoader::RecognisesDirectory(const std::string& /*path*/) const { return false; }

StatusOr<std::unique_ptr<LoadedModel>> ModelLoader::LoadDirectory(const std::string& path, const LoadOptions& /*options*/,
                                                                  const std::vector<std::unique_ptr<ModelLoader>>& /*all*/) const {
  return absl::InvalidArgumentError(Cat(path, ": is a directory; a model file was expected"));
}

StatusOr<std::unique_ptr<LoadedModel>> LoadModel(const std::vector<std::unique_ptr<ModelLoader>>& loaders, const std::string& path,
                                                 const LoadOptions& options) {
  const std::string served = Served(loaders);
  for (const auto& loader : loaders) {
    if (loader->RecognisesUrl(path)) return loader->Load(path, options);
  }
  if (IsDirectory(path)) {
    for (const auto& loader : loaders) {
      if (loader->RecognisesDirectory(path)) return loader->LoadDirectory(path, options, loaders);
    }
    if (const ForeignFormat* foreign = FindForeignDirectory(path); foreign != nullptr) return NotServed(path, *foreign, served);
    return absl::InvalidArgumentError(Cat(path, ": is a directory that is no model; give the model file in it", served));
  }
  const StatusOr<std::string> head = ReadFileHead(path, kHeadBytes);
  if (!head.ok()) return head.status();
  if (head->empty()) return absl::InvalidArgumentError(Cat(path, ": the file is empty", served));
  if (IsPickle(path, *head)) {
    return absl::InvalidArgumentError(
        Cat(path,
            ": is a Python pickle, which is never opened because reading one runs the code inside it. Export the model to a safe format, ",
            "in Python: booster.save_model(\"model.json\"), or for a scikit-learn wrapper model.get_booster().save_model(\"model.json\")"));
  }
  for (const auto& loader : loaders) {
    if (loader->Recognises(path, *head)) return loader->Load(path, options);
  }
  if (const ForeignFormat* foreign = FindForeign(path, *head); foreign != nullptr) return NotServed(path, *foreign, served);
  return absl::InvalidArgumentError(Cat(path, ": is not a model in a known format", served));
}

}  // namespace vigil
