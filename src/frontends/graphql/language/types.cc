#include "frontends/graphql/language/types.h"

#include <algorithm>

#include "frontends/words.h"

namespace vigil::graphql {
namespace {

const InputDef* Named(const std::vector<InputDef>& list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const InputDef& one) { return one.name == name; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

std::string TypeRef::Text() const {
  if (is_list()) return Concat("[", of().Text(), "]");
  if (is_non_null()) return Concat(of().Text(), "!");
  return named == nullptr ? "undefined" : std::string(named->name);
}

const InputDef* FieldDef::Argument(std::string_view argument) const { return Named(arguments, argument); }
const InputDef* DirectiveDef::Argument(std::string_view argument) const { return Named(arguments, argument); }
bool DirectiveDef::MayStandOn(std::string_view location) const {
  return std::find(locations.begin(), locations.end(), location) != locations.end();
}

std::vector<std::string_view> TypeDef::Members() const {
  std::vector<std::string_view> names;
  for (const FieldDef& field : fields) names.push_back(field.name);
  for (const InputDef& field : inputs) names.push_back(field.name);
  for (const EnumValueDef& value : values) names.push_back(value.name);
  return names;
}

const TypeDef* TypeSystem::Type(std::string_view name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

const DirectiveDef* TypeSystem::Directive(std::string_view name) const {
  const auto found = std::find_if(directives.begin(), directives.end(), [&](const DirectiveDef& one) { return one.name == name; });
  return found == directives.end() ? nullptr : &*found;
}

const TypeDef* TypeSystem::Root(OperationKind kind) const {
  return kind == OperationKind::kQuery ? query : kind == OperationKind::kMutation ? mutation : subscription;
}

const FieldDef* TypeSystem::Field(const TypeDef& parent, std::string_view name) const {
  if (name.starts_with("__")) {
    if (&parent == query && name == schema_field.name) return &schema_field;
    if (&parent == query && name == type_field.name) return &type_field;
    if (parent.composite() && name == typename_field.name) return &typename_field;
  }
  return parent.kind == TypeKind::kObject || parent.kind == TypeKind::kInterface ? parent.Field(name) : nullptr;
}

TypeRef TypeSystem::Resolve(const TypeNode& node) const {
  if (node.kind == TypeNode::Kind::kNamed) return {Type(node.name.text), 0};
  const TypeRef of = Resolve(*node.of);
  if (!of) return {};
  return of.WrappedIn(node.kind == TypeNode::Kind::kList ? TypeRef::kList : TypeRef::kNonNull);
}

bool TypeSystem::IsSubtype(TypeRef type, TypeRef super) {
  if (type == super) return true;
  if (super.is_non_null()) return type.is_non_null() && IsSubtype(type.of(), super.of());
  if (type.is_non_null()) return IsSubtype(type.of(), super);
  if (super.is_list()) return type.is_list() && IsSubtype(type.of(), super.of());
  if (type.is_list()) return false;
  return super.named->subtypes.contains(type.named);
}

bool TypeSystem::Overlap(const TypeDef& a, const TypeDef& b) {
  if (&a == &b) return true;
  if (a.abstract() && b.abstract()) {
    return std::any_of(a.possible.begin(), a.possible.end(), [&](const TypeDef* type) { return b.subtypes.contains(type); });
  }
  return a.subtypes.contains(&b) || b.subtypes.contains(&a);
}

std::string_view OperationWord(OperationKind kind) {
  return kind == OperationKind::kQuery ? "query" : kind == OperationKind::kMutation ? "mutation" : "subscription";
}

}  // namespace vigil::graphql
