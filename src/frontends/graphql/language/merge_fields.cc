#include "frontends/graphql/language/merge_fields.h"

#include <algorithm>

#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr size_t kReasonBytesMax = 1000;  // graphql-js's numbers
constexpr size_t kConflictPlacesMax = 20;
constexpr size_t kConflictsMax = 200;  // more than are ever told of one selection set

std::string Shortened(std::string_view text) {
  return text.size() > kReasonBytesMax ? Concat(text.substr(0, kReasonBytesMax), "...") : std::string(text);
}

// Whether no value can be of both.
bool TypesConflict(TypeRef a, TypeRef b) {
  if (a == b) return false;
  if (a.is_list() || b.is_list()) return !(a.is_list() && b.is_list()) || TypesConflict(a.of(), b.of());
  if (a.is_non_null() || b.is_non_null()) return !(a.is_non_null() && b.is_non_null()) || TypesConflict(a.of(), b.of());
  return (a.named->leaf() || b.named->leaf()) && a.named != b.named;
}

bool IsSimple(const SelectionNode& node) { return node.arguments.empty() && node.set == nullptr; }

std::vector<uint32_t> PlacesOf(const SelectionNode& node, const std::vector<uint32_t>& of_conflicts) {
  std::vector<uint32_t> places = {node.at};
  const size_t count = std::min(of_conflicts.size(), kConflictPlacesMax - 1);
  places.insert(places.end(), of_conflicts.begin(), of_conflicts.begin() + static_cast<ptrdiff_t>(count));
  return places;
}

}  // namespace

bool FieldMerging::Spend(size_t work) {
  if (work > budget_) errors_.Abort();
  budget_ -= std::min(work, budget_);
  return !errors_.aborted();
}

void FieldMerging::Check(const SelectionSet& set, const TypeDef* parent) {
  if (set.selections.size() <= 1 && set.selections.front().kind != SelectionKind::kInline) return;
  Fields& fields = Collect(parent, set);
  Conflicts conflicts;
  Within(&fields, &conflicts);
  const size_t count = fields.fragments.size();
  if (count != 0 && (!fields.groups.empty() || count > 1)) {
    for (size_t i = 0; i < count && !errors_.aborted(); ++i) {
      WithFragment(&fields, fields.fragments[i], false, &conflicts);
      for (size_t j = i + 1; j < count && !errors_.aborted(); ++j) Fragments(fields.fragments[i], fields.fragments[j], false, &conflicts);
    }
  }
  for (Conflict& conflict : conflicts) {
    conflict.first.insert(conflict.first.end(), conflict.second.begin(), conflict.second.end());
    errors_.Report(Concat("Fields \"", Shortened(conflict.name), "\" conflict because ", conflict.reason,
                          ". Use different aliases on the fields to fetch both if this was intentional."),
                   conflict.first);
  }
}

FieldMerging::Fields& FieldMerging::Collect(const TypeDef* parent, const SelectionSet& set) {
  std::unique_ptr<Fields>& fields = fields_[{parent, &set}];
  if (fields == nullptr) {
    fields = std::make_unique<Fields>();
    CollectInto(parent, set, fields.get());
  }
  return *fields;
}

void FieldMerging::CollectInto(const TypeDef* parent, const SelectionSet& set, Fields* fields) {
  for (const SelectionNode& node : set.selections) {
    switch (node.kind) {
      case SelectionKind::kField: {
        const auto [place, added] = fields->places.emplace(node.response_name(), fields->groups.size());
        if (added) fields->groups.emplace_back(node.response_name(), Uses());
        const bool has_fields = parent != nullptr && (parent->kind == TypeKind::kObject || parent->kind == TypeKind::kInterface);
        fields->groups[place->second].second.push_back({parent, &node, has_fields ? parent->Field(node.name.text) : nullptr});
        break;
      }
      case SelectionKind::kSpread:
        if (std::find(fields->fragments.begin(), fields->fragments.end(), node.name.text) == fields->fragments.end()) {
          if (!Spend(fields->fragments.size())) return;
          fields->fragments.push_back(node.name.text);
        }
        break;
      case SelectionKind::kInline:
        CollectInto(node.condition == nullptr ? parent : types_.Type(node.condition->name.text), *node.set, fields);
        break;
    }
  }
}

FieldMerging::Fields& FieldMerging::CollectFragment(const Definition& fragment) {
  return Collect(types_.Type(fragment.condition.name.text), *fragment.set);
}

void FieldMerging::Within(Fields* fields, Conflicts* conflicts) {
  for (const auto& [name, uses] : fields->groups) {
    for (size_t i = 0; i < uses.size(); ++i) {
      for (size_t j = i + 1; j < uses.size(); ++j) {
        Compare(name, uses[i], uses[j], false, conflicts);
        if (errors_.aborted()) return;
      }
    }
  }
}

void FieldMerging::Between(const Fields& a, const Fields& b, bool exclusive, Conflicts* conflicts) {
  if (a.groups.empty() || b.groups.empty()) return;
  for (const auto& [name, uses] : a.groups) {
    if (!Spend(1)) return;
    const auto found = b.places.find(name);
    if (found == b.places.end()) continue;
    for (const Use& first : uses) {
      for (const Use& second : b.groups[found->second].second) {
        Compare(name, first, second, exclusive, conflicts);
        if (errors_.aborted()) return;
      }
    }
  }
}

void FieldMerging::WithFragment(Fields* fields, std::string_view name, bool exclusive, Conflicts* conflicts) {
  if (!Spend(1) || fields->groups.empty()) return;
  if (const auto found = fields->compared.find(name); found != fields->compared.end() && (!found->second || exclusive)) return;
  fields->compared[name] = exclusive;
  const Definition* fragment = ast_.Fragment(name);
  if (fragment == nullptr) return;
  Fields& other = CollectFragment(*fragment);
  if (&other == fields) return;
  Between(*fields, other, exclusive, conflicts);
  for (const std::string_view inner : other.fragments) WithFragment(fields, inner, exclusive, conflicts);
}

