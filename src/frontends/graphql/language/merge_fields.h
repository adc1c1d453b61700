// "Field selection merging": fields that share a response name must be one field, with the same arguments and a shape that fits. After
// graphql-js's algorithm, which memoizes fragments against each other; what it may cost is Limits::merge_pairs_max.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "frontends/graphql/language/validation.h"

namespace vigil::graphql {

class FieldMerging {
 public:
  FieldMerging(const TypeSystem& types, const Ast& ast, const Limits& limits, ErrorList* errors)
      : types_(types), ast_(ast), budget_(limits.merge_pairs_max), errors_(*errors) {}

  // Reports conflicts within `set` on `parent` (null where it is not known).
  void Check(const SelectionSet& set, const TypeDef* parent);

 private:
  struct Use {
    const TypeDef* parent;
    const SelectionNode* node;
    const FieldDef* field;  // null where it is not known
  };
  using Uses = std::vector<Use>;
  // What a selection set asks for itself: fields by response name in order, and the fragments that it spreads.
  struct Fields {
    std::vector<std::pair<std::string_view, Uses>> groups;
    absl::flat_hash_map<std::string_view, size_t> places;
    std::vector<std::string_view> fragments;
    absl::flat_hash_map<std::string_view, bool> compared;  // fragments → whether as mutually exclusive
  };
  struct Conflict {
    std::string_view name;
    std::string reason;
    std::vector<uint32_t> first, second;
  };
  using Conflicts = std::vector<Conflict>;

  bool Spend(size_t work);
  Fields& Collect(const TypeDef* parent, const SelectionSet& set);
  void CollectInto(const TypeDef* parent, const SelectionSet& set, Fields* fields);
  Fields& CollectFragment(const Definition& fragment);
  void Within(Fields* fields, Conflicts* conflicts);
  void Between(const Fields& a, const Fields& b, bool exclusive, Conflicts* conflicts);
  void WithFragment(Fields* fields, std::string_view fragment, bool exclusive, Conflicts* conflicts);
  void Fragments(std::string_view a, std::string_view b, bool exclusive, Conflicts* conflicts);
  void Compare(std::string_view name, const Use& a, const Use& b, bool exclusive, Conflicts* conflicts);
  Conflicts SubFields(const Use& a, const Use& b, bool exclusive);
  bool SameArguments(const SelectionNode& a, const SelectionNode& b);
  const std::string& Form(const Literal& value);

  const TypeSystem& types_;
  const Ast& ast_;
  size_t budget_;
  ErrorList& errors_;
  absl::flat_hash_map<std::pair<const TypeDef*, const SelectionSet*>, std::unique_ptr<Fields>> fields_;
  absl::flat_hash_map<std::pair<std::string_view, std::string_view>, bool> pairs_;
  absl::flat_hash_map<const Literal*, std::string> forms_;
};

}  // namespace vigil::graphql
