// Fragments: who spreads whom, in no circle, and none for nothing.
#include <utility>

#include "frontends/graphql/language/validation.h"
#include "frontends/words.h"

namespace vigil::graphql {

bool Validator::Spend(size_t work) {
  if (work > work_left_) errors_.Abort();
  work_left_ -= work > work_left_ ? work_left_ : work;
  return !done();
}

// In graphql-js's order: set by set, the last one found first.
const std::vector<const SelectionNode*>& Validator::SpreadsIn(const Definition& definition) {
  const auto [place, added] = spreads_.try_emplace(&definition);
  std::vector<const SelectionNode*>& spreads = place->second;
  if (!added) return spreads;
  std::vector<const SelectionSet*> sets = {definition.set};
  while (!sets.empty()) {
    const SelectionSet* set = sets.back();
    sets.pop_back();
    for (const SelectionNode& node : set->selections) {
      if (node.kind == SelectionKind::kSpread) {
        spreads.push_back(&node);
      } else if (node.set != nullptr) {
        sets.push_back(node.set);
      }
    }
  }
  return spreads;
}

std::vector<const Definition*> Validator::Reached(const std::vector<const Definition*>& operations) {
  std::vector<std::string_view> names;
  absl::flat_hash_set<std::string_view> seen;
  const auto add = [&](const Definition& definition) {
    const auto& spreads = SpreadsIn(definition);
    for (const SelectionNode* spread : spreads) {
      if (seen.insert(spread->name.text).second) names.push_back(spread->name.text);
    }
    return Spend(spreads.size());
  };
  for (const Definition* operation : operations) {
    if (!add(*operation)) return {};
  }
  std::vector<const Definition*> reached;
  for (size_t i = 0; i < names.size(); ++i) {
    const Definition* fragment = ast_.Fragment(names[i]);
    if (fragment == nullptr) continue;
    reached.push_back(fragment);
    if (!add(*fragment)) return {};
  }
  return reached;
}

void Validator::CheckUnusedFragments() {
  std::vector<const Definition*> operations;
  for (const Definition& definition : ast_.definitions) {
    if (definition.kind == DefinitionKind::kOperation) operations.push_back(&definition);
  }
  absl::flat_hash_set<std::string_view> used;
  for (const Definition* fragment : Reached(operations)) used.insert(fragment->name.text);
  if (done()) return;
  for (const Definition& definition : ast_.definitions) {
    if (definition.kind != DefinitionKind::kFragment || used.contains(definition.name.text)) continue;
    errors_.Report(Concat("Fragment \"", definition.name.text, "\" is never used."), {definition.at});
  }
}

// Depth first from one fragment; recurses once a fragment, of which there are fewer than tokens.
void Validator::CheckCycles(const Definition& fragment) {
  const std::string_view name = fragment.name.text;
  if (!cycle_visited_.insert(name).second) return;
  const std::vector<const SelectionNode*> spreads = SpreadsIn(fragment);
  if (spreads.empty()) return;
  cycle_places_[name] = cycle_path_.size();
  for (const SelectionNode* spread : spreads) {
    cycle_path_.push_back(spread);
    if (const auto place = cycle_places_.find(spread->name.text); place != cycle_places_.end()) {
      Places places;
      std::string via;
      for (size_t i = place->second; i < cycle_path_.size(); ++i) {
        places.push_back(cycle_path_[i]->at);
        if (i + 1 < cycle_path_.size()) Append(&via, via.empty() ? " via \"" : ", \"", cycle_path_[i]->name.text, "\"");
      }
      errors_.Report(Concat("Cannot spread fragment \"", spread->name.text, "\" within itself", via, "."), places);
    } else if (const Definition* next = ast_.Fragment(spread->name.text); next != nullptr) {
      CheckCycles(*next);
    }
    cycle_path_.pop_back();
  }
  cycle_places_.erase(name);
}

}  // namespace vigil::graphql
