// Rules of a schema's text, before types are made of it. Messages are graphql-js's.
#include <algorithm>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "frontends/graphql/language/schema_build.h"
#include "frontends/graphql/language/words.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

using Seen = absl::flat_hash_set<std::string_view>;

class Checker {
 public:
  Checker(const Ast& built_in, const Ast& ast, SchemaProblems* problems) : built_in_(built_in), ast_(ast), problems_(problems) {}

  void Run() {
    for (const Definition& definition : built_in_.definitions) Know(definition, true);
    for (const Definition& definition : ast_.definitions) Know(definition, false);
    for (const Definition& definition : ast_.definitions) Check(definition);
  }

 private:
  void Report(uint32_t at, std::string message) { problems_->push_back({std::move(message), at}); }

  void Know(const Definition& definition, bool built_in) {
    if (definition.executable() || definition.extend) return;
    if (definition.kind == DefinitionKind::kSchema) {
      if (schema_) Report(definition.at, "Must provide only one schema definition.");
      schema_ = true;
      return;
    }
    const bool directive = definition.kind == DefinitionKind::kDirective;
    const std::string_view name = definition.name.text;
    auto& known = directive ? directives_ : types_;
    const auto [place, added] = known.emplace(name, &definition);
    if (added) return;
    const bool redefined = !built_in && !own_.contains(name) && IsBuiltIn(*place->second);
    if (redefined) {
      own_.insert(name);
      if (directive) place->second = &definition;
      return;
    }
    Report(definition.name.at, directive ? Concat("There can be only one directive named \"@", name, "\".")
                                         : Concat("There can be only one type named \"", name, "\"."));
  }
  bool IsBuiltIn(const Definition& definition) const {
    return &definition >= built_in_.definitions.data() && &definition < built_in_.definitions.data() + built_in_.definitions.size();
  }

  void Check(const Definition& definition) {
    if (definition.executable()) return Report(definition.at, "Only schemas, types and directives may be defined here.");
    if (definition.extend && definition.kind != DefinitionKind::kSchema) CheckExtension(definition);
    CheckDirectives(definition.directives, LocationOf(definition.kind), &seen_directives_[definition.name.text]);
    Seen& members = members_[definition.name.text];
    for (const FieldNode& field : definition.fields) CheckField(definition, field, &members);
    for (const InputNode& input : definition.inputs) {
      if (!members.insert(input.name.text).second && definition.kind == DefinitionKind::kInputObject) {
        Report(input.name.at, Concat("Field \"", definition.name.text, ".", input.name.text, "\" can only be defined once."));
      }
      CheckInput(input, definition.kind == DefinitionKind::kInputObject ? "INPUT_FIELD_DEFINITION" : "ARGUMENT_DEFINITION");
    }
    if (definition.kind == DefinitionKind::kDirective) CheckArgumentNames(Concat("@", definition.name.text), definition.inputs);
    for (const TypeNode& type : definition.types) CheckType(type);
    for (const auto& [kind, type] : definition.roots) {
      if (!roots_.insert(OperationWord(kind)).second)
        Report(type.at, Concat("There can be only one ", OperationWord(kind), " type in schema."));
      CheckType(type);
    }
  }

  void CheckExtension(const Definition& extension) {
    const auto found = types_.find(extension.name.text);
    if (found == types_.end()) {
      return Report(extension.name.at,
                    Concat("Cannot extend type \"", extension.name.text, "\" because it is not defined.", Guess(extension.name.text)));
    }
    if (IsBuiltIn(*found->second))
      return Report(extension.name.at, Concat("Cannot extend type \"", extension.name.text, "\", which every schema has."));
    if (found->second->kind != extension.kind) {
      Report(extension.at, Concat("Cannot extend \"", extension.name.text, "\" as another kind of type than it is defined as."));
    }
  }

