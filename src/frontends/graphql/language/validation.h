// Whether a document may be executed on a schema: every rule of the specification in one walk, with graphql-js's messages in its order.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "frontends/graphql/language/limits.h"
#include "frontends/graphql/language/types.h"

namespace vigil::graphql {

// Empty when the document is valid.
std::vector<Error> Validate(const TypeSystem& types, const Ast& ast, const Limits& limits);

// Where errors go. They are kept by definition, since those of an operation's variables are known last and stand behind its own.
class ErrorList {
 public:
  ErrorList(const Source& source, size_t errors_max) : source_(source), errors_max_(errors_max) {}
  void Report(std::string message, std::initializer_list<uint32_t> places) { Report(std::move(message), std::vector<uint32_t>(places)); }
  void Report(std::string message, const std::vector<uint32_t>& places);
  // What is reported from now on stands in this part (from 0).
  void SetPart(size_t part);
  void Abort() { aborted_ = true; }
  bool aborted() const { return aborted_; }
  std::vector<Error> Take();

 private:
  const Source& source_;
  size_t errors_max_;
  size_t part_ = 0;
  bool aborted_ = false;
  std::vector<std::vector<Error>> parts_{1};
};

// A variable where it is used.
struct VariableUse {
  const Literal* node = nullptr;
  TypeRef type;  // that is expected there; null where it is not known
  bool has_default = false;
  const TypeDef* one_of = nullptr;  // the OneOf input object that it is a field of
};

class Validator {
 public:
  Validator(const TypeSystem& types, const Ast& ast, const Limits& limits, ErrorList* errors);
  void Run();

 private:
  using Places = std::vector<uint32_t>;
  using Seen = absl::flat_hash_map<std::string_view, uint32_t>;

  // validate.cc: the walk. `type` is null where it is not known.
  void VisitOperation(const Definition& operation);
  void VisitFragment(const Definition& fragment);
  void VisitVariable(const VariableNode& variable);
  void VisitSet(const SelectionSet& set, const TypeDef* type, bool in_inline);
  void VisitField(const SelectionNode& field, const TypeDef* parent);
  void VisitSpread(const SelectionNode& spread, const TypeDef* parent);
  void VisitInline(const SelectionNode& fragment, const TypeDef* parent, const TypeDef* type);
  void VisitDirectives(Nodes<DirectiveNode> directives, std::string_view location);
  const TypeDef* NamedType(const TypeNode& node);  // KnownTypeNames

  // rules_values.cc. `check` is off below what is wrong as a whole.
  void VisitValue(const Literal& value, TypeRef type, bool check, bool has_default, const TypeDef* one_of);
  void VisitObject(const Literal& value, TypeRef type, bool check);
  void CheckObject(const Literal& value, const TypeDef& type);
  void CheckLeaf(const Literal& value, TypeRef type);

  // rules_fields.cc
  void CheckLeafs(const SelectionNode& field, TypeRef type);
  void ReportUnknownField(const SelectionNode& field, const TypeDef& parent);
  std::vector<std::string_view> TypesWithField(const TypeDef& parent, std::string_view field) const;
  void CheckUniqueArguments(Nodes<ArgumentNode> arguments);
  void CheckUniqueDirectives(Nodes<DirectiveNode> directives);
  void CheckRequiredArguments(const SelectionNode& node, const FieldDef& field);
  void CheckDirective(const DirectiveNode& node, const DirectiveDef* directive, std::string_view location);
  void CheckRequiredArguments(const DirectiveNode& node, const DirectiveDef& directive);
  // rules_introspection.cc
  bool IntrospectsTooDeep(const SelectionSet& set, size_t lists, absl::flat_hash_map<std::string_view, size_t>* visited);
  bool SpreadIntrospectsTooDeep(std::string_view name, size_t lists, absl::flat_hash_map<std::string_view, size_t>* visited);

  // rules_operations.cc
  void CheckUniqueOperation(const Definition& operation);
  void CheckSubscription(const Definition& operation);
  void CheckUniqueVariables(const Definition& operation);
  void CheckVariableUses(const Definition& operation);
  void CheckPositions(const Definition& operation, const std::vector<const VariableUse*>& uses);

  // rules_fragments.cc
  const std::vector<const SelectionNode*>& SpreadsIn(const Definition& definition);
  // Fragments that the operations reach, in the order of reaching.
  std::vector<const Definition*> Reached(const std::vector<const Definition*>& operations);
  void CheckCycles(const Definition& fragment);
  void CheckUnusedFragments();
  // False, and the end, when validation has cost too much.
  bool Spend(size_t work);

  std::string Guess(std::string_view name, const std::vector<std::string_view>& known) const;
  bool done() const { return errors_.aborted(); }

  const TypeSystem& types_;
  const Ast& ast_;
  const Limits& limits_;
  ErrorList& errors_;
  size_t operations_ = 0;  // how many there are
  size_t work_left_;
  const Definition* in_ = nullptr;      // the definition being walked
  const FieldDef* field_ = nullptr;     // the innermost field around; null where it is not known
  bool introspection_refused_ = false;  // around here
  Seen operation_names_, fragment_names_;
  absl::flat_hash_map<const Definition*, std::vector<VariableUse>> uses_;
  absl::flat_hash_map<const Definition*, std::vector<const SelectionNode*>> spreads_;
  absl::flat_hash_set<std::string_view> cycle_visited_;
  absl::flat_hash_map<std::string_view, size_t> cycle_places_;
  std::vector<const SelectionNode*> cycle_path_;
  absl::flat_hash_map<std::string_view, size_t> introspection_checked_, introspection_exceeded_;
  // merge_fields.cc
  std::unique_ptr<class FieldMerging> merging_;

 public:
  ~Validator();
};

}  // namespace vigil::graphql
