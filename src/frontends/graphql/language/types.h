// A schema as the validator and the executor read it. Built once, never changed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "frontends/graphql/language/ast.h"

namespace vigil::graphql {

enum class TypeKind : uint8_t { kScalar, kObject, kInterface, kUnion, kEnum, kInputObject };
enum class BuiltIn : uint8_t { kNone, kInt, kFloat, kString, kBoolean, kId };
struct TypeDef;

// A named type within lists and non-nulls, as a value: two bits a wrapper, the outermost lowest. Null where a type is not known.
struct TypeRef {
  const TypeDef* named = nullptr;
  uint64_t wrappers = 0;

  static constexpr uint64_t kList = 1;
  static constexpr uint64_t kNonNull = 2;
  bool is_list() const { return (wrappers & 3) == kList; }
  bool is_non_null() const { return (wrappers & 3) == kNonNull; }
  TypeRef of() const { return {named, wrappers >> 2}; }
  TypeRef nullable() const { return is_non_null() ? of() : *this; }
  TypeRef WrappedIn(uint64_t wrapper) const { return {named, (wrappers << 2) | wrapper}; }
  explicit operator bool() const { return named != nullptr; }
  bool operator==(const TypeRef&) const = default;
  std::string Text() const;  // "[Model!]!"
};

using Words = std::optional<std::string_view>;  // a description or a reason for deprecation

// An argument or an input object's field.
struct InputDef {
  std::string_view name;
  Words description;
  TypeRef type;
  std::optional<Json> default_value;  // coerced
  Words deprecation;
  const InputNode* node = nullptr;
  bool required() const { return type.is_non_null() && !default_value.has_value() && (node == nullptr || node->default_value == nullptr); }
};

struct FieldDef {
  uint32_t id = 0;  // among all fields of the schema
  std::string_view name;
  Words description;
  std::vector<InputDef> arguments;
  TypeRef type;
  Words deprecation;
  const FieldNode* node = nullptr;
  const InputDef* Argument(std::string_view argument) const;
};

struct EnumValueDef {
  std::string_view name;
  Words description;
  Words deprecation;
};

struct TypeDef {
  TypeKind kind = TypeKind::kScalar;
  BuiltIn built_in = BuiltIn::kNone;
  bool one_of = false;         // an input object
  bool introspection = false;  // one of the specification's own
  uint32_t id = 0;             // among all types of the schema
  std::string_view name;
  Words description;
  Words specified_by;                                     // a scalar
  std::vector<FieldDef> fields;                           // an object or interface
  std::vector<InputDef> inputs;                           // an input object
  std::vector<EnumValueDef> values;                       // an enum
  std::vector<const TypeDef*> interfaces;                 // an object or interface
  std::vector<const TypeDef*> possible;                   // object types of an interface or union
  absl::flat_hash_set<const TypeDef*> subtypes;           // those, and interfaces that implement an interface
  std::vector<const Definition*> nodes;                   // the definition, then its extensions
  absl::flat_hash_map<std::string_view, uint32_t> index;  // of fields, inputs or values by name

  bool composite() const { return kind == TypeKind::kObject || kind == TypeKind::kInterface || kind == TypeKind::kUnion; }
  bool abstract() const { return kind == TypeKind::kInterface || kind == TypeKind::kUnion; }
  bool leaf() const { return kind == TypeKind::kScalar || kind == TypeKind::kEnum; }
  bool input() const { return leaf() || kind == TypeKind::kInputObject; }
  bool output() const { return kind != TypeKind::kInputObject; }
  const FieldDef* Field(std::string_view field) const { return Find(fields, field); }
  const InputDef* Input(std::string_view field) const { return Find(inputs, field); }
  const EnumValueDef* EnumValue(std::string_view value) const { return Find(values, value); }
  // Names of its fields, inputs or values, in order.
  std::vector<std::string_view> Members() const;

 private:
  template <class T>
  const T* Find(const std::vector<T>& members, std::string_view member) const {
    const auto found = index.find(member);
    return found == index.end() || found->second >= members.size() ? nullptr : &members[found->second];
  }
};

struct DirectiveDef {
  std::string_view name;
  Words description;
  std::vector<InputDef> arguments;
  std::vector<std::string_view> locations;
  bool repeatable = false;
  const Definition* node = nullptr;
  const InputDef* Argument(std::string_view argument) const;
  bool MayStandOn(std::string_view location) const;
};

struct TypeSystem {
  std::unique_ptr<const Ast> built_in;  // the specification's own types, as text
  std::unique_ptr<const Ast> ast;
  Words description;
  std::vector<std::unique_ptr<TypeDef>> types;  // in graphql-js's order; ids are places
  absl::flat_hash_map<std::string_view, TypeDef*> by_name;
  std::vector<DirectiveDef> directives;
  const TypeDef* query = nullptr;
  const TypeDef* mutation = nullptr;
  const TypeDef* subscription = nullptr;
  FieldDef schema_field, type_field, typename_field;  // __schema, __type, __typename
  uint32_t fields = 0;                                // how many ids

  const TypeDef* Type(std::string_view name) const;
  const DirectiveDef* Directive(std::string_view name) const;
  const TypeDef* Root(OperationKind kind) const;
  // With the fields that every type or the query root has beside its own; null when there is none.
  const FieldDef* Field(const TypeDef& parent, std::string_view name) const;
  // A null TypeRef when its name is not known.
  TypeRef Resolve(const TypeNode& node) const;
  // Whether a value of `type` may stand where `super` is expected.
  static bool IsSubtype(TypeRef type, TypeRef super);
  static bool Overlap(const TypeDef& a, const TypeDef& b);
};

std::string_view OperationWord(OperationKind kind);  // "query"
// The text of the specification's own scalars, directives and introspection types.
std::string_view BuiltInSdl();
bool IsDirectiveLocation(std::string_view name);

}  // namespace vigil::graphql
