#include "frontends/graphql/api.h"

namespace vigil {
extern const std::string_view kGraphqlSdl;  // api/schema.graphql, embedded at build time
}  // namespace vigil

namespace vigil::graphql {

Status Context::Demand(Permission permission) const {
  if ((permissions >> static_cast<unsigned>(permission) & 1) != 0) return absl::OkStatus();
  return LacksPermission(principal, permission);
}

Api::Api(std::unique_ptr<const Schema> schema) : schema_(std::move(schema)), resolvers_(*schema_) {
  AddScalars(&resolvers_);
  AddModelResolvers(&resolvers_);
  AddHistoryResolvers(&resolvers_);
  AddNodeResolvers(&resolvers_);
  AddMutations(&resolvers_);
  AddControlMutations(&resolvers_);
}

StatusOr<std::unique_ptr<const Api>> Api::Make() {
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<const Schema> schema, Schema::FromSdl(std::string(kGraphqlSdl)));
  std::unique_ptr<const Api> api(new Api(std::move(schema)));
  VIGIL_RETURN_IF_ERROR(api->resolvers_.Check());
  return api;
}

}  // namespace vigil::graphql
