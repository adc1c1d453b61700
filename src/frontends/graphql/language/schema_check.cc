// Rules of a whole schema, in graphql-js's words.
#include <algorithm>

#include "frontends/graphql/language/schema_build.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

class Checker {
 public:
  Checker(const TypeSystem& types, SchemaProblems* problems) : types_(types), problems_(problems) {}

  void Run() {
    CheckRoots();
    for (const DirectiveDef& directive : types_.directives) {
      CheckName(directive.name, directive.node->at);
      for (const InputDef& argument : directive.arguments) CheckArgument(Concat("@", directive.name), argument);
    }
    for (const auto& type : types_.types) {
      if (!type->introspection && type->built_in == BuiltIn::kNone) CheckType(*type);
    }
  }

 private:
  void Report(uint32_t at, std::string message) { problems_->push_back({std::move(message), at}); }

  void CheckRoots() {
    if (types_.query == nullptr) Report(0, "Query root type must be provided.");
    for (const OperationKind kind : {OperationKind::kQuery, OperationKind::kMutation, OperationKind::kSubscription}) {
      const TypeDef* root = types_.Root(kind);
      if (root == nullptr || root->kind == TypeKind::kObject) continue;
      Report(At(*root), Concat("The root type of ", OperationWord(kind), " must be Object type, it cannot be ", root->name, "."));
    }
  }
  static uint32_t At(const TypeDef& type) { return type.nodes.front()->at; }

  void CheckName(std::string_view name, uint32_t at) {
    if (name.starts_with("__"))
      Report(at, Concat("Name \"", name, "\" must not begin with \"__\", which is reserved by GraphQL introspection."));
  }

  void CheckType(const TypeDef& type) {
    CheckName(type.name, At(type));
    switch (type.kind) {
      case TypeKind::kScalar: return;
      case TypeKind::kObject:
      case TypeKind::kInterface:
        CheckFields(type);
        CheckInterfaces(type);
        return;
      case TypeKind::kUnion: return CheckUnion(type);
      case TypeKind::kEnum:
        if (type.values.empty()) Report(At(type), Concat("Enum type ", type.name, " must define one or more values."));
        for (const EnumValueDef& value : type.values) CheckName(value.name, At(type));
        return;
      case TypeKind::kInputObject: return CheckInputObject(type);
    }
  }

  void CheckFields(const TypeDef& type) {
    if (type.fields.empty()) Report(At(type), Concat("Type ", type.name, " must define one or more fields."));
    for (const FieldDef& field : type.fields) {
      const std::string name = Concat(type.name, ".", field.name);
      CheckName(field.name, field.node->at);
      if (!field.type.named->output())
        Report(field.node->type.at, Concat("The type of ", name, " must be Output Type but got: ", field.type.Text(), "."));
      for (const InputDef& argument : field.arguments) CheckArgument(name, argument);
    }
  }
  void CheckArgument(std::string_view of, const InputDef& argument) {
    const std::string name = Concat(of, "(", argument.name, ":)");
    CheckName(argument.name, argument.node->at);
    if (!argument.type.named->input())
      Report(argument.node->type.at, Concat("The type of ", name, " must be Input Type but got: ", argument.type.Text(), "."));
    if (argument.required() && argument.deprecation)
      Report(argument.node->at, Concat("Required argument ", name, " cannot be deprecated."));
  }

  void CheckUnion(const TypeDef& type) {
    if (type.possible.empty()) Report(At(type), Concat("Union type ", type.name, " must define one or more member types."));
    absl::flat_hash_set<const TypeDef*> seen;
    for (const TypeDef* member : type.possible) {
      if (!seen.insert(member).second)
        Report(At(type), Concat("Union type ", type.name, " can only include type ", member->name, " once."));
      if (member->kind != TypeKind::kObject) {
        Report(At(type), Concat("Union type ", type.name, " can only include Object types, it cannot include ", member->name, "."));
      }
    }
  }

