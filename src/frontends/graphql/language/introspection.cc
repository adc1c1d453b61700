#include "frontends/graphql/language/introspection.h"

#include <memory>
#include <string>
#include <utility>

#include "frontends/graphql/language/literal.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

Value TextValue(std::string_view text) { return Json(std::string(text)); }
Value TextValue(const Words& words) { return words ? TextValue(*words) : Value(); }
Value TypeValue(TypeRef type) { return type ? Value::Object(std::make_shared<const TypeRef>(type)) : Value(); }
Value TypeValue(const TypeDef* type) { return TypeValue(TypeRef{type, 0}); }

bool WithDeprecated(const FieldCall& call) {
  const Json* value = call.Argument("includeDeprecated");
  return value != nullptr && *value == true;
}

template <class T>
Value ListOf(const std::vector<T>& members, bool with_deprecated) {
  std::vector<Value> list;
  for (const T& member : members) {
    if (with_deprecated || !member.deprecation) list.push_back(Value::BorrowedObject(&member));
  }
  return list;
}
Value TypesOf(const std::vector<const TypeDef*>& types) {
  std::vector<Value> list;
  for (const TypeDef* type : types) list.push_back(TypeValue(type));
  return list;
}

std::string_view KindName(TypeRef type) {
  if (type.is_list()) return "LIST";
  if (type.is_non_null()) return "NON_NULL";
  static constexpr std::string_view kNames[] = {"SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM", "INPUT_OBJECT"};
  return kNames[static_cast<size_t>(type.named->kind)];
}

// A resolver from a function of the parent, and one of the named type behind a __Type (which gives null for wrappers).
template <class T, class F>
Resolver Of(F function) {
  return [function](const FieldCall& call) -> StatusOr<Value> { return function(*call.Parent<T>(), call); };
}
template <class F>
Resolver OfNamed(F function) {
  return Of<TypeRef>(
      [function](TypeRef type, const FieldCall& call) { return type.wrappers != 0 ? Value() : function(*type.named, call); });
}

void AddSchema(Resolvers* resolvers) {
  using S = TypeSystem;
  resolvers->Field("__Schema.description", Of<S>([](const S& s, const FieldCall&) { return TextValue(s.description); }))
      .Field("__Schema.types", Of<S>([](const S& s, const FieldCall&) -> Value {
               std::vector<Value> list;
               for (const auto& type : s.types) list.push_back(TypeValue(type.get()));
               return list;
             }))
      .Field("__Schema.queryType", Of<S>([](const S& s, const FieldCall&) { return TypeValue(s.query); }))
      .Field("__Schema.mutationType", Of<S>([](const S& s, const FieldCall&) { return TypeValue(s.mutation); }))
      .Field("__Schema.subscriptionType", Of<S>([](const S& s, const FieldCall&) { return TypeValue(s.subscription); }))
      .Field("__Schema.directives", Of<S>([](const S& s, const FieldCall&) -> Value {
               std::vector<Value> list;
               for (const DirectiveDef& directive : s.directives) list.push_back(Value::BorrowedObject(&directive));
               return list;
             }));
}

