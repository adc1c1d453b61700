// One run of an operation.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "frontends/graphql/language/collect.h"
#include "frontends/graphql/language/execute.h"
#include "frontends/graphql/language/literal.h"
#include "frontends/graphql/language/types.h"

namespace vigil::graphql {

// An operation that may run: chosen, its variables coerced, its cost allowed.
struct Plan {
  const Definition* operation = nullptr;
  Json variables = Json::object();
};
// Puts why not into `refusal` when false.
bool MakePlan(const Resolvers& resolvers, const Document& document, const ExecuteOptions& options, Plan* plan, Response* refusal);
ScalarLookup LookupScalars(const Resolvers& resolvers);

class Execution {
 public:
  Execution(const Resolvers& resolvers, const Document& document, const Plan& plan, const ExecuteOptions& options);
  Response Run(const Value& root);
  // What the operation selects at its root; an error when that cannot be told. For subscriptions.
  std::optional<Error> CollectRoot(Collected* fields);
  void PrepareField(const TypeDef& parent, FieldGroup* group);

 private:
  // Where in the response something is.
  struct Step {
    const Step* before;
    std::string_view name;
    size_t index = 0;  // without a name
  };

  // These append to the response. False: the place failed, the error is told, and it is to be null or to make its parent so.
  bool Fields(const TypeDef& type, const Value& parent, Collected* fields, const Step* at);
  bool Field(const TypeDef& type, const Value& parent, FieldGroup* group, const Step* at);
  bool Complete(TypeRef type, const Value& value, FieldGroup* group, const TypeDef& parent, const Step* at);
  bool CompleteNonNull(TypeRef type, const Value& value, FieldGroup* group, const TypeDef& parent, const Step* at);
  bool List(TypeRef item, const Value& value, FieldGroup* group, const TypeDef& parent, const Step* at);
  bool Leaf(const TypeDef& type, const Value& value, const FieldGroup& group, const Step* at);
  bool Object(const TypeDef& type, const Value& value, FieldGroup* group, const Step* at);

  StatusOr<Value> Resolve(const TypeDef& type, const Value& parent, const FieldGroup& group) const;
  // Null after an error.
  const TypeDef* ObjectTypeOf(const TypeDef& abstract, const Value& value, const FieldGroup& group, const TypeDef& parent, const Step* at);
  bool Fail(std::string message, std::string_view code, const FieldGroup& group, const Step* at);
  bool Fail(Error error, const Step* at);
  bool Stop(Error error);

  const Resolvers& resolvers_;
  const Document& document_;
  const TypeSystem& types_;
  const Plan& plan_;
  const ExecuteOptions& options_;
  ScalarLookup scalars_;
  Collector collector_;
  Response response_;
  std::string& out_;
  bool stopped_ = false;
  absl::flat_hash_map<std::pair<const FieldGroup*, const TypeDef*>, std::unique_ptr<Collected>> below_;
};

}  // namespace vigil::graphql
