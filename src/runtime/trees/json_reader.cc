// JSON through simdjson, whose parser is iterative, bounds its own depth and checks UTF-8. The walk below recurses at most
// kDocumentDepthMax deep, because the parser has refused anything deeper.
#include <memory>
#include <string>

#include "runtime/cat.h"
#include "runtime/trees/document.h"
#include "simdjson.h"

namespace vigil::trees {
namespace {

namespace dom = simdjson::dom;

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
    case dom::element_type::DOUBLE: return builder->Number(key, element.get_double().value_unsafe());
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
  const simdjson::error_code error = parser->parse(content.data(), content.size(), /*realloc_if_needed=*/true).get(root);
  if (error != simdjson::SUCCESS) return absl::InvalidArgumentError(Cat("not valid JSON: ", simdjson::error_message(error)));
  DocumentBuilder builder(content.size());
  VIGIL_RETURN_IF_ERROR(Walk(root, {}, &builder));
  return builder.Finish(std::move(parser));
}

}  // namespace vigil::trees
