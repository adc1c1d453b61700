// Fields, their arguments, and directives.
#include <algorithm>

#include "frontends/graphql/language/validation.h"
#include "frontends/graphql/language/words.h"
#include "frontends/words.h"

namespace vigil::graphql {

void Validator::CheckLeafs(const SelectionNode& field, TypeRef type) {
  const std::string_view name = field.name.text;
  if (type.named->leaf() && field.set != nullptr) {
    errors_.Report(Concat("Field \"", name, "\" must not have a selection since type \"", type.Text(), "\" has no subfields."),
                   {field.set->at});
  } else if (!type.named->leaf() && field.set == nullptr) {
    errors_.Report(Concat("Field \"", name, "\" of type \"", type.Text(), "\" must have a selection of subfields. Did you mean \"", name,
                          " { ... }\"?"),
                   {field.at});
  }
}

// Types below an interface or union that have the field, and interfaces of theirs: the most common first, then wider before narrower.
std::vector<std::string_view> Validator::TypesWithField(const TypeDef& parent, std::string_view field) const {
  std::vector<std::pair<const TypeDef*, size_t>> counts;
  const auto count = [&](const TypeDef* type) {
    const auto found = std::find_if(counts.begin(), counts.end(), [&](const auto& one) { return one.first == type; });
    if (found != counts.end()) return void(++found->second);
    counts.emplace_back(type, 1);
  };
  for (const TypeDef* type : parent.possible) {
    if (type->Field(field) == nullptr) continue;
    count(type);
    for (const TypeDef* interface : type->interfaces) {
      if (interface->Field(field) != nullptr) count(interface);
    }
  }
  const auto before = [](const auto& a, const auto& b) {
    if (a.second != b.second) return a.second > b.second;
    if (a.first->kind == TypeKind::kInterface && a.first->subtypes.contains(b.first)) return true;
    if (b.first->kind == TypeKind::kInterface && b.first->subtypes.contains(a.first)) return false;
    return NaturalLess(a.first->name, b.first->name);
  };
  for (size_t i = 1; i < counts.size(); ++i) {  // few; the order is not strict enough for std::sort
    for (size_t j = i; j > 0 && before(counts[j], counts[j - 1]); --j) std::swap(counts[j], counts[j - 1]);
  }
  std::vector<std::string_view> names;
  for (const auto& [type, uses] : counts) names.push_back(type->name);
  return names;
}

void Validator::ReportUnknownField(const SelectionNode& field, const TypeDef& parent) {
  std::string guess;
  if (limits_.suggestions) {
    if (parent.abstract()) guess = DidYouMeanOneOf(TypesWithField(parent, field.name.text), "to use an inline fragment on");
    if (guess.empty()) guess = Guess(field.name.text, parent.Members());
  }
  errors_.Report(Concat("Cannot query field \"", field.name.text, "\" on type \"", parent.name, "\".", guess), {field.at});
}

void Validator::CheckUniqueArguments(Nodes<ArgumentNode> arguments) {
  if (arguments.size() < 2) return;
  std::vector<std::pair<std::string_view, Places>> seen;
  absl::flat_hash_map<std::string_view, size_t> index;
  for (const ArgumentNode& argument : arguments) {
    const auto [place, added] = index.emplace(argument.name.text, seen.size());
    if (added) seen.emplace_back(argument.name.text, Places());
    seen[place->second].second.push_back(argument.name.at);
  }
  for (const auto& [name, places] : seen) {
    if (places.size() > 1) errors_.Report(Concat("There can be only one argument named \"", name, "\"."), places);
  }
}

void Validator::CheckUniqueDirectives(Nodes<DirectiveNode> directives) {
  if (directives.size() < 2) return;
  Seen seen;
  for (const DirectiveNode& node : directives) {
    const DirectiveDef* directive = types_.Directive(node.name.text);
    if (directive == nullptr || directive->repeatable) continue;
    const auto [place, added] = seen.emplace(node.name.text, node.at);
    if (!added)
      errors_.Report(Concat("The directive \"@", node.name.text, "\" can only be used once at this location."), {place->second, node.at});
  }
}

void Validator::CheckRequiredArguments(const SelectionNode& node, const FieldDef& field) {
  for (const InputDef& argument : field.arguments) {
    if (!argument.required()) continue;
    const bool given =
        std::any_of(node.arguments.begin(), node.arguments.end(), [&](const auto& one) { return one.name.text == argument.name; });
    if (given) continue;
    errors_.Report(Concat("Field \"", field.name, "\" argument \"", argument.name, "\" of type \"", argument.type.Text(),
                          "\" is required, but it was not provided."),
                   {node.at});
  }
}

void Validator::VisitDirectives(Nodes<DirectiveNode> directives, std::string_view location) {
  for (const DirectiveNode& node : directives) {
    if (done()) return;
    const DirectiveDef* directive = types_.Directive(node.name.text);
    CheckDirective(node, directive, location);
    CheckUniqueArguments(node.arguments);
    for (const ArgumentNode& argument : node.arguments) {
      // graphql-js reads an unknown directive's arguments as those of the field around.
      const InputDef* input = directive != nullptr ? directive->Argument(argument.name.text)
                              : field_ != nullptr  ? field_->Argument(argument.name.text)
                                                   : nullptr;
      const bool known = input != nullptr && input->type.named->input();
      VisitValue(argument.value, known ? input->type : TypeRef(), true, known && input->default_value.has_value(), nullptr);
    }
    if (directive != nullptr) CheckRequiredArguments(node, *directive);
  }
}

void Validator::CheckDirective(const DirectiveNode& node, const DirectiveDef* directive, std::string_view location) {
  if (directive == nullptr) return errors_.Report(Concat("Unknown directive \"@", node.name.text, "\"."), {node.at});
  if (!directive->MayStandOn(location)) {
    errors_.Report(Concat("Directive \"@", node.name.text, "\" may not be used on ", location, "."), {node.at});
  }
  for (const ArgumentNode& argument : node.arguments) {
    if (directive->Argument(argument.name.text) != nullptr) continue;
    std::vector<std::string_view> names;
    for (const InputDef& one : directive->arguments) names.push_back(one.name);
    errors_.Report(
        Concat("Unknown argument \"", argument.name.text, "\" on directive \"@", node.name.text, "\".", Guess(argument.name.text, names)),
        {argument.name.at});
  }
}

void Validator::CheckRequiredArguments(const DirectiveNode& node, const DirectiveDef& directive) {
  for (const InputDef& argument : directive.arguments) {
    if (!argument.required()) continue;
    const bool given =
        std::any_of(node.arguments.begin(), node.arguments.end(), [&](const auto& one) { return one.name.text == argument.name; });
    if (given) continue;
    errors_.Report(Concat("Directive \"@", directive.name, "\" argument \"", argument.name, "\" of type \"", argument.type.Text(),
                          "\" is required, but it was not provided."),
                   {node.at});
  }
}

}  // namespace vigil::graphql
