#include <utility>

#include "frontends/graphql/language/merge_fields.h"
#include "frontends/graphql/language/validation.h"
#include "frontends/graphql/language/words.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr size_t kFragmentWorkMax = 50'000;  // graphql-js's number: fragments times operations
constexpr size_t kPlacesMax = 100;           // locations of one error

const TypeDef* Composite(const TypeDef* type) { return type != nullptr && type->composite() ? type : nullptr; }
const TypeDef* Output(const TypeDef* type) { return type != nullptr && type->output() ? type : nullptr; }

std::string_view LocationOf(OperationKind kind) {
  return kind == OperationKind::kQuery ? "QUERY" : kind == OperationKind::kMutation ? "MUTATION" : "SUBSCRIPTION";
}

}  // namespace

void ErrorList::Report(std::string message, const std::vector<uint32_t>& places) {
  std::vector<Error>& errors = parts_[part_];
  if (aborted_ || errors.size() > errors_max_) return;
  Error error{std::move(message), {}, nullptr, {{"code", kValidationFailed}}};
  for (const uint32_t place : places) {
    if (error.locations.size() < kPlacesMax) error.locations.push_back(source_.Locate(place));
  }
  errors.push_back(std::move(error));
}

void ErrorList::SetPart(size_t part) {
  part_ = part;
  if (part_ >= parts_.size()) parts_.resize(part_ + 1);
}

std::vector<Error> ErrorList::Take() {
  std::vector<Error> all;
  for (auto& part : parts_) {
    for (Error& error : part) {
      if (all.size() == errors_max_) {
        all.push_back({"Too many validation errors, error limit reached. Validation aborted.", {}, nullptr, {{"code", kLimitExceeded}}});
        return all;
      }
      all.push_back(std::move(error));
    }
  }
  if (aborted_) all.push_back({"Validation aborted.", {}, nullptr, {{"code", kLimitExceeded}}});
  return all;
}

std::vector<Error> Validate(const TypeSystem& types, const Ast& ast, const Limits& limits) {
  ErrorList errors(ast.source, limits.errors_max);
  Validator(types, ast, limits, &errors).Run();
  return errors.Take();
}

Validator::Validator(const TypeSystem& types, const Ast& ast, const Limits& limits, ErrorList* errors)
    : types_(types),
      ast_(ast),
      limits_(limits),
      errors_(*errors),
      work_left_(kFragmentWorkMax),
      merging_(std::make_unique<FieldMerging>(types, ast, limits, errors)) {}
Validator::~Validator() = default;

std::string Validator::Guess(std::string_view name, const std::vector<std::string_view>& known) const {
  return limits_.suggestions ? DidYouMeanOneOf(Suggestions(name, known)) : "";
}

void Validator::Run() {
  for (const Definition& definition : ast_.definitions) {
    if (definition.kind == DefinitionKind::kOperation) ++operations_;
    if (definition.executable()) continue;
    const std::string name = definition.name ? Concat("\"", definition.name.text, "\"") : "schema";
    errors_.Report(Concat("The ", name, " definition is not executable."), {definition.at});
  }
  for (size_t i = 0; i < ast_.definitions.size() && !done(); ++i) {
    errors_.SetPart(i + 1);
    in_ = &ast_.definitions[i];
    if (in_->kind == DefinitionKind::kOperation) VisitOperation(*in_);
    if (in_->kind == DefinitionKind::kFragment) VisitFragment(*in_);
  }
  for (size_t i = 0; i < ast_.definitions.size() && !done(); ++i) {
    errors_.SetPart(i + 1);
    if (ast_.definitions[i].kind == DefinitionKind::kOperation) CheckVariableUses(ast_.definitions[i]);
  }
  errors_.SetPart(ast_.definitions.size() + 1);
  if (!done()) CheckUnusedFragments();
}

void Validator::VisitOperation(const Definition& operation) {
  CheckUniqueOperation(operation);
  if (operation.operation == OperationKind::kSubscription) CheckSubscription(operation);
  CheckUniqueVariables(operation);
  CheckUniqueDirectives(operation.directives);
  for (const VariableNode& variable : operation.variables) VisitVariable(variable);
  VisitDirectives(operation.directives, LocationOf(operation.operation));
  const TypeDef* root = types_.Root(operation.operation);
  VisitSet(*operation.set, root, false);
}

void Validator::VisitFragment(const Definition& fragment) {
  const TypeDef* type = types_.Type(fragment.condition.name.text);
  if (type != nullptr && !type->composite()) {
    errors_.Report(Concat("Fragment \"", fragment.name.text, "\" cannot condition on non composite type \"", type->name, "\"."),
                   {fragment.condition.at});
  }
  const auto [place, added] = fragment_names_.emplace(fragment.name.text, fragment.name.at);
  if (!added) {
    errors_.Report(Concat("There can be only one fragment named \"", fragment.name.text, "\"."), {place->second, fragment.name.at});
  }
  CheckCycles(fragment);
  CheckUniqueDirectives(fragment.directives);
  NamedType(fragment.condition);
  VisitDirectives(fragment.directives, "FRAGMENT_DEFINITION");
  VisitSet(*fragment.set, Output(type), false);
}

