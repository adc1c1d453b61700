// Operations: their names, subscriptions' single field, and their variables.
#include <algorithm>

#include "frontends/graphql/language/collect.h"
#include "frontends/graphql/language/validation.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

// Whether a variable of type `variable` may stand where `place` is expected.
bool Allowed(const VariableNode& node, TypeRef variable, const VariableUse& use) {
  if (use.type.is_non_null() && !variable.is_non_null()) {
    const bool own_default = node.default_value != nullptr && node.default_value->kind != LiteralKind::kNull;
    return (own_default || use.has_default) && TypeSystem::IsSubtype(variable, use.type.of());
  }
  return TypeSystem::IsSubtype(variable, use.type);
}

}  // namespace

void Validator::CheckUniqueOperation(const Definition& operation) {
  if (operation.name) {
    const auto [place, added] = operation_names_.emplace(operation.name.text, operation.name.at);
    if (!added) {
      errors_.Report(Concat("There can be only one operation named \"", operation.name.text, "\"."), {place->second, operation.name.at});
    }
  } else if (operations_ > 1) {
    errors_.Report("This anonymous operation must be the only defined operation.", {operation.at});
  }
}

void Validator::CheckSubscription(const Definition& operation) {
  if (types_.subscription == nullptr) return;
  const std::string who = operation.name ? Concat("Subscription \"", operation.name.text, "\"") : "Anonymous Subscription";
  const Collected fields = CollectForValidation(types_, ast_, *types_.subscription, *operation.set);
  Places extra;
  for (size_t i = 1; i < fields.size(); ++i) {
    for (const SelectionNode* node : fields[i].nodes) extra.push_back(node->at);
  }
  if (fields.size() > 1) errors_.Report(Concat(who, " must select only one top level field."), extra);
  for (const FieldGroup& field : fields) {
    if (!field.nodes.front()->name.text.starts_with("__")) continue;
    Places places;
    for (const SelectionNode* node : field.nodes) places.push_back(node->at);
    errors_.Report(Concat(who, " must not select an introspection top level field."), places);
  }
}

void Validator::CheckUniqueVariables(const Definition& operation) {
  if (operation.variables.size() < 2) return;
  std::vector<std::pair<std::string_view, Places>> seen;
  absl::flat_hash_map<std::string_view, size_t> index;
  for (const VariableNode& variable : operation.variables) {
    const auto [place, added] = index.emplace(variable.name, seen.size());
    if (added) seen.emplace_back(variable.name, Places());
    seen[place->second].second.push_back(variable.name_at);
  }
  for (const auto& [name, places] : seen) {
    if (places.size() > 1) errors_.Report(Concat("There can be only one variable named \"$", name, "\"."), places);
  }
}

// What is known when the fragments have been walked too: variables that are not defined, not used, or do not fit.
void Validator::CheckVariableUses(const Definition& operation) {
  std::vector<const VariableUse*> uses;
  const auto add = [&](const Definition* definition) {
    const auto found = uses_.find(definition);
    if (found == uses_.end()) return true;
    for (const VariableUse& use : found->second) uses.push_back(&use);
    return Spend(found->second.size());
  };
  if (!add(&operation)) return;
  for (const Definition* fragment : Reached({&operation})) {
    if (!Spend(1) || !add(fragment)) return;
  }
  absl::flat_hash_set<std::string_view> defined, used;
  for (const VariableNode& variable : operation.variables) defined.insert(variable.name);
  const std::string by = operation.name ? Concat(" by operation \"", operation.name.text, "\".") : ".";
  const std::string in = operation.name ? Concat(" in operation \"", operation.name.text, "\".") : ".";
  for (const VariableUse* use : uses) {
    used.insert(use->node->text);
    if (defined.contains(use->node->text)) continue;
    errors_.Report(Concat("Variable \"$", use->node->text, "\" is not defined", by), {use->node->at, operation.at});
  }
  for (const VariableNode& variable : operation.variables) {
    if (!used.contains(variable.name)) errors_.Report(Concat("Variable \"$", variable.name, "\" is never used", in), {variable.at});
  }
  CheckPositions(operation, uses);
}

void Validator::CheckPositions(const Definition& operation, const std::vector<const VariableUse*>& uses) {
  absl::flat_hash_map<std::string_view, const VariableNode*> definitions;
  for (const VariableNode& variable : operation.variables) definitions[variable.name] = &variable;
  for (const VariableUse* use : uses) {
    const auto found = definitions.find(use->node->text);
    if (found == definitions.end() || !use->type) continue;
    const VariableNode& variable = *found->second;
    const TypeRef type = types_.Resolve(variable.type);
    if (!type) continue;
    if (!Allowed(variable, type, *use)) {
      errors_.Report(Concat("Variable \"$", variable.name, "\" of type \"", type.Text(), "\" used in position expecting type \"",
                            use->type.Text(), "\"."),
                     {variable.at, use->node->at});
    }
    if (use->one_of != nullptr && !type.is_non_null()) {
      errors_.Report(Concat("Variable \"$", variable.name, "\" is of type \"", type.Text(),
                            "\" but must be non-nullable to be used for OneOf Input Object \"", use->one_of->name, "\"."),
                     {variable.at, use->node->at});
    }
  }
}

}  // namespace vigil::graphql
