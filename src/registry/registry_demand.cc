// Loading for requests, and making room for it: which versions are in memory when not all of them can be.
#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "registry/registry_state.h"
#include "registry/version_states.h"

namespace vigil {
namespace {

constexpr int kRetiringLooksMax = 50;
constexpr auto kRetiringLookEvery = std::chrono::milliseconds(2);
constexpr int64_t kRetiringShare = 8;  // of the budget: what may be unloaded and still in use before loading waits for it

}  // namespace

Status Registry::RequestLoad(std::string_view model_name, std::string_view version, DemandQueue::Done done) {
  if (!options_.on_demand) return absl::FailedPreconditionError("models are loaded at the start here, not on demand");
  DemandQueue::Key key;
  {
    std::lock_guard lock(mutex_);
    key.first = model_name.empty() ? options_.default_model : std::string(model_name);
    if (key.first.empty() && models_.size() == 1) key.first = models_.begin()->first;
    VIGIL_ASSIGN_OR_RETURN(const ModelEntry* model, FindModel(key.first));
    if (model->removed) return absl::NotFoundError(absl::StrCat("model ", key.first, " was removed"));
    key.second = version.empty() ? model->champion() : std::string(version);
    if (key.second.empty()) return absl::UnavailableError(absl::StrCat("model ", key.first, " has no champion to answer"));
    VIGIL_ASSIGN_OR_RETURN(const VersionEntry* entry, FindVersion(*model, key.second));
    if (entry->served == nullptr && entry->unloaded) {
      return absl::UnavailableError(
          absl::StrCat("version ", key.second, " of ", key.first, " was unloaded; load the model to have it back"));
    }
    if (entry->served == nullptr && !IsServable(entry->state)) {
      return absl::NotFoundError(absl::StrCat("version ", key.second, " of ", key.first, " is ",
                                              std::string(VersionStateName(entry->state)), " and is not served"));
    }
    if (entry->served == nullptr && !entry->failure.ok() && clock_.MonotonicNs() < entry->retry_ns) return entry->failure;
  }
  VIGIL_RETURN_IF_ERROR(demand_.Ask(key, std::move(done)));
  waits_.fetch_add(1, std::memory_order_relaxed);
  return absl::OkStatus();
}

// On a loading thread. Only the last step, attaching what has been read, is a change that others wait for.
Status Registry::LoadOnDemand(const DemandQueue::Key& key) {
  VersionFacts facts;
  {
    std::lock_guard lock(mutex_);
    VIGIL_ASSIGN_OR_RETURN(const ModelEntry* model, FindModel(key.first));
    VIGIL_ASSIGN_OR_RETURN(const VersionEntry* entry, FindVersion(*model, key.second));
    if (entry->served != nullptr) return absl::OkStatus();
    facts = entry->facts;
  }
  WaitForRetiring();
  const int64_t begin_ns = clock_.MonotonicNs();
  StatusOr<std::shared_ptr<ServedVersion>> served = ReadArtefact(facts, LoadOptions{});
  Status status = served.ok() ? AttachOnDemand(key, *std::move(served)) : served.status();
  if (!status.ok()) {  // whatever it was, it is not the request that is wrong
    status = absl::UnavailableError(
        absl::StrCat("version ", key.second, " of ", key.first, " could not be loaded: ", std::string(status.message())));
  }
  load_ns_.fetch_add(clock_.MonotonicNs() - begin_ns, std::memory_order_relaxed);
  (status.ok() ? loads_on_demand_ : load_failures_).fetch_add(1, std::memory_order_relaxed);
  if (!status.ok()) RecordLoadFailure(key, status);
  return status;
}

Status Registry::AttachOnDemand(const DemandQueue::Key& key, std::shared_ptr<ServedVersion> served) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(key.first));
  VIGIL_ASSIGN_OR_RETURN(VersionEntry * entry, FindVersion(*model, key.second));
  if (entry->served != nullptr) return absl::OkStatus();
  if (model->removed || entry->unloaded || !IsServable(entry->state)) {
    return absl::NotFoundError(absl::StrCat("version ", key.second, " of ", key.first, " was taken out of serving meanwhile"));
  }
  const int64_t bytes = MemoryBytes(*served->loaded);
  if (!MakeRoom(bytes)) {
    return absl::UnavailableError(absl::StrCat("no room for version ", key.second, " of ", key.first, ": it takes ", bytes,
                                               " bytes of the ", options_.memory_bytes_max,
                                               " that models may take (registry.memory), and what else is loaded is needed by rollouts"));
  }
  VIGIL_RETURN_IF_ERROR(Attach(*entry, std::move(served)));
  {
    std::lock_guard lock(mutex_);
    entry->kept = true;
  }
  ReleaseUnneeded(*model);
  Publish(*model);
  return absl::OkStatus();
}