void AddType(Resolvers* resolvers) {
  resolvers->Field("__Type.kind", Of<TypeRef>([](TypeRef type, const FieldCall&) { return TextValue(KindName(type)); }))
      .Field("__Type.ofType",
             Of<TypeRef>([](TypeRef type, const FieldCall&) { return type.wrappers == 0 ? Value() : TypeValue(type.of()); }))
      .Field("__Type.name", OfNamed([](const TypeDef& type, const FieldCall&) { return TextValue(type.name); }))
      .Field("__Type.description", OfNamed([](const TypeDef& type, const FieldCall&) { return TextValue(type.description); }))
      .Field("__Type.specifiedByURL", OfNamed([](const TypeDef& type, const FieldCall&) { return TextValue(type.specified_by); }))
      .Field("__Type.fields", OfNamed([](const TypeDef& type, const FieldCall& call) {
               const bool has = type.kind == TypeKind::kObject || type.kind == TypeKind::kInterface;
               return has ? ListOf(type.fields, WithDeprecated(call)) : Value();
             }))
      .Field("__Type.interfaces", OfNamed([](const TypeDef& type, const FieldCall&) {
               const bool has = type.kind == TypeKind::kObject || type.kind == TypeKind::kInterface;
               return has ? TypesOf(type.interfaces) : Value();
             }))
      .Field("__Type.possibleTypes",
             OfNamed([](const TypeDef& type, const FieldCall&) { return type.abstract() ? TypesOf(type.possible) : Value(); }))
      .Field("__Type.enumValues", OfNamed([](const TypeDef& type, const FieldCall& call) {
               return type.kind == TypeKind::kEnum ? ListOf(type.values, WithDeprecated(call)) : Value();
             }))
      .Field("__Type.inputFields", OfNamed([](const TypeDef& type, const FieldCall& call) {
               return type.kind == TypeKind::kInputObject ? ListOf(type.inputs, WithDeprecated(call)) : Value();
             }))
      .Field("__Type.isOneOf", OfNamed([](const TypeDef& type, const FieldCall&) {
               return type.kind == TypeKind::kInputObject ? Value(Json(type.one_of)) : Value();
             }));
}

// What fields, inputs and enum values have in common.
template <class T>
void AddMember(Resolvers* resolvers, std::string_view type) {
  resolvers->Field(Concat(type, ".name"), Of<T>([](const T& member, const FieldCall&) { return TextValue(member.name); }))
      .Field(Concat(type, ".description"), Of<T>([](const T& member, const FieldCall&) { return TextValue(member.description); }))
      .Field(Concat(type, ".isDeprecated"),
             Of<T>([](const T& member, const FieldCall&) { return Value(Json(member.deprecation.has_value())); }))
      .Field(Concat(type, ".deprecationReason"), Of<T>([](const T& member, const FieldCall&) { return TextValue(member.deprecation); }));
}

void AddDirective(Resolvers* resolvers) {
  using D = DirectiveDef;
  resolvers->Field("__Directive.name", Of<D>([](const D& d, const FieldCall&) { return TextValue(d.name); }))
      .Field("__Directive.description", Of<D>([](const D& d, const FieldCall&) { return TextValue(d.description); }))
      .Field("__Directive.isRepeatable", Of<D>([](const D& d, const FieldCall&) { return Value(Json(d.repeatable)); }))
      .Field("__Directive.isDeprecated", Of<D>([](const D&, const FieldCall&) { return Value(Json(false)); }))
      .Field("__Directive.deprecationReason", Of<D>([](const D&, const FieldCall&) { return Value(); }))
      .Field("__Directive.args", Of<D>([](const D& d, const FieldCall& call) { return ListOf(d.arguments, WithDeprecated(call)); }))
      .Field("__Directive.locations", Of<D>([](const D& d, const FieldCall&) -> Value {
               std::vector<Value> list;
               for (const std::string_view location : d.locations) list.push_back(TextValue(location));
               return list;
             }));
}

}  // namespace

void AddIntrospection(Resolvers* resolvers) {
  AddSchema(resolvers);
  AddType(resolvers);
  AddDirective(resolvers);
  AddMember<FieldDef>(resolvers, "__Field");
  AddMember<InputDef>(resolvers, "__InputValue");
  AddMember<EnumValueDef>(resolvers, "__EnumValue");
  resolvers
      ->Field("__Field.args",
              Of<FieldDef>([](const FieldDef& field, const FieldCall& call) { return ListOf(field.arguments, WithDeprecated(call)); }))
      .Field("__Field.type", Of<FieldDef>([](const FieldDef& field, const FieldCall&) { return TypeValue(field.type); }))
      .Field("__InputValue.type", Of<InputDef>([](const InputDef& input, const FieldCall&) { return TypeValue(input.type); }))
      .Field("__InputValue.defaultValue", Of<InputDef>([](const InputDef& input, const FieldCall&) {
               return input.default_value ? Value(Json(PrintValue(*input.default_value, input.type))) : Value();
             }));
}

Value SchemaValue(const TypeSystem& types) { return Value::BorrowedObject(&types); }
Value TypeValue(const TypeSystem& types, std::string_view name) { return TypeValue(types.Type(name)); }

}  // namespace vigil::graphql
