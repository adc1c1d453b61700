// Values where they stand: of the right type, objects with each field once, and the variables that are used.
#include "frontends/graphql/language/literal.h"
#include "frontends/graphql/language/validation.h"
#include "frontends/words.h"

namespace vigil::graphql {

void Validator::VisitValue(const Literal& value, TypeRef type, bool check, bool has_default, const TypeDef* one_of) {
  switch (value.kind) {
    case LiteralKind::kVariable: uses_[in_].push_back({&value, type, has_default, one_of}); return;
    case LiteralKind::kList: {
      const TypeRef list = type.nullable();
      const TypeRef item = list.is_list() ? list.of() : list;
      if (check && !list.is_list()) {
        CheckLeaf(value, item);
        check = false;
      }
      for (const Literal& one : value.items) VisitValue(one, item, check, false, nullptr);
      return;
    }
    case LiteralKind::kObject: return VisitObject(value, type, check);
    case LiteralKind::kNull:
      if (check && type.is_non_null()) errors_.Report(Concat("Expected value of type \"", type.Text(), "\", found null."), {value.at});
      return;
    default:
      if (check) CheckLeaf(value, type);
  }
}

void Validator::VisitObject(const Literal& value, TypeRef type, bool check) {
  const bool known = type && type.named->kind == TypeKind::kInputObject;
  if (check && !known) {
    CheckLeaf(value, type);
    check = false;
  }
  if (check) CheckObject(value, *type.named);
  Seen names;
  for (const LiteralField& field : value.fields) {
    const InputDef* input = known ? type.named->Input(field.name.text) : nullptr;
    if (check && input == nullptr) {
      errors_.Report(Concat("Field \"", field.name.text, "\" is not defined by type \"", type.named->name, "\".",
                            Guess(field.name.text, type.named->Members())),
                     {field.name.at});
    }
    const auto [place, added] = names.emplace(field.name.text, field.name.at);
    if (!added) {
      errors_.Report(Concat("There can be only one input field named \"", field.name.text, "\"."), {place->second, field.name.at});
    }
    VisitValue(field.value, input == nullptr ? TypeRef() : input->type, check, input != nullptr && input->default_value.has_value(),
               known && type.named->one_of ? type.named : nullptr);
  }
}

void Validator::CheckObject(const Literal& value, const TypeDef& type) {
  absl::flat_hash_map<std::string_view, const Literal*> given;
  for (const LiteralField& field : value.fields) given[field.name.text] = &field.value;
  for (const InputDef& field : type.inputs) {
    if (given.contains(field.name) || !field.required()) continue;
    errors_.Report(Concat("Field \"", type.name, ".", field.name, "\" of required type \"", field.type.Text(), "\" was not provided."),
                   {value.at});
  }
  if (!type.one_of) return;
  if (given.size() != 1) {
    errors_.Report(Concat("OneOf Input Object \"", type.name, "\" must specify exactly one key."), {value.at});
  } else if (given.begin()->second->kind == LiteralKind::kNull) {
    errors_.Report(Concat("Field \"", type.name, ".", given.begin()->first, "\" must be non-null."), {value.at});
  }
}

void Validator::CheckLeaf(const Literal& value, TypeRef type) {
  if (!type) return;
  if (!type.named->leaf()) {
    errors_.Report(Concat("Expected value of type \"", type.Text(), "\", found ", Print(value), "."), {value.at});
  } else if (auto problem = LeafProblem(value, *type.named, limits_.suggestions)) {
    errors_.Report(*std::move(problem), {value.at});
  }
}

}  // namespace vigil::graphql
