#include "frontends/graphql/language/schema_build.h"

#include <algorithm>
#include <utility>

#include "frontends/graphql/language/literal.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr std::string_view kMeta = "__Meta";

TypeKind KindOf(DefinitionKind kind) {
  switch (kind) {
    case DefinitionKind::kObject: return TypeKind::kObject;
    case DefinitionKind::kInterface: return TypeKind::kInterface;
    case DefinitionKind::kUnion: return TypeKind::kUnion;
    case DefinitionKind::kEnum: return TypeKind::kEnum;
    case DefinitionKind::kInputObject: return TypeKind::kInputObject;
    default: return TypeKind::kScalar;
  }
}
bool IsType(DefinitionKind kind) { return kind >= DefinitionKind::kScalar && kind <= DefinitionKind::kInputObject; }

BuiltIn BuiltInOf(std::string_view name) {
  if (name == "Int") return BuiltIn::kInt;
  if (name == "Float") return BuiltIn::kFloat;
  if (name == "String") return BuiltIn::kString;
  if (name == "Boolean") return BuiltIn::kBoolean;
  return name == "ID" ? BuiltIn::kId : BuiltIn::kNone;
}

Words TextOf(const Literal* literal) { return literal == nullptr ? Words() : Words(literal->text); }
const DirectiveNode* Find(Nodes<DirectiveNode> directives, std::string_view name) {
  const auto found = std::find_if(directives.begin(), directives.end(), [&](const DirectiveNode& one) { return one.name.text == name; });
  return found == directives.end() ? nullptr : &*found;
}
// The directive's text argument; `absent` when it is not given, nothing without the directive.
Words DirectiveText(Nodes<DirectiveNode> directives, std::string_view name, std::string_view argument, Words absent) {
  const DirectiveNode* directive = Find(directives, name);
  if (directive == nullptr) return {};
  for (const ArgumentNode& one : directive->arguments) {
    if (one.name.text == argument) return one.value.kind == LiteralKind::kString ? Words(one.value.text) : Words();
  }
  return absent;
}
Words Deprecation(Nodes<DirectiveNode> directives) { return DirectiveText(directives, "deprecated", "reason", "No longer supported"); }

class Builder {
 public:
  Builder(TypeSystem* types, SchemaProblems* problems) : types_(types), problems_(problems) {}

  void Run() {
    Declare(*types_->built_in, true);
    Declare(*types_->ast, false);
    for (auto& type : declared_) Fill(type.get());
    for (auto& type : declared_) Relate(type.get());
    AddDirectives(*types_->ast);
    AddDirectives(*types_->built_in);
    SetRoots();
    for (auto& type : declared_) SetDefaults(type.get());
    for (DirectiveDef& directive : types_->directives) {
      for (InputDef& argument : directive.arguments) SetDefault(&argument);
    }
    Order();
  }

 private:
  void Declare(const Ast& ast, bool built_in) {
    for (const Definition& definition : ast.definitions) {
      if (!IsType(definition.kind) || definition.extend) continue;
      if (types_->by_name.contains(definition.name.text)) continue;  // a scalar of the specification, defined once more
      auto type = std::make_unique<TypeDef>();
      type->kind = KindOf(definition.kind);
      type->name = definition.name.text;
      type->description = TextOf(definition.description);
      type->built_in = built_in ? BuiltInOf(type->name) : BuiltIn::kNone;
      type->introspection = built_in && type->built_in == BuiltIn::kNone;
      type->specified_by = DirectiveText(definition.directives, "specifiedBy", "url", {});
      type->one_of = Find(definition.directives, "oneOf") != nullptr;
      type->nodes.push_back(&definition);
      types_->by_name[type->name] = type.get();
      declared_.push_back(std::move(type));
    }
    for (const Definition& definition : ast.definitions) {
      if (IsType(definition.kind) && definition.extend) types_->by_name[definition.name.text]->nodes.push_back(&definition);
    }
  }

  InputDef Input(const InputNode& node) const {
    return {node.name.text, TextOf(node.description), types_->Resolve(node.type), {}, Deprecation(node.directives), &node};
  }
  FieldDef Field(const FieldNode& node) {
    FieldDef field;
    field.id = types_->fields++;
    field.name = node.name.text;
    field.description = TextOf(node.description);
    field.type = types_->Resolve(node.type);
    field.deprecation = Deprecation(node.directives);
    field.node = &node;
    for (const InputNode& argument : node.arguments) field.arguments.push_back(Input(argument));
    return field;
  }

  void Fill(TypeDef* type) {
    const auto place = [type](std::string_view name) { type->index.emplace(name, static_cast<uint32_t>(type->index.size())); };
    for (const Definition* node : type->nodes) {
      for (const FieldNode& field : node->fields) {
        place(field.name.text);
        if (type->kind == TypeKind::kEnum) {
          type->values.push_back({field.name.text, TextOf(field.description), Deprecation(field.directives)});
        } else {
          type->fields.push_back(Field(field));
        }
      }
      for (const InputNode& input : node->inputs) {
        place(input.name.text);
        type->inputs.push_back(Input(input));
      }
    }
  }

