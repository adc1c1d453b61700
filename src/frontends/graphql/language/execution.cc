#include "frontends/graphql/language/execution.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/graphql/language/coerce.h"
#include "frontends/graphql/language/introspection.h"
#include "frontends/graphql/language/leaf.h"
#include "frontends/graphql/language/selection.h"
#include "frontends/graphql/language/words.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

Json DefaultExtensions(const Status& status) {
  Json extensions = {{"code", ErrorInfo(CodeOf(status)).name}};
  if (const std::string path = PathOf(status); !path.empty()) extensions["path"] = path;
  return extensions;
}

}  // namespace

ScalarLookup LookupScalars(const Resolvers& resolvers) {
  return [&resolvers](const TypeDef& type) { return resolvers.ScalarOf(type.id); };
}

Execution::Execution(const Resolvers& resolvers, const Document& document, const Plan& plan, const ExecuteOptions& options)
    : resolvers_(resolvers),
      document_(document),
      types_(document.schema().types()),
      plan_(plan),
      options_(options),
      scalars_(LookupScalars(resolvers)),
      collector_(types_, document.ast(), &plan.variables),
      out_(response_.data) {}

std::optional<Error> Execution::CollectRoot(Collected* fields) {
  const SelectionSet* sets[] = {plan_.operation->set};
  return collector_.Collect(*types_.Root(plan_.operation->operation), sets, fields);
}

Response Execution::Run(const Value& root) {
  response_.executed = true;
  Collected fields;
  const TypeDef& type = *types_.Root(plan_.operation->operation);
  bool whole = false;
  if (auto error = CollectRoot(&fields)) {
    Fail(*std::move(error), nullptr);
  } else {
    whole = Fields(type, root, &fields, nullptr);
  }
  if (!whole) out_ = "null";
  return std::move(response_);
}

bool Execution::Fail(Error error, const Step* at) {
  if (stopped_) return false;
  if (at != nullptr && error.path.is_null()) {
    std::vector<const Step*> steps;
    for (; at != nullptr; at = at->before) steps.push_back(at);
    error.path = Json::array();
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      if ((*step)->name.empty()) {
        error.path.push_back((*step)->index);
      } else {
        error.path.push_back(std::string((*step)->name));
      }
    }
  }
  if (response_.errors.size() < options_.limits.execution_errors_max) response_.errors.push_back(std::move(error));
  return false;
}

bool Execution::Fail(std::string message, std::string_view code, const FieldGroup& group, const Step* at) {
  Error error{std::move(message), {}, nullptr, {{"code", code}}};
  for (const SelectionNode* node : group.nodes) error.locations.push_back(document_.ast().source.Locate(node->at));
  return Fail(std::move(error), at);
}

bool Execution::Stop(Error error) {
  response_.errors.clear();
  Fail(std::move(error), nullptr);
  stopped_ = true;
  return false;
}

bool Execution::Fields(const TypeDef& type, const Value& parent, Collected* fields, const Step* at) {
  out_.push_back('{');
  bool first = true;
  for (FieldGroup& group : *fields) {
    if (!first) out_.push_back(',');
    first = false;
    AppendJsonString(&out_, group.name);
    out_.push_back(':');
    const Step step{at, group.name};
    if (!group.prepared) PrepareField(type, &group);
    if (!Field(type, parent, &group, &step)) return false;
    if (out_.size() > options_.limits.response_bytes_max) {
      return Stop(
          {Concat("The response has more than ", options_.limits.response_bytes_max, " bytes."), {}, nullptr, {{"code", kLimitExceeded}}});
    }
  }
  out_.push_back('}');
  return true;
}

void Execution::PrepareField(const TypeDef& parent, FieldGroup* group) {
  const SelectionNode& node = *group->nodes.front();
  group->prepared = true;
  group->field = types_.Field(parent, node.name.text);
  group->resolver = resolvers_.FieldOf(group->field->id);
  group->arguments = Json::object();
  if (group->field->arguments.empty()) return;
  group->failure = CoerceArguments(document_.ast().source, group->field->arguments, node.arguments, node.at,
                                   {&plan_.variables, &scalars_, nullptr}, &group->arguments);
}

bool Execution::Field(const TypeDef& type, const Value& parent, FieldGroup* group, const Step* at) {
  const FieldDef& field = *group->field;
  if (&field == &types_.typename_field) {
    AppendJsonString(&out_, type.name);
    return true;
  }
  StatusOr<Value> value = Value();
  const auto null_or_parent = [&] {
    if (stopped_ || field.type.is_non_null()) return false;
    out_.append("null");
    return true;
  };
  if (group->failure) {
    Fail(*group->failure, at);
    return null_or_parent();
  }
  if (group->resolver != nullptr && options_.proceed) {
    const Status proceed = options_.proceed();
    if (!proceed.ok()) {
      return Stop(
          {std::string(MessageOf(proceed)), {}, nullptr, options_.extensions ? options_.extensions(proceed) : DefaultExtensions(proceed)});
    }
  }
  value = Resolve(type, parent, *group);
  if (value.ok()) return Complete(field.type, *value, group, type, at);
  Error error{std::string(MessageOf(value.status())),
              {},
              nullptr,
              options_.extensions ? options_.extensions(value.status()) : DefaultExtensions(value.status())};
  for (const SelectionNode* node : group->nodes) error.locations.push_back(document_.ast().source.Locate(node->at));
  Fail(std::move(error), at);
  return null_or_parent();
}

