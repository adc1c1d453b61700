// Which version answers whom. Pure data: rollout policies return one, the registry publishes it, the router obeys it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vigil {

// One arm owns the half-open interval [begin, end) of the unit line onto which (salt, entity) hashes. A treatment's interval only
// ever grows from its end, so a ramp moves each entity at most once.
struct TrafficArm {
  std::string version;
  std::string arm;  // "champion", "canary", "a", "b"
  double begin = 0;
  double end = 1;
};

struct TrafficPlan {
  int64_t epoch = 0;                 // of the roles it was made from
  std::string experiment;            // rollout id; empty: everything to the champion
  std::string salt;                  // of this experiment; never that of a train/test split
  std::vector<TrafficArm> arms;      // intervals cover [0, 1) without overlap; empty: all to the champion
  std::vector<std::string> shadows;  // versions that score every row unseen
};

}  // namespace vigil
