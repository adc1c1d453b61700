#include "frontends/graphql/language/cost.h"

#include <algorithm>

#include "frontends/graphql/language/collect.h"
#include "frontends/graphql/language/literal.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr int64_t kMost = int64_t{1} << 40;  // sums and products stop here

bool HasList(TypeRef type) {
  for (; type.wrappers != 0; type = type.of()) {
    if (type.is_list()) return true;
  }
  return false;
}
bool IsPage(std::string_view field) { return field == "edges" || field == "nodes"; }
bool IsConnection(const TypeDef& type) {
  return std::any_of(type.fields.begin(), type.fields.end(),
                     [](const FieldDef& field) { return IsPage(field.name) && HasList(field.type); });
}

class Counter {
 public:
  Counter(const TypeSystem& types, const Ast& ast, const Json& variables, const Limits& limits)
      : types_(types), ast_(ast), variables_(variables), limits_(limits), collector_(types, ast, &variables) {}

  // `page` is how many items the connection around was asked for; negative: there is none.
  int64_t Count(const SelectionSet& set, const TypeDef& type, int64_t page) {
    int64_t sum = 0;
    for (const SelectionNode& node : set.selections) {
      std::optional<Error> ignored;  // execution reports it
      if (!node.directives.empty() && !collector_.Included(node.directives, &ignored)) continue;
      int64_t cost = 0;
      if (node.kind == SelectionKind::kField) {
        cost = CountField(node, type, page);
      } else if (node.kind == SelectionKind::kInline) {
        const TypeDef* inner = node.condition == nullptr ? &type : types_.Type(node.condition->name.text);
        if (inner != nullptr) cost = Count(*node.set, *inner, page);
      } else if (const Definition* fragment = ast_.Fragment(node.name.text); fragment != nullptr) {
        const TypeDef* inner = types_.Type(fragment->condition.name.text);
        if (inner != nullptr) cost = Count(*fragment->set, *inner, page);
      }
      sum = std::min(kMost, sum + cost);
    }
    return sum;
  }

 private:
  int64_t CountField(const SelectionNode& node, const TypeDef& type, int64_t page) {
    if (node.name.text.starts_with("__")) return 0;
    const FieldDef* field = types_.Field(type, node.name.text);
    if (field == nullptr) return 0;
    if (node.set == nullptr) return 1;
    const int64_t asked = AskedFor(node, *field);
    const int64_t below = Count(*node.set, *field->type.named, IsConnection(*field->type.named) ? asked : -1);
    const int64_t items = !HasList(field->type) ? 1 : page >= 0 && IsPage(field->name) ? page : asked;
    return below != 0 && items > kMost / below ? kMost : std::min(kMost, 1 + items * below);
  }

  int64_t AskedFor(const SelectionNode& node, const FieldDef& field) const {
    for (const std::string_view name : {"first", "last"}) {
      const InputDef* input = field.Argument(name);
      if (input == nullptr) continue;
      std::optional<Json> value = input->default_value;
      for (const ArgumentNode& argument : node.arguments) {
        if (argument.name.text == name) value = FromLiteral(argument.value, input->type, {&variables_, nullptr, nullptr});
      }
      if (value && value->is_number_integer()) return std::clamp<int64_t>(value->get<int64_t>(), 0, kMost);
    }
    return limits_.list_size_assumed;
  }

  const TypeSystem& types_;
  const Ast& ast_;
  const Json& variables_;
  const Limits& limits_;
  Collector collector_;
};

}  // namespace

int64_t CostOf(const TypeSystem& types, const Ast& ast, const Definition& operation, const Json& variables, const Limits& limits) {
  const TypeDef* root = types.Root(operation.operation);
  return root == nullptr ? 0 : Counter(types, ast, variables, limits).Count(*operation.set, *root, -1);
}

std::optional<Error> CheckCost(const TypeSystem& types, const Ast& ast, const Definition& operation, const Json& variables,
                               const Limits& limits) {
  const int64_t cost = CostOf(types, ast, operation, variables, limits);
  if (cost <= limits.cost_max) return std::nullopt;
  return Error{Concat("The operation may cost ", cost >= kMost ? "far too much" : Concat(cost), "; at most ", limits.cost_max,
                      " is allowed. Ask for fewer items with \"first\", or for fewer fields of each."),
               {ast.source.Locate(operation.at)},
               nullptr,
               {{"code", kLimitExceeded}}};
}

}  // namespace vigil::graphql
