// Which fields a selection asks of an object type: fragments opened, @skip and @include observed, fields of one response name together.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "frontends/graphql/language/resolvers.h"
#include "frontends/graphql/language/types.h"

namespace vigil::graphql {

struct FieldGroup {
  std::string_view name;                               // in the response
  absl::InlinedVector<const SelectionNode*, 1> nodes;  // never empty

  // What execution finds out once for all objects that it asks this of.
  bool prepared = false;
  const FieldDef* field = nullptr;
  const Resolver* resolver = nullptr;  // null: the default one
  Json arguments;
  std::optional<Error> failure;  // of the arguments
};
using Collected = std::vector<FieldGroup>;

class Collector {
 public:
  // `variables` null: they are not known, and what depends on them counts as included.
  Collector(const TypeSystem& types, const Ast& ast, const Json* variables) : types_(types), ast_(ast), variables_(variables) {}

  // Of all `sets` as one. An error when a directive's argument has no value.
  std::optional<Error> Collect(const TypeDef& type, absl::Span<const SelectionSet* const> sets, Collected* out);
  // Whether `directives` let what carries them in.
  bool Included(Nodes<DirectiveNode> directives, std::optional<Error>* error) const;

 private:
  struct Run;
  void Add(const SelectionSet& set, Run* run) const;
  bool Matches(const TypeNode* condition, const TypeDef& type) const;

  const TypeSystem& types_;
  const Ast& ast_;
  const Json* variables_;
};

Collected CollectForValidation(const TypeSystem& types, const Ast& ast, const TypeDef& type, const SelectionSet& set);

}  // namespace vigil::graphql
