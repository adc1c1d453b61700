// The graph: the schema of api/schema.graphql with what answers its fields. Made once, read by every thread.
#pragma once

#include <memory>
#include <string_view>

#include "base/status.h"
#include "frontends/graphql/context.h"
#include "frontends/graphql/language/resolvers.h"
#include "frontends/graphql/language/schema.h"

namespace vigil::graphql {

class Api {
 public:
  // A failure is a mistake of this program, which the tests find: the schema and its resolvers do not fit.
  static StatusOr<std::unique_ptr<const Api>> Make();

  const Schema& schema() const { return *schema_; }
  const Resolvers& resolvers() const { return resolvers_; }

 private:
  explicit Api(std::unique_ptr<const Schema> schema);

  const std::unique_ptr<const Schema> schema_;
  Resolvers resolvers_;
};

// Each adds the resolvers of its fields. A field without one is the member of its name of its parent (shapes.h). Context: a `Context`.
void AddScalars(Resolvers* resolvers);           // scalars.cc
void AddModelResolvers(Resolvers* resolvers);    // model_resolvers.cc: models, versions, roles, signature, monitoring
void AddHistoryResolvers(Resolvers* resolvers);  // history_resolvers.cc: alerts, jobs, rollouts, timeline
void AddNodeResolvers(Resolvers* resolvers);     // node_resolvers.cc
void AddMutations(Resolvers* resolvers);         // mutations.cc: predictions, labels, models, roles
void AddControlMutations(Resolvers* resolvers);  // control_mutations.cc: rollouts, jobs, alerts

// Shared by these. NOT_FOUND is null, as a nullable field's answer.
StatusOr<Value> ModelByName(Context& context, const std::string& name);
StatusOr<Value> VersionByName(Context& context, const std::string& model, const std::string& version);
StatusOr<Json> AlertById(Context& context, const std::string& id);
StatusOr<Json> JobById(Context& context, const std::string& id);
StatusOr<Json> RolloutById(Context& context, const std::string& model, const std::string& id);
StatusOr<Json> EventBySequence(Context& context, int64_t sequence);
// Empty when absent or null.
std::string TextArgument(const FieldCall& call, const char* name);

}  // namespace vigil::graphql
