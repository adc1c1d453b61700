#include "frontends/graphql/language/collect.h"

#include "frontends/graphql/language/coerce.h"

namespace vigil::graphql {

struct Collector::Run {
  const TypeDef& type;
  Collected* out;
  absl::flat_hash_map<std::string_view, size_t> places;
  absl::flat_hash_set<std::string_view> fragments;
  std::optional<Error> error;
};

bool Collector::Included(Nodes<DirectiveNode> directives, std::optional<Error>* error) const {
  for (const std::string_view name : {"skip", "include"}) {
    for (const DirectiveNode& node : directives) {
      if (node.name.text != name) continue;
      const DirectiveDef* directive = types_.Directive(name);
      const bool variable = !node.arguments.empty() && node.arguments[0].value.kind == LiteralKind::kVariable;
      if (directive == nullptr || (variables_ == nullptr && variable)) break;
      Json arguments = Json::object();
      *error = CoerceArguments(ast_.source, directive->arguments, node.arguments, node.at, {variables_, nullptr, nullptr}, &arguments);
      if (error->has_value()) return false;
      const auto condition = arguments.find("if");
      if (condition != arguments.end() && *condition == (name == "skip")) return false;
      break;
    }
  }
  return true;
}

bool Collector::Matches(const TypeNode* condition, const TypeDef& type) const {
  if (condition == nullptr) return true;
  const TypeDef* wanted = types_.Type(condition->name.text);
  return wanted == &type || (wanted != nullptr && wanted->subtypes.contains(&type));
}

void Collector::Add(const SelectionSet& set, Run* run) const {
  for (const SelectionNode& node : set.selections) {
    if (node.kind == SelectionKind::kSpread && run->fragments.contains(node.name.text)) continue;
    if (!node.directives.empty() && !Included(node.directives, &run->error)) {
      if (run->error) return;
      continue;
    }
    switch (node.kind) {
      case SelectionKind::kField: {
        const auto [place, added] = run->places.emplace(node.response_name(), run->out->size());
        if (added) run->out->emplace_back().name = node.response_name();
        (*run->out)[place->second].nodes.push_back(&node);
        break;
      }
      case SelectionKind::kInline:
        if (Matches(node.condition, run->type)) Add(*node.set, run);
        break;
      case SelectionKind::kSpread: {
        run->fragments.insert(node.name.text);
        const Definition* fragment = ast_.Fragment(node.name.text);
        if (fragment != nullptr && Matches(&fragment->condition, run->type)) Add(*fragment->set, run);
        break;
      }
    }
    if (run->error) return;
  }
}

std::optional<Error> Collector::Collect(const TypeDef& type, absl::Span<const SelectionSet* const> sets, Collected* out) {
  Run run{type, out, {}, {}, {}};
  for (const SelectionSet* set : sets) {
    Add(*set, &run);
    if (run.error) break;
  }
  return std::move(run.error);
}

Collected CollectForValidation(const TypeSystem& types, const Ast& ast, const TypeDef& type, const SelectionSet& set) {
  Collected fields;
  const SelectionSet* sets[] = {&set};
  Collector(types, ast, nullptr).Collect(type, sets, &fields);
  return fields;
}

}  // namespace vigil::graphql
