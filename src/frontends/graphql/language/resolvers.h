// Which function answers which field. Filled once at start, then read by any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/graphql/language/schema.h"
#include "frontends/graphql/language/value.h"

namespace vigil::graphql {

class Selection;
struct TypeDef;

// One field being answered.
class FieldCall {
 public:
  FieldCall(const Value& parent, const Json& arguments, void* context, const Selection& selection)
      : parent_(parent), arguments_(arguments), context_(context), selection_(selection) {}

  const Value& parent() const { return parent_; }  // the root's is ExecuteOptions::root
  // The parent as the T that it was given as; null if it is none.
  template <class T>
  const T* Parent() const {
    return parent_.As<T>();
  }
  // Coerced arguments by name: an argument that was not given and has no default is absent; enum values are their names; custom scalars are
  // what their parser made.
  const Json& arguments() const { return arguments_; }
  bool Has(std::string_view name) const { return Argument(name) != nullptr; }
  // Null when absent or given as null.
  const Json* Argument(std::string_view name) const;
  // ExecuteOptions::context, which must be a C.
  template <class C>
  C& Context() const {
    return *static_cast<C*>(context_);
  }
  // Whether a field of that name is selected below, directly or in fragments (@skip and @include observed): to spare what nobody asked for.
  bool Selects(std::string_view child) const;

 private:
  const Value& parent_;
  const Json& arguments_;
  void* context_;
  const Selection& selection_;
};

// May block. A failure makes the field null (its parent when the field is non-null) and adds an error with the field's path.
using Resolver = std::function<StatusOr<Value>(const FieldCall&)>;
// The name of the object type that a value of an interface or union is of. Without one: Value::object_type(), else the JSON's "__typename".
using TypeResolver = std::function<std::string(const Value&)>;

// A custom scalar. A parser gets variables and literals alike as JSON and gives what resolvers see; a serializer gets what resolvers gave.
// Without one values pass as they are.
struct ScalarRules {
  std::function<StatusOr<Json>(const Json&)> parse;
  std::function<StatusOr<Json>(const Json&)> serialize;
};

// The schema must outlive it. A field without a resolver reads the member of its name from its parent's JSON (absent: null); where the
// parent is an object of the program's own, that is an error of the field, which Check reports for types named by `Opaque`.
class Resolvers {
 public:
  explicit Resolvers(const Schema& schema);

  // `field` is "Type.field". The first mistake (an unknown name, with the nearest; a second resolver) is kept for Check.
  Resolvers& Field(std::string_view field, Resolver resolver);
  Resolvers& Type(std::string_view abstract_type, TypeResolver resolver);
  Resolvers& Scalar(std::string_view scalar, ScalarRules rules);
  // Every field of this object type needs a resolver, since its values are no JSON.
  Resolvers& Opaque(std::string_view object_type);
  // To be called once after registering.
  Status Check() const;

  const Resolver* FieldOf(uint32_t field_id) const;
  const TypeResolver* TypeOf(uint32_t type_id) const;
  const ScalarRules* ScalarOf(uint32_t type_id) const;
  const Schema& schema() const { return *schema_; }

 private:
  void Fail(std::string message);
  const TypeDef* Find(std::string_view type);  // null, and a mistake kept, when there is none

  const Schema* schema_;
  std::vector<Resolver> fields_;      // by field id
  std::vector<TypeResolver> types_;   // by type id
  std::vector<ScalarRules> scalars_;  // by type id
  std::vector<bool> opaque_;          // by type id
  Status status_;
};

}  // namespace vigil::graphql