  // Interfaces and members, and from them who may be what.
  void Relate(TypeDef* type) {
    for (const Definition* node : type->nodes) {
      for (const TypeNode& named : node->types) {
        TypeDef* other = types_->by_name[named.name.text];
        if (type->kind == TypeKind::kUnion) {
          type->possible.push_back(other);
          type->subtypes.insert(other);
          continue;
        }
        type->interfaces.push_back(other);
        other->subtypes.insert(type);
        if (type->kind == TypeKind::kObject) other->possible.push_back(type);
      }
    }
  }

  void AddDirectives(const Ast& ast) {
    for (const Definition& node : ast.definitions) {
      if (node.kind != DefinitionKind::kDirective || types_->Directive(node.name.text) != nullptr) continue;
      DirectiveDef directive{node.name.text, TextOf(node.description), {}, {}, node.repeatable, &node};
      for (const InputNode& argument : node.inputs) directive.arguments.push_back(Input(argument));
      for (const Name& location : node.locations) directive.locations.push_back(location.text);
      types_->directives.push_back(std::move(directive));
    }
  }

  void SetRoots() {
    bool defined = false;
    for (const Definition& node : types_->ast->definitions) {
      if (node.kind != DefinitionKind::kSchema) continue;
      defined = defined || !node.extend;
      if (node.description != nullptr) types_->description = node.description->text;
      for (const auto& [kind, type] : node.roots) *Root(kind) = types_->Type(type.name.text);
    }
    TypeDef* meta = types_->by_name[kMeta];
    types_->schema_field = meta->fields[0];
    types_->type_field = meta->fields[1];
    types_->typename_field = meta->fields[2];
    if (defined) return;
    if (types_->query == nullptr) types_->query = types_->Type("Query");
    if (types_->mutation == nullptr) types_->mutation = types_->Type("Mutation");
    if (types_->subscription == nullptr) types_->subscription = types_->Type("Subscription");
  }
  const TypeDef** Root(OperationKind kind) {
    return kind == OperationKind::kQuery ? &types_->query : kind == OperationKind::kMutation ? &types_->mutation : &types_->subscription;
  }

  static bool HasObject(const Literal& literal) {
    return literal.kind == LiteralKind::kObject || std::any_of(literal.items.begin(), literal.items.end(), HasObject);
  }
  void SetDefault(InputDef* input) {
    if (input->node->default_value == nullptr) return;
    if (!input->type || !input->type.named->input()) return;  // CheckTypes says so
    // An object's own defaults must be there first.
    if (HasObject(*input->node->default_value)) {
      TypeDef* type = types_->by_name[input->type.named->name];
      if (setting_.contains(type)) {
        problems_->push_back({Concat("The default of \"", input->name, "\" needs the defaults of \"", type->name, "\", which need it."),
                              input->node->default_value->at});
        return;
      }
      SetDefaults(type);
    }
    input->default_value = FromLiteral(*input->node->default_value, input->type, {});
    if (input->default_value) return;
    problems_->push_back({Concat("The default of \"", input->name, "\" is no value of type \"", input->type.Text(),
                                 "\": ", Print(*input->node->default_value), "."),
                          input->node->default_value->at});
  }
  void SetDefaults(TypeDef* type) {
    if (!defaulted_.insert(type).second) return;
    setting_.insert(type);
    for (InputDef& input : type->inputs) SetDefault(&input);
    for (FieldDef& field : type->fields) {
      for (InputDef& argument : field.arguments) SetDefault(&argument);
    }
    setting_.erase(type);
  }

  // graphql-js's order: types as they are defined, those of the specification where they are first used.
  void Order() {
    for (const auto& type : declared_) {
      if (type->built_in == BuiltIn::kNone && !type->introspection) seen_.insert(type.get());
    }
    for (const auto& type : declared_) {
      if (seen_.erase(type.get()) != 0) Visit(type.get());
    }
    for (const DirectiveDef& directive : types_->directives) {
      for (const InputDef& argument : directive.arguments) Visit(argument.type.named);
    }
    Visit(types_->schema_field.type.named);
    for (const auto& type : declared_) {
      if (!seen_.contains(type.get())) types_->by_name.erase(type->name);
    }
    absl::flat_hash_map<const TypeDef*, size_t> places;
    for (size_t i = 0; i < declared_.size(); ++i) places[declared_[i].get()] = i;
    for (const TypeDef* type : order_) {
      std::unique_ptr<TypeDef>& declared = declared_[places[type]];
      declared->id = static_cast<uint32_t>(types_->types.size());
      types_->types.push_back(std::move(declared));
    }
  }
  void Visit(const TypeDef* type) {
    if (type == nullptr || !seen_.insert(type).second) return;
    order_.push_back(type);
    for (const TypeDef* member : type->kind == TypeKind::kUnion ? type->possible : type->interfaces) Visit(member);
    for (const FieldDef& field : type->fields) {
      Visit(field.type.named);
      for (const InputDef& argument : field.arguments) Visit(argument.type.named);
    }
    for (const InputDef& input : type->inputs) Visit(input.type.named);
  }

  TypeSystem* types_;
  SchemaProblems* problems_;
  std::vector<std::unique_ptr<TypeDef>> declared_;
  absl::flat_hash_set<const TypeDef*> defaulted_;  // or being so:
  absl::flat_hash_set<const TypeDef*> setting_;
  absl::flat_hash_set<const TypeDef*> seen_;
  std::vector<const TypeDef*> order_;
};

}  // namespace

void BuildTypes(TypeSystem* types, SchemaProblems* problems) { Builder(types, problems).Run(); }

}  // namespace vigil::graphql
