// What every schema has by the specification (September 2025), in its own language. The order is that in which tools list it.
#include "frontends/graphql/language/types.h"

namespace vigil::graphql {

// clang-format off
std::string_view BuiltInSdl() {
  return R"sdl(
"A whole number of 32 bits with a sign."
scalar Int
"A double-precision number (IEEE 754)."
scalar Float
"A text."
scalar String
"True or false."
scalar Boolean
"An identifier: written as a text, read from a text or a whole number, not meant for people."
scalar ID

"Takes the field or fragment in only when the condition is true."
directive @include("Taken in when true." if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
"Leaves the field or fragment out when the condition is true."
directive @skip("Left out when true." if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
"Marks what should no longer be used."
directive @deprecated("Why, and what to use instead, in Markdown." reason: String = "No longer supported")
  on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE | DIRECTIVE_DEFINITION
"Where a custom scalar's form is specified."
directive @specifiedBy("The specification's address." url: String!) on SCALAR
"Exactly one field must be given, and not as null."
directive @oneOf on INPUT_OBJECT

"What this server offers: its types, directives and roots."
type __Schema {
  description: String
  "Every type."
  types: [__Type!]!
  "Where queries begin."
  queryType: __Type!
  "Where mutations begin, if there are any."
  mutationType: __Type
  "Where subscriptions begin, if there are any."
  subscriptionType: __Type
  "Every directive."
  directives(includeDeprecated: Boolean! = false): [__Directive!]!
}

"A type, named or a wrapper of another. Which fields are not null depends on its kind."
type __Type {
  kind: __TypeKind!
  name: String
  description: String
  specifiedByURL: String
  fields(includeDeprecated: Boolean = false): [__Field!]
  interfaces: [__Type!]
  possibleTypes: [__Type!]
  enumValues(includeDeprecated: Boolean = false): [__EnumValue!]
  inputFields(includeDeprecated: Boolean = false): [__InputValue!]
  ofType: __Type
  isOneOf: Boolean
}

"What a type is."
enum __TypeKind {
  "A leaf with a value."
  SCALAR
  "Has `fields` and `interfaces`."
  OBJECT
  "Has `fields`, `interfaces` and `possibleTypes`."
  INTERFACE
  "Has `possibleTypes`."
  UNION
  "Has `enumValues`."
  ENUM
  "Has `inputFields`."
  INPUT_OBJECT
  "A list of its `ofType`."
  LIST
  "Its `ofType`, never null."
  NON_NULL
}

"A field of an object or interface."
type __Field {
  name: String!
  description: String
  args(includeDeprecated: Boolean = false): [__InputValue!]!
  type: __Type!
  isDeprecated: Boolean!
  deprecationReason: String
}

"An argument of a field or directive, or a field of an input object."
type __InputValue {
  name: String!
  description: String
  type: __Type!
  "As GraphQL writes it."
  defaultValue: String
  isDeprecated: Boolean!
  deprecationReason: String
}

"One value of an enum."
type __EnumValue {
  name: String!
  description: String
  isDeprecated: Boolean!
  deprecationReason: String
}

"A directive, and where it may stand."
type __Directive {
  name: String!
  description: String
  isRepeatable: Boolean!
  locations: [__DirectiveLocation!]!
  args(includeDeprecated: Boolean = false): [__InputValue!]!
  isDeprecated: Boolean!
  deprecationReason: String
}

"Where a directive may stand."
enum __DirectiveLocation {
  QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION FRAGMENT_SPREAD INLINE_FRAGMENT VARIABLE_DEFINITION
  SCHEMA SCALAR OBJECT FIELD_DEFINITION ARGUMENT_DEFINITION INTERFACE UNION ENUM ENUM_VALUE INPUT_OBJECT INPUT_FIELD_DEFINITION
  DIRECTIVE_DEFINITION
}

"What every query root, and every type, has beside its own fields."
type __Meta {
  "What this server offers."
  __schema: __Schema!
  "A type by its name."
  __type(name: String!): __Type
  "The name of the object's type."
  __typename: String!
}
)sdl";
}
// clang-format on

}  // namespace vigil::graphql
