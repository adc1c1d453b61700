#include "frontends/graphql/language/resolvers.h"

#include <utility>

#include "frontends/graphql/language/introspection.h"
#include "frontends/graphql/language/selection.h"
#include "frontends/graphql/language/words.h"
#include "frontends/words.h"

namespace vigil::graphql {

const Json* FieldCall::Argument(std::string_view name) const {
  const auto found = arguments_.find(std::string(name));
  return found == arguments_.end() || found->is_null() ? nullptr : &*found;
}

bool FieldCall::Selects(std::string_view child) const { return selection_.Selects(child); }

bool Selection::Selects(std::string_view child) const {
  absl::flat_hash_set<std::string_view> opened;
  for (const SelectionNode* node : group_.nodes) {
    if (node->set != nullptr && In(*node->set, child, &opened)) return true;
  }
  return false;
}

bool Selection::In(const SelectionSet& set, std::string_view child, absl::flat_hash_set<std::string_view>* opened) const {
  for (const SelectionNode& node : set.selections) {
    std::optional<Error> ignored;  // execution reports it where it collects
    if (!collector_.Included(node.directives, &ignored)) continue;
    if (node.kind == SelectionKind::kField) {
      if (node.name.text == child) return true;
      continue;
    }
    const SelectionSet* inner = node.set;
    if (node.kind == SelectionKind::kSpread) {
      const Definition* fragment = ast_.Fragment(node.name.text);
      if (fragment == nullptr || !opened->insert(node.name.text).second) continue;
      inner = fragment->set;
    }
    if (In(*inner, child, opened)) return true;
  }
  return false;
}

Resolvers::Resolvers(const Schema& schema)
    : schema_(&schema),
      fields_(schema.types().fields),
      types_(schema.types().types.size()),
      scalars_(schema.types().types.size()),
      opaque_(schema.types().types.size()) {
  AddIntrospection(this);
}

void Resolvers::Fail(std::string message) {
  if (status_.ok()) status_ = absl::InternalError(Concat("GraphQL resolvers: ", message));
}

const TypeDef* Resolvers::Find(std::string_view type) {
  const TypeDef* found = schema_->types().Type(type);
  if (found != nullptr) return found;
  std::vector<std::string_view> names;
  for (const auto& known : schema_->types().types) names.push_back(known->name);
  Fail(Concat("there is no type \"", type, "\".", DidYouMeanOneOf(Suggestions(type, names))));
  return nullptr;
}

Resolvers& Resolvers::Field(std::string_view field, Resolver resolver) {
  const size_t dot = field.find('.');
  const TypeDef* type = Find(field.substr(0, dot));
  if (type == nullptr) return *this;
  const std::string_view name = dot == std::string_view::npos ? std::string_view() : field.substr(dot + 1);
  const FieldDef* known = type->kind == TypeKind::kObject ? type->Field(name) : nullptr;
  if (known == nullptr) {
    Fail(Concat("there is no field \"", field, "\" of an object type.", DidYouMeanOneOf(Suggestions(name, type->Members()))));
  } else if (fields_[known->id] || !resolver) {
    Fail(Concat("\"", field, "\" has ", resolver ? "two resolvers" : "an empty resolver"));
  } else {
    fields_[known->id] = std::move(resolver);
  }
  return *this;
}

Resolvers& Resolvers::Type(std::string_view abstract_type, TypeResolver resolver) {
  const TypeDef* type = Find(abstract_type);
  if (type == nullptr) return *this;
  if (!type->abstract()) Fail(Concat("\"", abstract_type, "\" is no interface or union"));
  types_[type->id] = std::move(resolver);
  return *this;
}

Resolvers& Resolvers::Scalar(std::string_view scalar, ScalarRules rules) {
  const TypeDef* type = Find(scalar);
  if (type == nullptr) return *this;
  if (type->kind != TypeKind::kScalar || type->built_in != BuiltIn::kNone) Fail(Concat("\"", scalar, "\" is no custom scalar"));
  scalars_[type->id] = std::move(rules);
  return *this;
}

Resolvers& Resolvers::Opaque(std::string_view object_type) {
  const TypeDef* type = Find(object_type);
  if (type != nullptr) opaque_[type->id] = true;
  return *this;
}

Status Resolvers::Check() const {
  if (!status_.ok()) return status_;
  for (const auto& type : schema_->types().types) {
    if (!opaque_[type->id]) continue;
    for (const FieldDef& field : type->fields) {
      if (!fields_[field.id]) return absl::InternalError(Concat("GraphQL resolvers: \"", type->name, ".", field.name, "\" has none"));
    }
  }
  return absl::OkStatus();
}

const Resolver* Resolvers::FieldOf(uint32_t field_id) const { return fields_[field_id] ? &fields_[field_id] : nullptr; }
const TypeResolver* Resolvers::TypeOf(uint32_t type_id) const { return types_[type_id] ? &types_[type_id] : nullptr; }
const ScalarRules* Resolvers::ScalarOf(uint32_t type_id) const { return &scalars_[type_id]; }

}  // namespace vigil::graphql
