#include "frontends/graphql/language/literal.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "frontends/graphql/language/block_string.h"
#include "frontends/graphql/language/resolvers.h"
#include "frontends/graphql/language/words.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

const Json* VariableOf(const Literal& literal, const LiteralScope& scope) {
  if (literal.kind != LiteralKind::kVariable || scope.variables == nullptr) return nullptr;
  const auto found = scope.variables->find(std::string(literal.text));
  return found == scope.variables->end() ? nullptr : &*found;
}
bool IsMissing(const Literal& literal, const LiteralScope& scope) {
  return literal.kind == LiteralKind::kVariable && VariableOf(literal, scope) == nullptr;
}

std::optional<int64_t> WholeNumber(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional<int64_t>(value) : std::nullopt;
}
double RealNumber(std::string_view text) {
  double value = 0;
  return absl::SimpleAtod({text.data(), text.size()}, &value) ? value : 0;
}
bool FitsInt(std::string_view text) {
  const auto value = WholeNumber(text);
  return value && *value >= INT32_MIN && *value <= INT32_MAX;
}

// A literal of a custom scalar: whatever JSON it looks like.
Json Untyped(const Literal& literal, const LiteralScope& scope) {
  switch (literal.kind) {
    case LiteralKind::kNull: return nullptr;
    case LiteralKind::kBoolean: return literal.text == "true";
    case LiteralKind::kInt:
      if (const auto value = WholeNumber(literal.text)) return *value;
      return RealNumber(literal.text);
    case LiteralKind::kFloat: return RealNumber(literal.text);
    case LiteralKind::kString:
    case LiteralKind::kEnum: return std::string(literal.text);
    case LiteralKind::kVariable: {
      const Json* value = VariableOf(literal, scope);
      return value == nullptr ? Json(nullptr) : *value;
    }
    case LiteralKind::kList: {
      Json list = Json::array();
      for (const Literal& item : literal.items) list.push_back(Untyped(item, scope));
      return list;
    }
    case LiteralKind::kObject: {
      Json object = Json::object();
      for (const LiteralField& field : literal.fields) object[std::string(field.name.text)] = Untyped(field.value, scope);
      return object;
    }
  }
  return nullptr;
}

std::optional<Json> Leaf(const Literal& literal, const TypeDef& type, const LiteralScope& scope) {
  if (type.kind == TypeKind::kScalar && type.built_in == BuiltIn::kNone) {
    Json value = Untyped(literal, scope);
    const ScalarRules* rules = scope.scalars != nullptr ? (*scope.scalars)(type) : nullptr;
    if (rules == nullptr || !rules->parse) return value;
    StatusOr<Json> parsed = rules->parse(value);
    if (parsed.ok()) return *std::move(parsed);
    if (scope.why != nullptr) *scope.why = std::string(MessageOf(parsed.status()));
    return std::nullopt;
  }
  if (LeafProblem(literal, type, false)) return std::nullopt;
  switch (type.built_in) {
    case BuiltIn::kInt: return *WholeNumber(literal.text);
    case BuiltIn::kFloat: return RealNumber(literal.text);
    case BuiltIn::kBoolean: return literal.text == "true";
    default: return std::string(literal.text);
  }
}

std::optional<Json> ListOf(const Literal& literal, TypeRef item, const LiteralScope& scope) {
  Json list = Json::array();
  if (literal.kind != LiteralKind::kList) {
    std::optional<Json> value = FromLiteral(literal, item, scope);
    if (!value) return std::nullopt;
    list.push_back(*std::move(value));
    return list;
  }
  for (const Literal& one : literal.items) {
    if (IsMissing(one, scope)) {
      if (item.is_non_null()) return std::nullopt;
      list.push_back(nullptr);
      continue;
    }
    std::optional<Json> value = FromLiteral(one, item, scope);
    if (!value) return std::nullopt;
    list.push_back(*std::move(value));
  }
  return list;
}

