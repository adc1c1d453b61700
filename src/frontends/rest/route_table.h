// The routes of one server: those that every server has, and those whose paths its platform chooses.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "frontends/rest/route.h"

namespace vigil {

inline constexpr size_t kVertexRouteBytesMax = 512;

// Vertex AI's: paths, or empty where the platform named none.
struct VertexRoutes {
  std::string health;   // AIP_HEALTH_ROUTE
  std::string predict;  // AIP_PREDICT_ROUTE
};
// FAILED_PRECONDITION names the variable whose value is no path.
StatusOr<VertexRoutes> ReadVertexRoutes(const std::map<std::string, std::string>& environment);

// Immutable; stays where it is, since routes are views of its texts.
class RouteTable {
 public:
  explicit RouteTable(const VertexRoutes& vertex);
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;
  // The platform's come last, and so win over others at the same path.
  absl::Span<const Route> routes() const { return routes_; }

 private:
  const VertexRoutes vertex_;
  std::vector<Route> routes_;
};

}  // namespace vigil
