// Values as they are written: what they are by their type, what is wrong with them, and how they are printed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "frontends/graphql/language/types.h"

namespace vigil::graphql {

// What custom scalars make of a value. Null functions pass values as they are.
struct ScalarRules;
using ScalarLookup = std::function<const ScalarRules*(const TypeDef&)>;

// What a literal is read with.
struct LiteralScope {
  const Json* variables = nullptr;        // coerced, an object; null where there are none
  const ScalarLookup* scalars = nullptr;  // null: custom scalars are taken as they are
  std::string* why = nullptr;             // gets a custom scalar's complaint
};

// The coerced value; nothing when it does not fit `type` (a validated document's fit, but for variables and custom scalars).
std::optional<Json> FromLiteral(const Literal& literal, TypeRef type, const LiteralScope& scope);
// An argument's or input field's default, with custom scalars parsed; nothing when there is none.
std::optional<Json> DefaultOf(const InputDef& input, const LiteralScope& scope);

// Why a literal (no list, object or variable, or one where none may be) is none of the scalar or enum `type`: graphql-js's message.
std::optional<std::string> LeafProblem(const Literal& literal, const TypeDef& type, bool suggestions);

// As graphql-js prints it.
std::string Print(const Literal& literal);
// A coerced value as a literal of its type: how introspection shows defaults.
std::string PrintValue(const Json& value, TypeRef type);

}  // namespace vigil::graphql
