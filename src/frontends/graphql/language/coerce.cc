#include "frontends/graphql/language/coerce.h"

#include <cmath>
#include <utility>

#include "frontends/graphql/language/resolvers.h"
#include "frontends/graphql/language/words.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr size_t kVariableErrorsMax = 50;

// One step from a variable to a place within it.
struct Step {
  const Step* before;
  std::string_view name;  // empty: an index
  size_t index = 0;
};
void AppendPath(const Step* step, std::string* out) {
  if (step == nullptr) return;
  AppendPath(step->before, out);
  if (step->name.empty()) {
    Append(out, "[", step->index, "]");
  } else {
    Append(out, ".", step->name);
  }
}

bool IsWhole(const Json& value) {
  if (value.is_number_integer()) return true;
  return value.is_number_float() && std::isfinite(value.get<double>()) && std::floor(value.get<double>()) == value.get<double>();
}

class VariableCoercion {
 public:
  VariableCoercion(const ScalarLookup* scalars, bool suggestions) : scalars_(scalars), suggestions_(suggestions) {}

  // What was wrong: the path to it, its value, the words.
  std::function<void(const Step*, const Json&, std::string)> report;

  Json Coerce(const Json& value, TypeRef type, const Step* at) {
    if (type.is_non_null()) {
      if (!value.is_null()) return Coerce(value, type.of(), at);
      report(at, value, Concat("Expected non-nullable type \"", type.Text(), "\" not to be null."));
      return nullptr;
    }
    if (value.is_null()) return nullptr;
    if (type.is_list()) {
      Json list = Json::array();
      if (!value.is_array()) {
        list.push_back(Coerce(value, type.of(), at));
        return list;
      }
      size_t index = 0;
      for (const Json& item : value) {
        const Step step{at, {}, index++};
        list.push_back(Coerce(item, type.of(), &step));
      }
      return list;
    }
    if (type.named->kind == TypeKind::kInputObject) return Object(value, *type.named, at);
    return Leaf(value, *type.named, at);
  }

 private:
  Json Object(const Json& value, const TypeDef& type, const Step* at) {
    if (!value.is_object()) {
      report(at, value, Concat("Expected type \"", type.name, "\" to be an object."));
      return nullptr;
    }
    Json object = Json::object();
    for (const InputDef& field : type.inputs) {
      const auto found = value.find(std::string(field.name));
      if (found != value.end()) {
        const Step step{at, field.name};
        object[std::string(field.name)] = Coerce(*found, field.type, &step);
      } else if (auto absent = DefaultOf(field, {nullptr, scalars_, nullptr})) {
        object[std::string(field.name)] = *std::move(absent);
      } else if (field.type.is_non_null()) {
        report(at, value, Concat("Field \"", field.name, "\" of required type \"", field.type.Text(), "\" was not provided."));
      }
    }
    for (const auto& [name, member] : value.items()) {
      if (type.Input(name) != nullptr) continue;
      report(at, value,
             Concat("Field \"", name, "\" is not defined by type \"", type.name, "\".",
                    suggestions_ ? DidYouMeanOneOf(Suggestions(name, type.Members())) : ""));
    }
    if (!type.one_of) return object;
    if (object.size() != 1) report(at, value, Concat("Exactly one key must be specified for OneOf type \"", type.name, "\"."));
    if (!object.empty() && object.begin().value().is_null()) {
      const Step step{at, type.Input(object.begin().key())->name};
      report(&step, nullptr, Concat("Field \"", step.name, "\" must be non-null."));
    }
    return object;
  }

  Json Leaf(const Json& value, const TypeDef& type, const Step* at) {
    if (type.kind == TypeKind::kEnum) return EnumValue(value, type, at);
    switch (type.built_in) {
      case BuiltIn::kInt:
        if (!IsWhole(value)) return Refuse(value, at, Concat("Int cannot represent non-integer value: ", Inspect(value)));
        if (value.get<double>() < INT32_MIN || value.get<double>() > INT32_MAX) {
          return Refuse(value, at, Concat("Int cannot represent non 32-bit signed integer value: ", Inspect(value)));
        }
        return value.get<int64_t>();
      case BuiltIn::kFloat:
        if (!value.is_number()) return Refuse(value, at, Concat("Float cannot represent non numeric value: ", Inspect(value)));
        return value;
      case BuiltIn::kString:
        if (!value.is_string()) return Refuse(value, at, Concat("String cannot represent a non string value: ", Inspect(value)));
        return value;
      case BuiltIn::kBoolean:
        if (!value.is_boolean()) return Refuse(value, at, Concat("Boolean cannot represent a non boolean value: ", Inspect(value)));
        return value;
      case BuiltIn::kId:
        if (value.is_string()) return value;
        if (!IsWhole(value)) return Refuse(value, at, Concat("ID cannot represent value: ", Inspect(value)));
        return Inspect(value);
      case BuiltIn::kNone: break;
    }
    const ScalarRules* rules = scalars_ != nullptr ? (*scalars_)(type) : nullptr;
    if (rules == nullptr || !rules->parse) return value;
    StatusOr<Json> parsed = rules->parse(value);
    if (parsed.ok()) return *std::move(parsed);
    return Refuse(value, at, Concat("Expected type \"", type.name, "\". ", MessageOf(parsed.status())));
  }