void Validator::VisitVariable(const VariableNode& variable) {
  const TypeRef type = types_.Resolve(variable.type);
  const bool input = type && type.named->input();
  if (type && !input) {
    errors_.Report(Concat("Variable \"$", variable.name, "\" cannot be non-input type \"", type.Text(), "\"."), {variable.type.at});
  }
  CheckUniqueDirectives(variable.directives);
  NamedType(variable.type);
  if (variable.default_value != nullptr) VisitValue(*variable.default_value, input ? type : TypeRef(), true, false, nullptr);
  VisitDirectives(variable.directives, "VARIABLE_DEFINITION");
}

const TypeDef* Validator::NamedType(const TypeNode& node) {
  if (node.kind != TypeNode::Kind::kNamed) return NamedType(*node.of);
  const TypeDef* type = types_.Type(node.name.text);
  if (type != nullptr) return type;
  std::vector<std::string_view> names;
  for (const auto& known : types_.types) names.push_back(known->name);
  errors_.Report(Concat("Unknown type \"", node.name.text, "\".", Guess(node.name.text, names)), {node.at});
  return nullptr;
}

void Validator::VisitSet(const SelectionSet& set, const TypeDef* type, bool in_inline) {
  const TypeDef* parent = Composite(type);
  if (!in_inline) merging_->Check(set, parent);
  for (const SelectionNode& node : set.selections) {
    if (done()) return;
    switch (node.kind) {
      case SelectionKind::kField: VisitField(node, parent); break;
      case SelectionKind::kSpread: VisitSpread(node, parent); break;
      case SelectionKind::kInline: VisitInline(node, parent, type); break;
    }
  }
}

void Validator::VisitField(const SelectionNode& node, const TypeDef* parent) {
  const FieldDef* around = std::exchange(field_, parent == nullptr ? nullptr : types_.Field(*parent, node.name.text));
  const FieldDef* field = field_;
  const TypeDef* type = field == nullptr ? nullptr : Output(field->type.named);
  if (type != nullptr) CheckLeafs(node, field->type);
  if (parent != nullptr && field == nullptr) ReportUnknownField(node, *parent);
  CheckUniqueDirectives(node.directives);
  CheckUniqueArguments(node.arguments);
  bool refused_here = false;
  if (!introspection_refused_ && node.set != nullptr && (node.name.text == "__schema" || node.name.text == "__type")) {
    absl::flat_hash_map<std::string_view, size_t> visited;
    refused_here = introspection_refused_ = IntrospectsTooDeep(*node.set, 0, &visited);
    if (refused_here) errors_.Report("Maximum introspection depth exceeded", {node.at});
  }
  for (const ArgumentNode& argument : node.arguments) {
    const InputDef* known = field == nullptr ? nullptr : field->Argument(argument.name.text);
    if (known == nullptr && field != nullptr) {
      std::vector<std::string_view> names;
      for (const InputDef& one : field->arguments) names.push_back(one.name);
      errors_.Report(Concat("Unknown argument \"", argument.name.text, "\" on field \"", parent->name, ".", field->name, "\".",
                            Guess(argument.name.text, names)),
                     {argument.name.at});
    }
    VisitValue(argument.value, known == nullptr ? TypeRef() : known->type, true, known != nullptr && known->default_value.has_value(),
               nullptr);
  }
  VisitDirectives(node.directives, "FIELD");
  if (node.set != nullptr) VisitSet(*node.set, type, false);
  if (field != nullptr) CheckRequiredArguments(node, *field);
  if (refused_here) introspection_refused_ = false;
  field_ = around;
}

void Validator::VisitSpread(const SelectionNode& node, const TypeDef* parent) {
  const Definition* fragment = ast_.Fragment(node.name.text);
  if (fragment == nullptr) {
    errors_.Report(Concat("Unknown fragment \"", node.name.text, "\"."), {node.name.at});
  } else if (const TypeDef* type = Composite(types_.Type(fragment->condition.name.text));
             type != nullptr && parent != nullptr && !TypeSystem::Overlap(*type, *parent)) {
    errors_.Report(Concat("Fragment \"", node.name.text, "\" cannot be spread here as objects of type \"", parent->name,
                          "\" can never be of type \"", type->name, "\"."),
                   {node.at});
  }
  CheckUniqueDirectives(node.directives);
  VisitDirectives(node.directives, "FRAGMENT_SPREAD");
}

void Validator::VisitInline(const SelectionNode& node, const TypeDef* parent, const TypeDef* type) {
  if (node.condition != nullptr) {
    type = types_.Type(node.condition->name.text);
    if (type != nullptr && !type->composite()) {
      errors_.Report(Concat("Fragment cannot condition on non composite type \"", type->name, "\"."), {node.condition->at});
    }
    type = Output(type);
  }
  if (const TypeDef* own = Composite(type); own != nullptr && parent != nullptr && !TypeSystem::Overlap(*own, *parent)) {
    errors_.Report(
        Concat("Fragment cannot be spread here as objects of type \"", parent->name, "\" can never be of type \"", own->name, "\"."),
        {node.at});
  }
  CheckUniqueDirectives(node.directives);
  if (node.condition != nullptr) NamedType(*node.condition);
  VisitDirectives(node.directives, "INLINE_FRAGMENT");
  VisitSet(*node.set, type, true);
}

}  // namespace vigil::graphql