void FieldMerging::Fragments(std::string_view a, std::string_view b, bool exclusive, Conflicts* conflicts) {
  if (!Spend(2) || a == b) return;
  for (const auto& pair : {std::pair(a, b), std::pair(b, a)}) {
    if (const auto found = pairs_.find(pair); found != pairs_.end() && (exclusive || !found->second)) return;
  }
  pairs_[{a, b}] = exclusive;
  const Definition* first = ast_.Fragment(a);
  const Definition* second = ast_.Fragment(b);
  if (first == nullptr || second == nullptr) return;
  Fields& first_fields = CollectFragment(*first);
  Fields& second_fields = CollectFragment(*second);
  Between(first_fields, second_fields, exclusive, conflicts);
  for (const std::string_view inner : second_fields.fragments) Fragments(a, inner, exclusive, conflicts);
  for (const std::string_view inner : first_fields.fragments) Fragments(inner, b, exclusive, conflicts);
}

void FieldMerging::Compare(std::string_view name, const Use& a, const Use& b, bool exclusive, Conflicts* conflicts) {
  if (!Spend(2) || conflicts->size() >= kConflictsMax) return;
  const std::string_view first = a.node->name.text;
  const std::string_view second = b.node->name.text;
  const TypeRef first_type = a.field == nullptr ? TypeRef() : a.field->type;
  const TypeRef second_type = b.field == nullptr ? TypeRef() : b.field->type;
  if (IsSimple(*a.node) && IsSimple(*b.node) && first_type == second_type && first == second) return;
  // Fields of different object types are never asked of one object.
  const auto is_object = [](const TypeDef* type) { return type != nullptr && type->kind == TypeKind::kObject; };
  exclusive = exclusive || (a.parent != b.parent && is_object(a.parent) && is_object(b.parent));
  const auto add = [&](std::string reason) { conflicts->push_back({name, std::move(reason), {a.node->at}, {b.node->at}}); };
  if (!exclusive && first != second) return add(Concat("\"", Shortened(first), "\" and \"", Shortened(second), "\" are different fields"));
  if (!exclusive && !SameArguments(*a.node, *b.node)) return errors_.aborted() ? void() : add("they have differing arguments");
  if (first_type && second_type && TypesConflict(first_type, second_type)) {
    return add(Concat("they return conflicting types \"", first_type.Text(), "\" and \"", second_type.Text(), "\""));
  }
  if (a.node->set == nullptr || b.node->set == nullptr) return;
  const Conflicts inner = SubFields(a, b, exclusive);
  if (inner.empty()) return;
  std::string reason;
  std::vector<uint32_t> first_places, second_places;
  for (const Conflict& conflict : inner) {
    if (reason.size() <= kReasonBytesMax) {
      Append(&reason, reason.empty() ? "" : " and ", "subfields \"", Shortened(conflict.name), "\" conflict because ", conflict.reason);
    }
    first_places.insert(first_places.end(), conflict.first.begin(), conflict.first.end());
    second_places.insert(second_places.end(), conflict.second.begin(), conflict.second.end());
  }
  conflicts->push_back({name, Shortened(reason), PlacesOf(*a.node, first_places), PlacesOf(*b.node, second_places)});
}

FieldMerging::Conflicts FieldMerging::SubFields(const Use& a, const Use& b, bool exclusive) {
  Conflicts conflicts;
  Fields& first = Collect(a.field == nullptr ? nullptr : a.field->type.named, *a.node->set);
  Fields& second = Collect(b.field == nullptr ? nullptr : b.field->type.named, *b.node->set);
  Between(first, second, exclusive, &conflicts);
  for (const std::string_view fragment : second.fragments) WithFragment(&first, fragment, exclusive, &conflicts);
  for (const std::string_view fragment : first.fragments) WithFragment(&second, fragment, exclusive, &conflicts);
  for (const std::string_view from_first : first.fragments) {
    for (const std::string_view from_second : second.fragments) {
      if (errors_.aborted()) return conflicts;
      Fragments(from_first, from_second, exclusive, &conflicts);
    }
  }
  return conflicts;
}

bool FieldMerging::SameArguments(const SelectionNode& a, const SelectionNode& b) {
  if (a.arguments.size() != b.arguments.size()) return false;
  if (a.arguments.empty()) return true;
  absl::flat_hash_map<std::string_view, const Literal*> values;
  for (const ArgumentNode& argument : b.arguments) values[argument.name.text] = &argument.value;
  return std::all_of(a.arguments.begin(), a.arguments.end(), [&](const ArgumentNode& argument) {
    const auto found = values.find(argument.name.text);
    return Spend(2) && found != values.end() && Form(argument.value) == Form(*found->second);
  });
}

// A value's text with objects' fields in one order.
const std::string& FieldMerging::Form(const Literal& value) {
  if (const auto found = forms_.find(&value); found != forms_.end()) return found->second;
  std::string form = Concat(static_cast<int>(value.kind), value.block ? "b" : "", ":", value.text.size(), ":", value.text);
  for (const Literal& item : value.items) Append(&form, "[", Form(item));
  std::vector<std::pair<std::string_view, const Literal*>> fields;
  for (const LiteralField& field : value.fields) fields.emplace_back(field.name.text, &field.value);
  std::stable_sort(fields.begin(), fields.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  for (const auto& [name, field] : fields) Append(&form, "{", name, ":", Form(*field));
  Append(&form, ";");
  return forms_[&value] = std::move(form);
}

}  // namespace vigil::graphql
