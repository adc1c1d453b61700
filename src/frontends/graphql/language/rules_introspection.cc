// Introspection in circles: types → fields → types ... grows with every turn, so the lists among its fields may be few within each other.
#include "frontends/graphql/language/validation.h"

namespace vigil::graphql {
namespace {

constexpr size_t kIntrospectionListsMax = 3;  // graphql-js's number; the usual tools need 2

bool IsList(std::string_view field) {
  return field == "fields" || field == "interfaces" || field == "possibleTypes" || field == "inputFields";
}

}  // namespace

bool Validator::IntrospectsTooDeep(const SelectionSet& set, size_t lists, absl::flat_hash_map<std::string_view, size_t>* visited) {
  for (const SelectionNode& node : set.selections) {
    if (node.kind == SelectionKind::kSpread) {
      if (SpreadIntrospectsTooDeep(node.name.text, lists, visited)) return true;
      continue;
    }
    const size_t here = lists + (node.kind == SelectionKind::kField && IsList(node.name.text) ? 1 : 0);
    if (here >= kIntrospectionListsMax) return true;
    if (node.set != nullptr && IntrospectsTooDeep(*node.set, here, visited)) return true;
  }
  return false;
}

// A fragment is walked at most once for each number of lists around it.
bool Validator::SpreadIntrospectsTooDeep(std::string_view name, size_t lists, absl::flat_hash_map<std::string_view, size_t>* visited) {
  if (const auto found = introspection_exceeded_.find(name); found != introspection_exceeded_.end() && found->second <= lists) return true;
  if (const auto found = visited->find(name); found != visited->end() && found->second >= lists) return false;
  if (const auto found = introspection_checked_.find(name); found != introspection_checked_.end() && found->second >= lists) return false;
  const Definition* fragment = ast_.Fragment(name);
  if (fragment == nullptr) return false;
  (*visited)[name] = lists;
  const bool deep = IntrospectsTooDeep(*fragment->set, lists, visited);
  (deep ? introspection_exceeded_ : introspection_checked_)[name] = lists;
  return deep;
}

}  // namespace vigil::graphql
