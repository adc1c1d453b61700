#include "base/yaml.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace vigil {
namespace {

constexpr int kDepthMax = 32;
constexpr size_t kPathBytesMax = 16 << 20;  // of the paths of all values: each repeats the keys above it

class Converter {
 public:
  Converter(YamlDocument* document, const std::string& file) : document_(document), file_(file) {}

  Status Convert(const YAML::Node& node, const std::string& pointer, int depth, Json* out) {
    if (++nodes_ > kYamlNodesMax) return Refuse(node, "more values than a document may have (aliases expanded)");
    if (depth > kDepthMax) return Refuse(node, "nested too deeply");
    path_bytes_ += pointer.size();
    if (path_bytes_ > kPathBytesMax) return Refuse(node, "keys too long for so many values beneath them");
    document_->lines.emplace(pointer, node.Mark().line + 1);
    switch (node.Type()) {
      case YAML::NodeType::Map: return ConvertMap(node, pointer, depth, out);
      case YAML::NodeType::Sequence:
        *out = Json::array();
        for (size_t i = 0; i < node.size(); ++i) {
          Json item;
          VIGIL_RETURN_IF_ERROR(Convert(node[i], absl::StrCat(pointer, "/", i), depth + 1, &item));
          out->push_back(std::move(item));
        }
        return absl::OkStatus();
      case YAML::NodeType::Scalar: *out = Scalar(node); return absl::OkStatus();
      default: *out = nullptr; return absl::OkStatus();
    }
  }

 private:
  Status ConvertMap(const YAML::Node& node, const std::string& pointer, int depth, Json* out) {
    *out = Json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return Refuse(entry.first, "keys must be plain words");
      const std::string& key = entry.first.Scalar();
      if (out->contains(key)) return Refuse(entry.first, absl::StrCat("key \"", key, "\" stands twice"));
      const std::string child = absl::StrCat(pointer, "/", key);
      document_->lines[child] = entry.first.Mark().line + 1;
      Json value;
      VIGIL_RETURN_IF_ERROR(Convert(entry.second, child, depth + 1, &value));
      (*out)[key] = std::move(value);
    }
    return absl::OkStatus();
  }

  // YAML 1.2's core schema; a quoted scalar is always a text.
  static Json Scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return text;
    if (text == "true" || text == "false") return text == "true";
    if (text.empty() || text == "null" || text == "~") return nullptr;
    int64_t whole = 0;
    const char* const end = text.data() + text.size();
    if (const auto parsed = std::from_chars(text.data(), end, whole); parsed.ec == std::errc() && parsed.ptr == end) return whole;
    double number = 0;
    const auto parsed = std::from_chars(text.data(), end, number);  // takes "nan" and "inf" too, which are words here
    if (parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(number)) return number;
    return text;
  }

  Status Refuse(const YAML::Node& node, const std::string& why) const {
    return absl::InvalidArgumentError(absl::StrCat(file_, ":", node.Mark().line + 1, ": ", why));
  }

  YamlDocument* document_;
  const std::string& file_;
  size_t nodes_ = 0;
  size_t path_bytes_ = 0;
};

}  // namespace

StatusOr<YamlDocument> ParseYaml(const std::string& text, const std::string& file) {
  if (text.size() > kYamlBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": larger than ", kYamlBytesMax, " bytes"));
  }
  try {
    YamlDocument document;
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return document;
    Converter converter(&document, file);
    VIGIL_RETURN_IF_ERROR(converter.Convert(root, "", 0, &document.value));
    return document;
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(file, ":", error.mark.line + 1, ": ", error.msg));
  }
}

}  // namespace vigil