// Requests get the error until the time of another attempt; the timeline gets it once.
void Registry::RecordLoadFailure(const DemandQueue::Key& key, const Status& status) {
  bool is_news = false;
  {
    std::lock_guard change_lock(change_mutex_);
    const auto model = FindModel(key.first);
    const auto entry = model.ok() ? FindVersion(**model, key.second) : model.status();
    if (!entry.ok()) return;
    std::lock_guard lock(mutex_);
    VersionEntry& failed = **entry;
    is_news = failed.failure != status;
    failed.failure = status;
    failed.retry_after_us = std::clamp(2 * failed.retry_after_us, options_.load_retry_us_min, options_.load_retry_us_max);
    failed.retry_ns = clock_.MonotonicNs() + failed.retry_after_us * 1000;
  }
  if (!is_news) return;
  const auto ignored =
      catalog_.Apply({}, {MakeEvent(clock_, key.first, "model.load_failed", key.second, std::string(status.message()), "vigil")});
  (void)ignored;
}

// What a rollout, a challenger or a shadow needs stays; a champion alone comes back when it is asked for.
bool Registry::MayEvict(const ModelEntry& model, const VersionEntry& entry) const {
  const std::string& version = entry.facts.version;
  if (model.role(Role::kChallenger).assignment.version == version || model.role(Role::kShadow).assignment.version == version) return false;
  const bool planned = !model.plan.arms.empty() || !model.plan.shadows.empty();
  if (!planned) return true;
  const auto& arms = model.plan.arms;
  return model.champion() != version &&
         std::none_of(arms.begin(), arms.end(), [&](const TrafficArm& arm) { return arm.version == version; }) &&
         std::find(model.plan.shadows.begin(), model.plan.shadows.end(), version) == model.plan.shadows.end();
}

// Unloads the least recently used versions until `bytes` more fit. False when they do not fit all the same: then what could be evicted
// stays, since it would not have helped. Needs change_mutex_.
bool Registry::MakeRoom(int64_t bytes) {
  if (!options_.on_demand || options_.memory_bytes_max == 0) return true;
  struct Candidate {
    int64_t used_ns;
    uint64_t loaded_at;
    ModelEntry* model;
    VersionEntry* entry;
  };
  std::vector<Candidate> candidates;
  int64_t resident = 0, needed = 0;
  for (const auto& [name, model] : models_) {
    for (const auto& entry : model->versions) {
      if (entry->served == nullptr) continue;
      resident += entry->served->memory_bytes;
      if (MayEvict(*model, *entry)) {
        candidates.push_back({entry->served->last_use.ns(), entry->loaded_at, model.get(), entry.get()});
      } else {
        needed += entry->served->memory_bytes;
      }
    }
  }
  if (resident + bytes <= options_.memory_bytes_max) return true;
  if (needed + bytes > options_.memory_bytes_max) return false;
  const auto is_newer = [](const Candidate& a, const Candidate& b) {
    return std::pair(a.used_ns, a.loaded_at) > std::pair(b.used_ns, b.loaded_at);
  };
  std::make_heap(candidates.begin(), candidates.end(), is_newer);
  std::set<const ModelEntry*> changed;
  {
    std::lock_guard lock(mutex_);
    while (resident + bytes > options_.memory_bytes_max) {
      std::pop_heap(candidates.begin(), candidates.end(), is_newer);
      const Candidate oldest = candidates.back();
      candidates.pop_back();
      resident -= oldest.entry->served->memory_bytes;
      oldest.entry->kept = false;
      Retire(*oldest.entry);
      changed.insert(oldest.model);
      evictions_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  auto next = std::make_shared<RegistrySnapshot>(*snapshot_.Load());
  for (const ModelEntry* model : changed) AddToSnapshot(*model, next.get());
  snapshot_.Publish(std::move(next));
  ReapRetired();
  return true;
}

int64_t Registry::RetiringBytes() const {
  int64_t bytes = 0;
  for (const auto& version : retired_) bytes += version == nullptr ? 0 : version->memory_bytes;
  return bytes;
}

// Versions come back to be destroyed when each serving thread has next looked: within a turn of its loop. Loading faster than that would
// hold more memory than the budget, so it waits; but not for ever, since a request may take its time.
void Registry::WaitForRetiring() {
  if (options_.memory_bytes_max == 0) return;
  for (int i = 0; i < kRetiringLooksMax; ++i) {
    {
      std::lock_guard change_lock(change_mutex_);
      ReapRetired();
      if (RetiringBytes() <= options_.memory_bytes_max / kRetiringShare) return;
    }
    std::this_thread::sleep_for(kRetiringLookEvery);
  }
}

RegistryCounters Registry::counters() const {
  RegistryCounters counters;
  counters.loads = loads_on_demand_.load(std::memory_order_relaxed);
  counters.load_failures = load_failures_.load(std::memory_order_relaxed);
  counters.load_ns = load_ns_.load(std::memory_order_relaxed);
  counters.evictions = evictions_.load(std::memory_order_relaxed);
  counters.waits = waits_.load(std::memory_order_relaxed);
  counters.waits_refused = demand_.refused();
  counters.waiting = static_cast<int64_t>(demand_.waiting());
  counters.memory_bytes_max = options_.memory_bytes_max;
  std::lock_guard lock(mutex_);
  counters.retiring_bytes = RetiringBytes();
  for (const auto& [name, model] : models_) {
    counters.models += model->removed ? 0 : 1;
    for (const auto& entry : model->versions) {
      if (entry->served == nullptr) continue;
      ++counters.versions_loaded;
      counters.resident_bytes += entry->served->memory_bytes;
    }
  }
  return counters;
}

}  // namespace vigil
