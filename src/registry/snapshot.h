// What serving threads see of the registry: loaded versions, and how each model's requests are routed.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "domain/model_version.h"
#include "domain/profile.h"
#include "domain/schema.h"
#include "domain/table_fit.h"
#include "domain/traffic_plan.h"
#include "registry/served_models.h"
#include "runtime/model.h"

namespace vigil {

// When a version was used last, about: what the least recently used one is found by. Serving threads write it without a lock, and seldom,
// so that they do not fight over its cache line.
class LastUse {
 public:
  static constexpr int64_t kStepNs = 1'000'000;
  LastUse() = default;
  LastUse(const LastUse& other) : ns_(other.ns()) {}
  LastUse& operator=(const LastUse&) = delete;
  void Touch(int64_t now_ns) const {
    if (now_ns - ns_.load(std::memory_order_relaxed) >= kStepNs) ns_.store(now_ns, std::memory_order_relaxed);
  }
  int64_t ns() const { return ns_.load(std::memory_order_relaxed); }

 private:
  mutable std::atomic<int64_t> ns_{INT64_MIN / 2};
};

// A version that is loaded and can be scored. Immutable; a snapshot pins it until the last request on it has ended.
struct ServedVersion {
  VersionFacts facts;
  std::shared_ptr<const LoadedModel> loaded;
  std::shared_ptr<const Schema> schema;               // tightened by a schema file or the reference profile; may be null
  std::shared_ptr<const ReferenceProfile> reference;  // may be null: then no drift and no outlier score
  uint32_t log_schema = 0;                            // number in the prediction log
  uint32_t slot = 0;                                  // small; of one (model, version, schema, reference) in this process, never reused
  int64_t memory_bytes = 0;                           // what the memory budget counts it as
  LastUse last_use;
};

// What a model's requests are routed by.
struct ServedModel {
  std::string name;
  TrafficPlan plan;
  std::map<std::string, std::shared_ptr<const ServedVersion>, std::less<>> versions;  // loaded ones
  std::shared_ptr<const ServedVersion> champion;                                      // may be null: not ready
  std::shared_ptr<const ServedVersion> challenger;
  std::shared_ptr<const ServedVersion> shadow;
  // What requests are read into: the champion's table, with doubles too where another version of the plan wants them. Null: no champion.
  std::shared_ptr<const TableShape> table;
  // How each version that the plan or the shadow's role names reads that table and answers for the champion; the champion's own stands here
  // only where the table is not its own.
  std::map<std::string, VersionFit, std::less<>> fits;
  // Null: the version reads the rows as they lie, and answers as the champion does.
  const VersionFit* FitOf(std::string_view version) const {
    const auto found = fits.find(version);
    return found == fits.end() ? nullptr : &found->second;
  }
  // Versions that are not loaded are loaded when asked for: a champion that is null is no reason not to be ready.
  bool on_demand = false;
  // The champion was unloaded by name: that is how it was wanted, so it is not ready and no failure either.
  bool unloaded = false;
  std::string champion_version;                            // loaded or not; empty: nobody
  std::map<std::string, std::string, std::less<>> labels;  // label → version
  std::shared_ptr<const ServedVersion> Find(std::string_view version) const;
  bool ready() const { return champion != nullptr || (on_demand && !champion_version.empty() && !unloaded); }
};

struct RegistrySnapshot {
  ServedModels models;
  std::string default_model;  // of routes that name none; empty: the only one
};

}  // namespace vigil
