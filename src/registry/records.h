// What the registry takes and tells: versions, limits, counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "domain/model_version.h"
#include "domain/profile.h"
#include "domain/schema.h"
#include "runtime/model.h"

namespace vigil {

// What is known of a version, loaded or not.
struct VersionRecord {
  VersionFacts facts;
  VersionState state = VersionState::kRegistered;
  int64_t epoch = 0;
  bool loaded = false;
  ModelInfo info;            // when loaded
  int64_t memory_bytes = 0;  // when loaded: what the memory budget counts it as
};

// What a repository says is there, before anything of it has been loaded.
struct DeclaredVersion {
  VersionFacts facts;  // as Register takes them
  std::string file;    // the one file that is the artefact; empty: it is more than that, and is registered by loading it
  std::shared_ptr<const Schema> schema;
  std::shared_ptr<const ReferenceProfile> reference;
  bool make_champion = false;  // of a model that has none
  bool take_over = false;      // a version that is new takes the champion's place
};

struct RegistryCounters {
  int64_t loads = 0, load_failures = 0;  // that requests asked for
  int64_t load_ns = 0;                   // spent on them
  int64_t evictions = 0;                 // versions unloaded to make room
  int64_t waits = 0, waits_refused = 0;  // requests that waited for a load; that were too many
  int64_t waiting = 0;                   // now
  int64_t resident_bytes = 0;            // of loaded versions
  int64_t retiring_bytes = 0;            // unloaded, and a request may still use them
  int64_t memory_bytes_max = 0;          // the budget; 0: none
  int64_t models = 0, versions_loaded = 0;
};

inline constexpr size_t kModelNameBytesMax = 128;  // also of a version's name
inline constexpr size_t kTrafficArmsMax = 16;      // of one plan
inline constexpr size_t kTrafficShadowsMax = 4;

struct RegistryOptions {
  size_t warm_previous_max = 1;     // former champions kept loaded, so that rollback is one swap
  size_t loaded_per_model_max = 8;  // beyond it the version loaded longest ago that nothing needs is unloaded
  std::string default_model;
  // Models are loaded when a request first asks for them instead of at the start.
  bool on_demand = false;
  int64_t memory_bytes_max = 0;  // loaded on demand, beyond it the least recently used version goes; 0: no limit
  size_t load_threads = 2;       // that load on demand
  size_t load_waiters_max = 1024;
  int64_t load_retry_us_min = kSecondUs, load_retry_us_max = kMinuteUs;  // after a failed load: doubles from one to the other
};

}  // namespace vigil
