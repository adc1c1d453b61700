#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/hash.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/trees/document.h"
#include "runtime/trees/loader.h"
#include "runtime/trees/tree_model.h"
#include "runtime/trees/xgboost/xgboost.h"

namespace vigil::trees {
namespace {

// UBJSON opens an object and goes on with a key's length (an integer type) or a count; JSON with a quote, a space or an end.
bool LooksLikeUbj(std::string_view head) {
  return head.size() >= 2 && head[0] == '{' && std::string_view("iUIlL#$N").find(head[1]) != std::string_view::npos;
}

bool LooksLikeJson(std::string_view head) {
  const std::string_view text = head.substr(std::min(head.size(), head.find_first_not_of(" \t\r\n")));
  return !text.empty() && (text[0] == '{' || text[0] == '[') && !LooksLikeUbj(head);
}

// A length of eight bytes, little-endian, and so many characters of text, as XGBoost's old format stores it; moves `at` behind it.
std::string_view LengthAndText(std::string_view bytes, size_t* at) {
  uint64_t length = 0;
  if (bytes.size() < *at + sizeof(length)) return {};
  std::memcpy(&length, bytes.data() + *at, sizeof(length));
  if (length > 64 || bytes.size() < *at + sizeof(length) + length) return {};
  const std::string_view text = bytes.substr(*at + sizeof(length), length);
  *at += sizeof(length) + length;
  return text;
}

// The format before JSON: from 1.3 on it begins with its name; before, with 136 bytes of parameters, the objective and the booster.
bool LooksLikeOldBinary(std::string_view head) {
  if (head.starts_with("binf") || head.starts_with("bs64") || head.starts_with("CONFIG-offset:")) return true;
  size_t at = 136;
  const std::string_view objective = LengthAndText(head, &at), booster = LengthAndText(head, &at);
  return objective.find(':') != std::string_view::npos && (booster == "gbtree" || booster == "dart" || booster == "gblinear");
}

constexpr std::string_view kConvert =
    "is in XGBoost's old binary format, which is not read. Save it again with the XGBoost that wrote it (1.0 to 3.0), in Python: "
    "xgboost.Booster(model_file=\"old.model\").save_model(\"model.json\")";

class XgboostLoader final : public ModelLoader {
 public:
  explicit XgboostLoader(EngineRecords* records) : records_(records) {}

  std::vector<std::string> Formats() const override { return {"XGBoost JSON (.json)", "XGBoost UBJSON (.ubj)"}; }

  bool Recognises(const std::string& path, std::string_view head) const override {
    // XGBoost writes its keys sorted, so "learner" comes first.
    return LooksLikeOldBinary(head) || LooksLikeUbj(head) || (LooksLikeJson(head) && head.find("\"learner\"") != std::string_view::npos) ||
           EndsWithIgnoreCase(path, ".ubj");
  }

  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& options) const override {
    VIGIL_ASSIGN_OR_RETURN(std::string bytes, ReadModelFile(path));
    StatusOr<std::unique_ptr<LoadedModel>> model = Parse(std::move(bytes), options, EndsWithIgnoreCase(path, ".ubj"));
    if (model.ok()) return model;
    return Status(model.status().code(), Cat(path, ": ", model.status().message()));
  }

 private:
  StatusOr<std::unique_ptr<LoadedModel>> Parse(std::string bytes, const LoadOptions& options, bool named_ubj) const {
    if (bytes.empty()) return absl::InvalidArgumentError("the file is empty");
    if (LooksLikeOldBinary(bytes)) return absl::UnimplementedError(AbslView(kConvert));
    const bool ubj = LooksLikeUbj(bytes) || (named_ubj && bytes[0] != '{');
    TreeModelParts parts;
    parts.info.format = ubj ? "xgboost-ubj" : "xgboost-json";
    parts.info.digest = Sha256Hex(bytes);
    XgboostModel read;
    {
      // The document is several times the model's size: gone before the engines are built.
      const auto content = std::make_shared<const std::string>(std::move(bytes));
      VIGIL_ASSIGN_OR_RETURN(const Document document, ubj ? ReadUbjDocument(content) : ReadJsonDocument(*content));
      VIGIL_ASSIGN_OR_RETURN(read, ReadXgboost(document));
    }
    parts.forest = std::move(read.forest);
    parts.objective = read.objective;
    parts.feature_names = std::move(read.feature_names);
    parts.categories = std::move(read.categories);
    parts.info.library = std::move(read.library);
    parts.info.best_rounds = read.best_rounds;
    parts.info.facts.emplace_back("booster", std::move(read.booster));
    parts.engine_records = records_;
    return TreeModel::Make(std::move(parts), options);
  }

  EngineRecords* const records_;
};

}  // namespace

std::unique_ptr<ModelLoader> MakeXgboostLoader(EngineRecords* records) { return std::make_unique<XgboostLoader>(records); }

}  // namespace vigil::trees
