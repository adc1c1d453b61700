// What the parser makes of a text: plain nodes in one arena, whose strings lie in the text or in the arena. `at` is the byte where a node
// begins.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "frontends/graphql/language/arena.h"
#include "frontends/graphql/language/document.h"
#include "frontends/graphql/language/source.h"

namespace vigil::graphql {

template <class T>
using Nodes = absl::Span<const T>;

struct Name {
  std::string_view text;
  uint32_t at = 0;
  explicit operator bool() const { return !text.empty(); }
};

enum class LiteralKind : uint8_t { kVariable, kInt, kFloat, kString, kBoolean, kNull, kEnum, kList, kObject };
struct LiteralField;
// A value as it is written.
struct Literal {
  LiteralKind kind = LiteralKind::kNull;
  bool block = false;  // a block string
  uint32_t at = 0;
  std::string_view text;  // a variable's, enum value's or boolean's name; a number as written; a string's value
  Nodes<Literal> items;
  Nodes<LiteralField> fields;
};
struct LiteralField {
  Name name;
  Literal value;
};

// `[Type!]!` as it is written.
struct TypeNode {
  enum class Kind : uint8_t { kNamed, kList, kNonNull };
  Kind kind = Kind::kNamed;
  uint32_t at = 0;
  Name name;                     // of kNamed
  const TypeNode* of = nullptr;  // of the others
};

struct ArgumentNode {
  Name name;
  Literal value;
};
struct DirectiveNode {
  uint32_t at = 0;
  Name name;
  Nodes<ArgumentNode> arguments;
};

struct SelectionSet;
enum class SelectionKind : uint8_t { kField, kSpread, kInline };
struct SelectionNode {
  SelectionKind kind = SelectionKind::kField;
  uint32_t at = 0;
  Name alias;                           // of a field
  Name name;                            // of a field or a spread
  const TypeNode* condition = nullptr;  // of an inline fragment, where it has one
  Nodes<ArgumentNode> arguments;        // of a field
  Nodes<DirectiveNode> directives;
  const SelectionSet* set = nullptr;  // of a field or an inline fragment

  std::string_view response_name() const { return alias ? alias.text : name.text; }
};
struct SelectionSet {
  uint32_t at = 0;
  Nodes<SelectionNode> selections;
};

struct VariableNode {
  uint32_t at = 0;
  uint32_t name_at = 0;  // behind the dollar sign
  std::string_view name;
  TypeNode type;
  const Literal* default_value = nullptr;
  Nodes<DirectiveNode> directives;
};

// An argument or an input field in a schema's definition.
struct InputNode {
  uint32_t at = 0;
  const Literal* description = nullptr;
  Name name;
  TypeNode type;
  const Literal* default_value = nullptr;
  Nodes<DirectiveNode> directives;
};
// A field, or an enum's value (without arguments and type).
struct FieldNode {
  uint32_t at = 0;
  const Literal* description = nullptr;
  Name name;
  Nodes<InputNode> arguments;
  TypeNode type;
  Nodes<DirectiveNode> directives;
};

enum class DefinitionKind : uint8_t {
  kOperation,
  kFragment,
  kSchema,
  kScalar,
  kObject,
  kInterface,
  kUnion,
  kEnum,
  kInputObject,
  kDirective
};
// Any definition; which members count follows from its kind.
struct Definition {
  DefinitionKind kind = DefinitionKind::kOperation;
  bool extend = false;
  bool repeatable = false;                          // a directive
  OperationKind operation = OperationKind::kQuery;  // an operation
  uint32_t at = 0;
  const Literal* description = nullptr;
  Name name;
  Nodes<VariableNode> variables;  // an operation
  TypeNode condition;             // a fragment
  Nodes<DirectiveNode> directives;
  const SelectionSet* set = nullptr;                // an operation or a fragment
  Nodes<TypeNode> types;                            // interfaces, or a union's members
  Nodes<FieldNode> fields;                          // of an object or interface; an enum's values
  Nodes<InputNode> inputs;                          // an input object's fields, a directive's arguments
  Nodes<std::pair<OperationKind, TypeNode>> roots;  // a schema
  Nodes<Name> locations;                            // a directive

  bool executable() const { return kind == DefinitionKind::kOperation || kind == DefinitionKind::kFragment; }
};

struct Ast {
  explicit Ast(std::string text) : source(std::move(text)) {}

  Source source;
  Arena arena;
  Nodes<Definition> definitions;
  absl::flat_hash_map<std::string_view, const Definition*> fragments;  // of one name the last

  const Definition* Fragment(std::string_view name) const {
    const auto found = fragments.find(name);
    return found == fragments.end() ? nullptr : found->second;
  }
};

}  // namespace vigil::graphql