StatusOr<Value> Execution::Resolve(const TypeDef& type, const Value& parent, const FieldGroup& group) const {
  if (group.resolver != nullptr) {
    const Selection selection(document_.ast(), collector_, group);
    return (*group.resolver)(FieldCall(parent, group.arguments, options_.context, selection));
  }
  if (group.field == &types_.schema_field) return SchemaValue(types_);
  if (group.field == &types_.type_field) return TypeValue(types_, group.arguments["name"].get_ref<const std::string&>());
  if (parent.is_object()) return absl::InternalError(Concat("Nothing answers \"", type.name, ".", group.field->name, "\"."));
  const Json* json = parent.json();
  if (json == nullptr || !json->is_object()) return Value();
  const auto found = json->find(std::string(group.field->name));
  return found == json->end() ? Value() : Value::Borrowed(&*found);
}

bool Execution::Complete(TypeRef type, const Value& value, FieldGroup* group, const TypeDef& parent, const Step* at) {
  const size_t mark = out_.size();
  if (type.is_non_null()) {
    if (!value.is_null()) return CompleteNonNull(type.of(), value, group, parent, at);
    return Fail(Concat("Cannot return null for non-nullable field ", parent.name, ".", group->field->name, "."), kInternalError, *group,
                at);
  }
  if (!value.is_null() && CompleteNonNull(type, value, group, parent, at)) return true;
  if (stopped_) return false;
  out_.resize(mark);
  out_.append("null");
  return true;
}

bool Execution::CompleteNonNull(TypeRef type, const Value& value, FieldGroup* group, const TypeDef& parent, const Step* at) {
  if (type.is_list()) return List(type.of(), value, group, parent, at);
  const TypeDef* named = type.named;
  if (named->leaf()) return Leaf(*named, value, *group, at);
  if (named->abstract()) named = ObjectTypeOf(*named, value, *group, parent, at);
  return named != nullptr && Object(*named, value, group, at);
}

bool Execution::List(TypeRef item, const Value& value, FieldGroup* group, const TypeDef& parent, const Step* at) {
  const Json* json = value.json();
  const std::vector<Value>* list = value.list();
  if (list == nullptr && (json == nullptr || !json->is_array())) {
    return Fail(Concat("Expected Iterable, but did not find one for field \"", parent.name, ".", group->field->name, "\"."), kInternalError,
                *group, at);
  }
  const size_t count = list != nullptr ? list->size() : json->size();
  out_.push_back('[');
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) out_.push_back(',');
    const Step step{at, {}, i};
    if (!Complete(item, list != nullptr ? (*list)[i] : Value::Borrowed(&(*json)[i]), group, parent, &step)) return false;
  }
  out_.push_back(']');
  return true;
}

bool Execution::Leaf(const TypeDef& type, const Value& value, const FieldGroup& group, const Step* at) {
  const Json* json = value.json();
  if (json == nullptr)
    return Fail(Concat("Expected a value of type \"", type.name, "\", but got an object or a list."), kInternalError, group, at);
  auto problem = AppendLeaf(*json, type, resolvers_.ScalarOf(type.id), &out_);
  return !problem || Fail(*std::move(problem), kInternalError, group, at);
}

const TypeDef* Execution::ObjectTypeOf(const TypeDef& abstract, const Value& value, const FieldGroup& group, const TypeDef& parent,
                                       const Step* at) {
  std::string name(value.object_type());
  if (const TypeResolver* resolver = resolvers_.TypeOf(abstract.id)) {
    name = (*resolver)(value);
  } else if (const Json* json = value.json(); json != nullptr && json->is_object()) {
    const auto found = json->find("__typename");
    if (found != json->end() && found->is_string()) name = found->get<std::string>();
  }
  const TypeDef* type = types_.Type(name);
  std::string problem;
  if (name.empty()) {
    problem = Concat("Abstract type \"", abstract.name, "\" must resolve to an Object type at runtime for field \"", parent.name, ".",
                     group.field->name, "\". Either the \"", abstract.name,
                     "\" type should provide a \"resolveType\" function or each possible type should provide an \"isTypeOf\" function.");
  } else if (type == nullptr) {
    problem = Concat("Abstract type \"", abstract.name, "\" was resolved to a type \"", name, "\" that does not exist inside the schema.");
  } else if (type->kind != TypeKind::kObject) {
    problem = Concat("Abstract type \"", abstract.name, "\" was resolved to a non-object type \"", name, "\".");
  } else if (!abstract.subtypes.contains(type)) {
    problem = Concat("Runtime Object type \"", name, "\" is not a possible type for \"", abstract.name, "\".");
  } else {
    return type;
  }
  Fail(std::move(problem), kInternalError, group, at);
  return nullptr;
}

bool Execution::Object(const TypeDef& type, const Value& value, FieldGroup* group, const Step* at) {
  std::unique_ptr<Collected>& below = below_[{group, &type}];
  if (below == nullptr) {
    absl::InlinedVector<const SelectionSet*, 4> sets;
    for (const SelectionNode* node : group->nodes) {
      if (node->set != nullptr) sets.push_back(node->set);
    }
    below = std::make_unique<Collected>();
    if (auto error = collector_.Collect(type, sets, below.get())) {
      below.reset();
      return Fail(*std::move(error), at);
    }
  }
  return Fields(type, value, below.get(), at);
}

}  // namespace vigil::graphql
