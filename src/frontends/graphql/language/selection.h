// What is selected below a field, as its resolver may ask.
#pragma once

#include <string_view>

#include "frontends/graphql/language/collect.h"

namespace vigil::graphql {

class Selection {
 public:
  Selection(const Ast& ast, const Collector& collector, const FieldGroup& group) : ast_(ast), collector_(collector), group_(group) {}
  // Fragments are opened whatever type they are on.
  bool Selects(std::string_view child) const;

 private:
  bool In(const SelectionSet& set, std::string_view child, absl::flat_hash_set<std::string_view>* opened) const;

  const Ast& ast_;
  const Collector& collector_;
  const FieldGroup& group_;
};

}  // namespace vigil::graphql
