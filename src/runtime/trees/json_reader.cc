// JSON through simdjson, whose parser is iterative, bounds its own depth and checks UTF-8. The walk below recurses at most
// kDocumentDepthMax deep, because the parser has refused anything deeper.
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "runtime/cat.h"
#include "runtime/trees/document.h"
#include "simdjson.h"

namespace vigil::trees {
namespace {

namespace dom = simdjson::dom;

// XGBoost and Python write NaN, Infinity and -Infinity where JSON has no word for them. A document with any is read with these numbers in
// their place, which no model has.
struct Stand {
  std::string_view word;
  std::string_view number;
  double value;
  double means;
};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Stand kStands[] = {
    {"NaN", "-2.718281828459045e-301", -2.718281828459045e-301, std::numeric_limits<double>::quiet_NaN()},
    {"-Infinity", "-3.141592653589793e-301", -3.141592653589793e-301, -kInfinity},
    {"Infinity", "3.141592653589793e-301", 3.141592653589793e-301, kInfinity},
};

// The content with the numbers for the words, outside strings; nothing when there are none.
std::optional<std::string> WithoutWords(std::string_view content) {
  std::string changed;
  size_t copied = 0;
  bool in_string = false;
  for (size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '"') in_string = !in_string;
    if (in_string) {
      i += content[i] == '\\' ? 1 : 0;
      continue;
    }
    if (content[i] != 'N' && content[i] != 'I' && content[i] != '-') continue;
    for (const Stand& stand : kStands) {
      if (!content.substr(i).starts_with(stand.word)) continue;
      changed.append(content.substr(copied, i - copied)).append(stand.number);
      i += stand.word.size() - 1;
      copied = i + 1;
      break;
    }
  }
  if (copied == 0) return std::nullopt;
  changed.append(content.substr(copied));
  return changed;
}

double Meant(double value) {
  for (const Stand& stand : kStands) {
    if (value == stand.value) return stand.means;
  }
  return value;
}

Status Walk(const dom::element& element, std::string_view key, DocumentBuilder* builder) {
  switch (element.type()) {
    case dom::element_type::OBJECT: {
      const dom::object object = element.get_object().value_unsafe();
      VIGIL_RETURN_IF_ERROR(builder->BeginObject(key));
      for (const auto& field : object) VIGIL_RETURN_IF_ERROR(Walk(field.value, field.key, builder));
      builder->End();
      return absl::OkStatus();
    }
    case dom::element_type::ARRAY: {
      const dom::array array = element.get_array().value_unsafe();
      VIGIL_RETURN_IF_ERROR(builder->BeginArray(key));
      for (const dom::element child : array) VIGIL_RETURN_IF_ERROR(Walk(child, {}, builder));
      builder->End();
      return absl::OkStatus();
    }
    case dom::element_type::INT64: return builder->Number(key, static_cast<double>(element.get_int64().value_unsafe()));
    case dom::element_type::UINT64: return builder->Number(key, static_cast<double>(element.get_uint64().value_unsafe()));
    case dom::element_type::DOUBLE: return builder->Number(key, Meant(element.get_double().value_unsafe()));
    case dom::element_type::STRING: return builder->Text(key, element.get_string().value_unsafe());
    case dom::element_type::BOOL: return builder->Bool(key, element.get_bool().value_unsafe());
    case dom::element_type::NULL_VALUE: return builder->Null(key);
  }
  return absl::InvalidArgumentError("unknown JSON value");
}

}  // namespace

StatusOr<Document> ReadJsonDocument(std::string_view content) {
  auto parser = std::make_shared<dom::parser>();
  if (parser->allocate(content.size(), kDocumentDepthMax) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(Cat("not readable as JSON: ", content.size(), " bytes are more than one document may have"));
  }
  dom::element root;
  simdjson::error_code error = parser->parse(content.data(), content.size(), /*realloc_if_needed=*/true).get(root);
  if (error != simdjson::SUCCESS) {
    if (const std::optional<std::string> changed = WithoutWords(content); changed.has_value()) {
      error = parser->parse(changed->data(), changed->size(), /*realloc_if_needed=*/true).get(root);
    }
  }
  if (error != simdjson::SUCCESS) return absl::InvalidArgumentError(Cat("not valid JSON: ", simdjson::error_message(error)));
  DocumentBuilder builder(content.size());
  VIGIL_RETURN_IF_ERROR(Walk(root, {}, &builder));
  return builder.Finish(std::move(parser));
}

}  // namespace vigil::trees
