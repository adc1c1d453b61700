#include "frontends/graphql/language/leaf.h"

#include <cmath>

#include "base/text.h"
#include "frontends/graphql/language/words.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

bool IsFinite(const Json& value) { return value.is_number() && std::isfinite(value.get<double>()); }
bool IsWhole(const Json& value) {
  return value.is_number_integer() || (IsFinite(value) && std::floor(value.get<double>()) == value.get<double>());
}

std::optional<std::string> AppendInt(const Json& value, std::string* out) {
  if (value.is_boolean()) return Append(out, value.get<bool>() ? "1" : "0"), std::nullopt;
  if (!IsWhole(value)) return Concat("Int cannot represent non-integer value: ", Inspect(value));
  const auto number = value.get<double>();
  if (number < INT32_MIN || number > INT32_MAX) return Concat("Int cannot represent non 32-bit signed integer value: ", Inspect(value));
  Append(out, value.get<int64_t>());
  return std::nullopt;
}

std::optional<std::string> AppendFloat(const Json& value, std::string* out) {
  if (value.is_boolean()) return Append(out, value.get<bool>() ? "1" : "0"), std::nullopt;
  if (!IsFinite(value)) return Concat("Float cannot represent non numeric value: ", Inspect(value));
  if (value.is_number_float()) {
    AppendJsonNumber(out, value.get<double>());
  } else {
    out->append(DumpJson(value));
  }
  return std::nullopt;
}

std::optional<std::string> AppendText(const Json& value, bool id, std::string* out) {
  if (value.is_string()) {
    AppendJsonString(out, value.get_ref<const std::string&>());
  } else if (!id && value.is_boolean()) {
    out->append(value.get<bool>() ? "\"true\"" : "\"false\"");
  } else if (id ? IsWhole(value) : IsFinite(value)) {
    Append(out, "\"", Inspect(value), "\"");
  } else {
    return Concat(id ? "ID" : "String", " cannot represent value: ", Inspect(value));
  }
  return std::nullopt;
}

std::optional<std::string> AppendBoolean(const Json& value, std::string* out) {
  if (!value.is_boolean() && !IsFinite(value)) return Concat("Boolean cannot represent a non boolean value: ", Inspect(value));
  out->append((value.is_boolean() ? value.get<bool>() : value.get<double>() != 0) ? "true" : "false");
  return std::nullopt;
}

}  // namespace

std::optional<std::string> AppendLeaf(const Json& value, const TypeDef& type, const ScalarRules* rules, std::string* out) {
  if (type.kind == TypeKind::kEnum) {
    if (!value.is_string() || type.EnumValue(value.get_ref<const std::string&>()) == nullptr) {
      return Concat("Enum \"", type.name, "\" cannot represent value: ", Inspect(value));
    }
    AppendJsonString(out, value.get_ref<const std::string&>());
    return std::nullopt;
  }
  switch (type.built_in) {
    case BuiltIn::kInt: return AppendInt(value, out);
    case BuiltIn::kFloat: return AppendFloat(value, out);
    case BuiltIn::kString: return AppendText(value, false, out);
    case BuiltIn::kId: return AppendText(value, true, out);
    case BuiltIn::kBoolean: return AppendBoolean(value, out);
    case BuiltIn::kNone: break;
  }
  if (rules == nullptr || !rules->serialize) return out->append(DumpJson(value)), std::nullopt;
  const StatusOr<Json> serialized = rules->serialize(value);
  if (!serialized.ok()) return std::string(MessageOf(serialized.status()));
  out->append(DumpJson(*serialized));
  return std::nullopt;
}

}  // namespace vigil::graphql
