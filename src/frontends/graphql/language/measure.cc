#include "frontends/graphql/language/measure.h"

#include <algorithm>

#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr uint64_t kManyMax = uint64_t{1} << 40;  // sums stop here

struct Size {
  uint64_t depth = 0;
  uint64_t introspection_depth = 0;
  uint64_t aliases = 0;
  uint64_t directives = 0;
  uint64_t selections = 0;

  void Add(const Size& other) {
    depth = std::max(depth, other.depth);
    introspection_depth = std::max(introspection_depth, other.introspection_depth);
    aliases = std::min(kManyMax, aliases + other.aliases);
    directives = std::min(kManyMax, directives + other.directives);
    selections = std::min(kManyMax, selections + other.selections);
  }
};

class Measurer {
 public:
  explicit Measurer(const Ast& ast) : ast_(ast) {}

  Size Of(const Definition& definition) {
    Size size = Of(*definition.set);
    size.directives += definition.directives.size();
    for (const VariableNode& variable : definition.variables) size.directives += variable.directives.size();
    return size;
  }

 private:
  Size Of(const SelectionSet& set) {
    Size size;
    for (const SelectionNode& node : set.selections) {
      Size one;
      if (node.kind == SelectionKind::kSpread) {
        one = OfFragment(node.name.text);
      } else if (node.set != nullptr) {
        one = Of(*node.set);
      }
      if (node.kind == SelectionKind::kField) {
        const bool introspection = node.name.text == "__schema" || node.name.text == "__type";
        if (introspection) one.introspection_depth = std::max(one.introspection_depth, 1 + std::exchange(one.depth, 0));
        ++one.depth;
        if (node.alias) ++one.aliases;
      }
      one.directives += node.directives.size();
      ++one.selections;
      size.Add(one);
    }
    return size;
  }

  // Nothing for one that is not there or contains itself, which validation refuses.
  Size OfFragment(std::string_view name) {
    const Definition* fragment = ast_.Fragment(name);
    if (fragment == nullptr) return {};
    if (const auto [place, added] = sizes_.emplace(fragment, Size()); !added) return place->second;
    return sizes_[fragment] = Of(*fragment);
  }

  const Ast& ast_;
  absl::flat_hash_map<const Definition*, Size> sizes_;
};

}  // namespace

std::optional<Error> CheckSize(const Ast& ast, const Limits& limits) {
  Measurer measurer(ast);
  for (const Definition& operation : ast.definitions) {
    if (operation.kind != DefinitionKind::kOperation) continue;
    const Size size = measurer.Of(operation);
    const struct {
      uint64_t found, most;
      std::string_view what;
    } checks[] = {
        {size.selections, limits.fields_max, "selections"},
        {size.depth, limits.depth_max, "levels of fields"},
        {size.introspection_depth, limits.introspection_depth_max, "levels of introspection fields"},
        {size.aliases, limits.aliases_max, "aliases"},
        {size.directives, limits.directives_max, "directives"},
    };
    for (const auto& check : checks) {
      if (check.found <= check.most) continue;
      const std::string who = operation.name ? Concat("Operation \"", operation.name.text, "\"") : "The operation";
      const std::string found = check.found >= kManyMax ? "far too many" : Concat(check.found);
      return Error{Concat(who, " has ", found, " ", check.what, "; at most ", check.most, " are allowed."),
                   {ast.source.Locate(operation.at)},
                   nullptr,
                   {{"code", kLimitExceeded}}};
    }
  }
  return std::nullopt;
}

}  // namespace vigil::graphql