  void CheckInterfaces(const TypeDef& type) {
    absl::flat_hash_set<const TypeDef*> seen;
    for (const TypeDef* other : type.interfaces) {
      if (other->kind != TypeKind::kInterface) {
        Report(At(type), Concat("Type ", type.name, " must only implement Interface types, it cannot implement ", other->name, "."));
      } else if (other == &type) {
        Report(At(type), Concat("Type ", type.name, " cannot implement itself because it would create a circular reference."));
      } else if (!seen.insert(other).second) {
        Report(At(type), Concat("Type ", type.name, " can only implement ", other->name, " once."));
      } else {
        CheckAncestors(type, *other);
        for (const FieldDef& field : other->fields) CheckImplements(type, *other, field);
      }
    }
  }
  void CheckAncestors(const TypeDef& type, const TypeDef& interface) {
    for (const TypeDef* above : interface.interfaces) {
      if (std::find(type.interfaces.begin(), type.interfaces.end(), above) != type.interfaces.end()) continue;
      Report(At(type),
             above == &type
                 ? Concat("Type ", type.name, " cannot implement ", interface.name, " because it would create a circular reference.")
                 : Concat("Type ", type.name, " must implement ", above->name, " because it is implemented by ", interface.name, "."));
    }
  }
  void CheckImplements(const TypeDef& type, const TypeDef& interface, const FieldDef& expected) {
    const std::string expected_name = Concat(interface.name, ".", expected.name);
    const std::string name = Concat(type.name, ".", expected.name);
    const FieldDef* field = type.Field(expected.name);
    if (field == nullptr) {
      return Report(At(type), Concat("Interface field ", expected_name, " expected but ", type.name, " does not provide it."));
    }
    const uint32_t at = field->node->at;
    if (!TypeSystem::IsSubtype(field->type, expected.type)) {
      Report(at, Concat("Interface field ", expected_name, " expects type ", expected.type.Text(), " but ", name, " is type ",
                        field->type.Text(), "."));
    }
    for (const InputDef& argument : expected.arguments) {
      const InputDef* own = field->Argument(argument.name);
      const std::string argument_name = Concat(expected_name, "(", argument.name, ":)");
      if (own == nullptr) {
        Report(at, Concat("Interface field argument ", argument_name, " expected but ", name, " does not provide it."));
      } else if (own->type != argument.type) {
        Report(at, Concat("Interface field argument ", argument_name, " expects type ", argument.type.Text(), " but ", name, "(",
                          argument.name, ":) is type ", own->type.Text(), "."));
      }
    }
    for (const InputDef& argument : field->arguments) {
      if (expected.Argument(argument.name) != nullptr || !argument.required()) continue;
      Report(argument.node->at, Concat("Object field ", name, " includes required argument ", argument.name,
                                       " that is missing from the Interface field ", expected_name, "."));
    }
  }

  void CheckInputObject(const TypeDef& type) {
    if (type.inputs.empty()) Report(At(type), Concat("Input Object type ", type.name, " must define one or more fields."));
    for (const InputDef& field : type.inputs) {
      const std::string name = Concat(type.name, ".", field.name);
      const uint32_t at = field.node->at;
      CheckName(field.name, at);
      if (!field.type.named->input()) Report(at, Concat("The type of ", name, " must be Input Type but got: ", field.type.Text(), "."));
      if (field.required() && field.deprecation) Report(at, Concat("Required input field ", name, " cannot be deprecated."));
      if (type.one_of && field.type.is_non_null()) Report(at, Concat("OneOf input field ", name, " must be nullable."));
      if (type.one_of && field.node->default_value != nullptr)
        Report(at, Concat("OneOf input field ", name, " cannot have a default value."));
    }
    CheckCycle(type);
  }
  // Inputs that need each other can never be given.
  void CheckCycle(const TypeDef& type) {
    if (!visited_.insert(&type).second) return;
    places_[&type] = path_.size();
    for (const InputDef& field : type.inputs) {
      const TypeRef inner = field.type.of();
      if (!field.type.is_non_null() || inner.wrappers != 0 || inner.named->kind != TypeKind::kInputObject) continue;
      path_.push_back(field.name);
      if (const auto place = places_.find(inner.named); place == places_.end()) {
        CheckCycle(*inner.named);
      } else {
        Report(field.node->at, Concat("Cannot reference Input Object \"", inner.named->name,
                                      "\" within itself through a series of non-null fields: \"", PathFrom(place->second), "\"."));
      }
      path_.pop_back();
    }
    places_.erase(&type);
  }

  std::string PathFrom(size_t first) const {
    std::string out;
    for (size_t i = first; i < path_.size(); ++i) Append(&out, i == first ? "" : ".", path_[i]);
    return out;
  }

  const TypeSystem& types_;
  SchemaProblems* problems_;
  absl::flat_hash_set<const TypeDef*> visited_;
  absl::flat_hash_map<const TypeDef*, size_t> places_;
  std::vector<std::string_view> path_;
};

}  // namespace

void CheckTypes(const TypeSystem& types, SchemaProblems* problems) { Checker(types, problems).Run(); }

}  // namespace vigil::graphql