  void CheckField(const Definition& definition, const FieldNode& field, Seen* members) {
    const bool is_enum = definition.kind == DefinitionKind::kEnum;
    if (!members->insert(field.name.text).second) {
      Report(field.name.at,
             Concat(is_enum ? "Enum value \"" : "Field \"", definition.name.text, ".", field.name.text, "\" can only be defined once."));
    }
    CheckDirectives(field.directives, is_enum ? "ENUM_VALUE" : "FIELD_DEFINITION", nullptr);
    if (is_enum) return;
    CheckType(field.type);
    CheckArgumentNames(Concat(definition.name.text, ".", field.name.text), field.arguments);
    for (const InputNode& argument : field.arguments) CheckInput(argument, "ARGUMENT_DEFINITION");
  }
  void CheckArgumentNames(std::string_view of, Nodes<InputNode> arguments) {
    Seen seen;
    for (const InputNode& argument : arguments) {
      if (!seen.insert(argument.name.text).second) {
        Report(argument.name.at, Concat("Argument \"", of, "(", argument.name.text, ":)\" can only be defined once."));
      }
    }
  }
  void CheckInput(const InputNode& input, std::string_view location) {
    CheckType(input.type);
    CheckDirectives(input.directives, location, nullptr);
  }

  void CheckType(const TypeNode& type) {
    if (type.kind != TypeNode::Kind::kNamed) return CheckType(*type.of);
    if (types_.contains(type.name.text) && type.name.text != "__Meta") return;
    Report(type.at, Concat("Unknown type \"", type.name.text, "\".", Guess(type.name.text)));
  }
  std::string Guess(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const auto& [known, definition] : types_) names.push_back(known);
    return DidYouMeanOneOf(Suggestions(name, names));
  }

  // `seen` lasts over a type's extensions; null for what has none.
  void CheckDirectives(Nodes<DirectiveNode> nodes, std::string_view location, Seen* seen) {
    Seen own;
    if (seen == nullptr) seen = &own;
    for (const DirectiveNode& node : nodes) {
      const auto found = directives_.find(node.name.text);
      if (found == directives_.end()) {
        Report(node.at, Concat("Unknown directive \"@", node.name.text, "\"."));
        continue;
      }
      const Definition& directive = *found->second;
      const bool fits =
          std::any_of(directive.locations.begin(), directive.locations.end(), [&](const Name& one) { return one.text == location; });
      if (!fits) Report(node.at, Concat("Directive \"@", node.name.text, "\" may not be used on ", location, "."));
      if (!directive.repeatable && !seen->insert(node.name.text).second) {
        Report(node.at, Concat("The directive \"@", node.name.text, "\" can only be used once at this location."));
      }
      CheckArguments(node, directive);
    }
  }

  void CheckArguments(const DirectiveNode& node, const Definition& directive) {
    Seen given;
    for (const ArgumentNode& argument : node.arguments) {
      if (!given.insert(argument.name.text).second) {
        Report(argument.name.at, Concat("There can be only one argument named \"", argument.name.text, "\"."));
      }
      const bool known = std::any_of(directive.inputs.begin(), directive.inputs.end(),
                                     [&](const InputNode& one) { return one.name.text == argument.name.text; });
      if (!known) Report(argument.name.at, Concat("Unknown argument \"", argument.name.text, "\" on directive \"@", node.name.text, "\"."));
    }
    for (const InputNode& input : directive.inputs) {
      if (input.type.kind != TypeNode::Kind::kNonNull || input.default_value != nullptr || given.contains(input.name.text)) continue;
      Report(node.at,
             Concat("Directive \"@", node.name.text, "\" argument \"", input.name.text, "\" is required, but it was not provided."));
    }
  }

  static std::string_view LocationOf(DefinitionKind kind) {
    switch (kind) {
      case DefinitionKind::kSchema: return "SCHEMA";
      case DefinitionKind::kScalar: return "SCALAR";
      case DefinitionKind::kObject: return "OBJECT";
      case DefinitionKind::kInterface: return "INTERFACE";
      case DefinitionKind::kUnion: return "UNION";
      case DefinitionKind::kEnum: return "ENUM";
      case DefinitionKind::kInputObject: return "INPUT_OBJECT";
      default: return "DIRECTIVE_DEFINITION";
    }
  }

  const Ast& built_in_;
  const Ast& ast_;
  SchemaProblems* problems_;
  bool schema_ = false;
  absl::flat_hash_map<std::string_view, const Definition*> types_;
  absl::flat_hash_map<std::string_view, const Definition*> directives_;
  Seen own_;  // names that the text defines anew though every schema has them
  Seen roots_;
  absl::flat_hash_map<std::string_view, Seen> members_;
  absl::flat_hash_map<std::string_view, Seen> seen_directives_;
};

}  // namespace

void CheckDefinitions(const Ast& built_in, const Ast& ast, SchemaProblems* problems) { Checker(built_in, ast, problems).Run(); }

}  // namespace vigil::graphql