std::optional<Json> ObjectOf(const Literal& literal, const TypeDef& type, const LiteralScope& scope) {
  if (literal.kind != LiteralKind::kObject) return std::nullopt;
  absl::flat_hash_map<std::string_view, const Literal*> given;
  for (const LiteralField& field : literal.fields) given[field.name.text] = &field.value;
  Json object = Json::object();
  for (const InputDef& field : type.inputs) {
    const auto found = given.find(field.name);
    if (found == given.end() || IsMissing(*found->second, scope)) {
      if (auto value = DefaultOf(field, scope)) {
        object[std::string(field.name)] = *std::move(value);
      } else if (field.type.is_non_null()) {
        return std::nullopt;
      }
      continue;
    }
    std::optional<Json> value = FromLiteral(*found->second, field.type, scope);
    if (!value) return std::nullopt;
    object[std::string(field.name)] = *std::move(value);
  }
  if (type.one_of && (object.size() != 1 || object.begin()->is_null())) return std::nullopt;
  return object;
}

}  // namespace

std::optional<Json> FromLiteral(const Literal& literal, TypeRef type, const LiteralScope& scope) {
  if (literal.kind == LiteralKind::kVariable) {
    const Json* value = VariableOf(literal, scope);
    if (value == nullptr || (value->is_null() && type.is_non_null())) return std::nullopt;
    return *value;
  }
  if (type.is_non_null()) {
    if (literal.kind == LiteralKind::kNull) return std::nullopt;
    return FromLiteral(literal, type.of(), scope);
  }
  if (literal.kind == LiteralKind::kNull) return Json(nullptr);
  if (type.is_list()) return ListOf(literal, type.of(), scope);
  if (type.named->kind == TypeKind::kInputObject) return ObjectOf(literal, *type.named, scope);
  if (type.named->leaf()) return Leaf(literal, *type.named, scope);
  return std::nullopt;
}

std::optional<Json> DefaultOf(const InputDef& input, const LiteralScope& scope) {
  const bool custom = input.type.named->built_in == BuiltIn::kNone && input.type.named->kind != TypeKind::kEnum;
  if (!custom || scope.scalars == nullptr || !input.default_value || input.node == nullptr) return input.default_value;
  LiteralScope constant = scope;
  constant.variables = nullptr;
  return FromLiteral(*input.node->default_value, input.type, constant);
}

std::optional<std::string> LeafProblem(const Literal& literal, const TypeDef& type, bool suggestions) {
  const LiteralKind kind = literal.kind;
  if (type.kind == TypeKind::kEnum) {
    if (kind == LiteralKind::kEnum && type.EnumValue(literal.text) != nullptr) return std::nullopt;
    const std::string printed = Print(literal);
    const std::string guess = suggestions ? DidYouMeanOneOf(Suggestions(printed, type.Members()), "the enum value") : "";
    if (kind == LiteralKind::kEnum) return Concat("Value \"", printed, "\" does not exist in \"", type.name, "\" enum.", guess);
    return Concat("Enum \"", type.name, "\" cannot represent non-enum value: ", printed, ".", guess);
  }
  switch (type.built_in) {
    case BuiltIn::kNone: return std::nullopt;
    case BuiltIn::kInt:
      if (kind != LiteralKind::kInt) return Concat("Int cannot represent non-integer value: ", Print(literal));
      if (!FitsInt(literal.text)) return Concat("Int cannot represent non 32-bit signed integer value: ", literal.text);
      return std::nullopt;
    case BuiltIn::kFloat:
      if (kind == LiteralKind::kInt || kind == LiteralKind::kFloat) return std::nullopt;
      return Concat("Float cannot represent non numeric value: ", Print(literal));
    case BuiltIn::kString:
      if (kind == LiteralKind::kString) return std::nullopt;
      return Concat("String cannot represent a non string value: ", Print(literal));
    case BuiltIn::kBoolean:
      if (kind == LiteralKind::kBoolean) return std::nullopt;
      return Concat("Boolean cannot represent a non boolean value: ", Print(literal));
    case BuiltIn::kId:
      if (kind == LiteralKind::kString || kind == LiteralKind::kInt) return std::nullopt;
      return Concat("ID cannot represent a non-string and non-integer value: ", Print(literal));
  }
  return std::nullopt;
}

}  // namespace vigil::graphql