  Json EnumValue(const Json& value, const TypeDef& type, const Step* at) {
    const std::string text = value.is_string() ? value.get<std::string>() : Inspect(value);
    if (value.is_string() && type.EnumValue(text) != nullptr) return value;
    const std::string guess = suggestions_ ? DidYouMeanOneOf(Suggestions(text, type.Members()), "the enum value") : "";
    if (!value.is_string())
      return Refuse(value, at, Concat("Enum \"", type.name, "\" cannot represent non-string value: ", text, ".", guess));
    return Refuse(value, at, Concat("Value \"", text, "\" does not exist in \"", type.name, "\" enum.", guess));
  }

  Json Refuse(const Json& value, const Step* at, std::string why) {
    report(at, value, std::move(why));
    return nullptr;
  }

  const ScalarLookup* scalars_;
  bool suggestions_;
};

Error InputError(std::string message, const Source& source, uint32_t at) {
  return {std::move(message), {source.Locate(at)}, nullptr, {{"code", kBadUserInput}}};
}

}  // namespace

std::vector<Error> CoerceVariables(const TypeSystem& types, const Source& source, const Definition& operation, const Json* given,
                                   const ScalarLookup* scalars, bool suggestions, Json* out) {
  std::vector<Error> errors;
  VariableCoercion coercion(scalars, suggestions);
  for (const VariableNode& node : operation.variables) {
    const auto add = [&](std::string message) {
      if (errors.size() < kVariableErrorsMax) {
        errors.push_back(InputError(std::move(message), source, node.at));
      } else if (errors.size() == kVariableErrorsMax) {
        errors.push_back(
            {"Too many errors processing variables, error limit reached. Execution aborted.", {}, nullptr, {{"code", kBadUserInput}}});
      }
    };
    const TypeRef type = types.Resolve(node.type);
    const std::string name(node.name);
    const auto found = given == nullptr || !given->is_object() ? Json::const_iterator() : given->find(name);
    const bool absent = given == nullptr || !given->is_object() || found == given->end();
    if (absent && node.default_value != nullptr) {
      std::string why;
      auto value = FromLiteral(*node.default_value, type, {nullptr, scalars, &why});
      if (value) {
        (*out)[name] = *std::move(value);
      } else {
        add(Concat("Variable \"$", name, "\" has an invalid default", why.empty() ? "" : ": ", why, "."));
      }
    } else if (absent) {
      if (type.is_non_null()) add(Concat("Variable \"$", name, "\" of required type \"", type.Text(), "\" was not provided."));
    } else if (found->is_null() && type.is_non_null()) {
      add(Concat("Variable \"$", name, "\" of non-null type \"", type.Text(), "\" must not be null."));
    } else {
      coercion.report = [&](const Step* step, const Json& value, std::string why) {
        if (errors.size() > kVariableErrorsMax) return;
        std::string prefix = Concat("Variable \"$", name, "\" got invalid value ", Inspect(value));
        if (step != nullptr) {
          Append(&prefix, " at \"", name);
          AppendPath(step, &prefix);
          prefix.push_back('"');
        }
        add(Concat(prefix, "; ", why));
      };
      (*out)[name] = coercion.Coerce(*found, type, nullptr);
    }
  }
  return errors;
}

std::optional<Error> CoerceArguments(const Source& source, const std::vector<InputDef>& known, Nodes<ArgumentNode> nodes, uint32_t at,
                                     const LiteralScope& scope, Json* out) {
  for (const InputDef& input : known) {
    const Literal* value = nullptr;
    for (const ArgumentNode& node : nodes) {
      if (node.name.text == input.name) value = &node.value;
    }
    const std::string type = input.type.is_non_null() ? input.type.Text() : "";
    const bool variable = value != nullptr && value->kind == LiteralKind::kVariable;
    const bool absent =
        value == nullptr || (variable && (scope.variables == nullptr || !scope.variables->contains(std::string(value->text))));
    if (absent) {
      if (auto by_default = DefaultOf(input, scope)) {
        (*out)[std::string(input.name)] = *std::move(by_default);
      } else if (input.type.is_non_null()) {
        const std::string how = value == nullptr
                                    ? "was not provided."
                                    : Concat("was provided the variable \"$", value->text, "\" which was not provided a runtime value.");
        return InputError(Concat("Argument \"", input.name, "\" of required type \"", type, "\" ", how), source,
                          value == nullptr ? at : value->at);
      }
      continue;
    }
    const bool null = variable ? scope.variables->at(std::string(value->text)).is_null() : value->kind == LiteralKind::kNull;
    if (null && input.type.is_non_null()) {
      return InputError(Concat("Argument \"", input.name, "\" of non-null type \"", type, "\" must not be null."), source, value->at);
    }
    std::string why;
    LiteralScope inner = scope;
    inner.why = &why;
    auto coerced = FromLiteral(*value, input.type, inner);
    if (!coerced) {
      return InputError(Concat("Argument \"", input.name, "\" has invalid value ", Print(*value), why.empty() ? "." : ": ", why), source,
                        value->at);
    }
    (*out)[std::string(input.name)] = *std::move(coerced);
  }
  return std::nullopt;
}

}  // namespace vigil::graphql
