// Loading, unloading and publishing: what is in memory, and what serving threads see of it.
#include <malloc.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "registry/idle_thread.h"
#include "registry/plan_validation.h"
#include "registry/registry_state.h"
#include "registry/version_states.h"

namespace vigil {
namespace {

// Where the artefact is, in a form that loaders take.
StatusOr<std::string> ArtefactPath(const std::string& uri) {
  constexpr std::string_view kFile = "file://";
  if (uri.starts_with(kFile)) return uri.substr(kFile.size());
  // A server behind us is nothing to fetch: its loader asks it.
  if (uri.starts_with("oip://") || uri.starts_with("tfs://")) return uri;
  if (uri.find("://") != std::string::npos) {
    return absl::UnimplementedError(absl::StrCat("model ", uri, ": only files are loaded; fetch it first"));
  }
  if (uri.empty()) return absl::InvalidArgumentError("model: no uri");
  return uri;
}

template <typename Columns>
Status CheckColumns(const VersionFacts& facts, const TableShape& shape, const Columns& columns, const char* what) {
  const auto where = [&] { return absl::StrCat(what, " of ", facts.model, ": "); };
  if (columns.size() != shape.names.size()) {
    return absl::InvalidArgumentError(absl::StrCat(where(), columns.size(), " columns; the model takes ", shape.names.size()));
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == shape.names[i]) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(where(), "column ", i, " is ", columns[i].name, "; the model takes ", shape.names[i], " there"));
  }
  return absl::OkStatus();
}

constexpr int64_t kTrimEveryNs = 1'000'000'000;

// What every loaded version costs beside its trees: entry, signature, shape, and each serving thread's scorer, rules and column index.
// Measured with two serving threads (README.md): what a process is smaller by once a version has left it.
constexpr int64_t kVersionBytes = 14 << 10, kColumnBytes = 704;

}  // namespace

int64_t Registry::MemoryBytes(const LoadedModel& loaded) {
  return loaded.info().memory_bytes + kVersionBytes + kColumnBytes * static_cast<int64_t>(loaded.table().names.size());
}

// For whoever can wait: a request does not.
StatusOr<std::shared_ptr<ServedVersion>> Registry::LoadArtefact(const VersionFacts& facts, const LoadOptions& options) const {
  StatusOr<std::shared_ptr<ServedVersion>> read = absl::InternalError("not read");
  const auto read_it = [&] { read = ReadArtefact(facts, options); };
  // A server behind us costs a wait on its network, not our processors.
  const bool heavy = facts.uri.find("://") == std::string::npos || facts.uri.starts_with("file://");
  load_when_idle_&& heavy ? RunAtIdlePriority(read_it) : read_it();
  return read;
}

StatusOr<std::shared_ptr<ServedVersion>> Registry::ReadArtefact(const VersionFacts& facts, const LoadOptions& options) const {
  VIGIL_ASSIGN_OR_RETURN(const std::string path, ArtefactPath(facts.uri));
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> loaded, LoadModel(loaders_, path, options));
  const ModelInfo& info = loaded->info();
  if (info.digest.empty()) return absl::InternalError(absl::StrCat("model ", path, ": its loader gave no digest"));
  if (!facts.digest.empty() && facts.digest != info.digest) {
    return absl::FailedPreconditionError(
        absl::StrCat("model ", path, ": the artefact has digest ", info.digest, ", not ", facts.digest, " as registered"));
  }
  auto served = std::make_shared<ServedVersion>();
  served->facts = facts;
  served->facts.digest = info.digest;
  served->facts.format = info.format;
  served->loaded = std::move(loaded);
  return served;
}

// Makes `served` the entry's, with the entry's facts, schema and reference. A failure leaves the entry as it was.
Status Registry::Attach(VersionEntry& entry, std::shared_ptr<ServedVersion> served) {
  const std::string format = served->facts.format;
  served->facts = entry.facts;
  served->facts.format = format;  // of a version that was declared, known from here on
  served->schema = entry.schema;
  served->reference = entry.reference;
  const TableShape& shape = served->loaded->table();
  if (entry.schema != nullptr) VIGIL_RETURN_IF_ERROR(CheckColumns(entry.facts, shape, entry.schema->columns, "schema"));
  if (entry.reference != nullptr) VIGIL_RETURN_IF_ERROR(CheckColumns(entry.facts, shape, entry.reference->columns, "reference profile"));
  served->slot = entry.slot ? *entry.slot : next_slot_++;
  served->memory_bytes = MemoryBytes(*served->loaded);
  served->last_use.Touch(clock_.MonotonicNs());  // the newest, so that no other load pushes it out before it is used
  if (registrar_) {
    VIGIL_ASSIGN_OR_RETURN(served->log_schema, registrar_(*served));
  }
  std::lock_guard lock(mutex_);
  entry.slot = served->slot;
  entry.facts.format = format;
  entry.bytes = served->memory_bytes;
  entry.failure = absl::OkStatus();
  entry.retry_after_us = 0;
  entry.unloaded = false;
  entry.served = std::move(served);
  entry.loaded_at = ++loads_;
  return absl::OkStatus();
}

Status Registry::EnsureLoaded(VersionEntry& entry) {
  if (entry.served != nullptr) return absl::OkStatus();
  if (!IsServable(entry.state)) {
    return absl::FailedPreconditionError(absl::StrCat("version ", entry.facts.version, " of ", entry.facts.model, " is ",
                                                      std::string(VersionStateName(entry.state)), " and is not served"));
  }
  VIGIL_ASSIGN_OR_RETURN(std::shared_ptr<ServedVersion> served, LoadArtefact(entry.facts, LoadOptions{}));
  (void)MakeRoom(MemoryBytes(*served->loaded));  // what was asked for by name is loaded, room or not
  return Attach(entry, std::move(served));
}

Status Registry::Restore() {
  std::lock_guard change(change_mutex_);
  VIGIL_RETURN_IF_ERROR(RestoreEntries());
  auto first = std::make_shared<RegistrySnapshot>(*snapshot_.Load());
  for (auto& [name, model] : models_) {
    if (model->removed) continue;
    LoadRoles(*model, !options_.on_demand);
    AddToSnapshot(*model, first.get());
  }
  snapshot_.Publish(std::move(first));
  return absl::OkStatus();
}

// Without `champion_too` a model of which only the champion has a role stays where it is.
void Registry::LoadRoles(ModelEntry& model, bool champion_too) {
  const bool others = !model.role(Role::kChallenger).assignment.version.empty() || !model.role(Role::kShadow).assignment.version.empty();
  if (!champion_too && !others) return;
  for (const StoredRole& role : model.roles) {
    if (!role.assignment.version.empty()) LoadOrReport(model, role.assignment.version);
  }
  if (model.champion().empty()) return;  // nobody to step back from
  const std::vector<std::string>& previous = model.role(Role::kChampion).previous;
  for (size_t i = 0; i < previous.size() && i < options_.warm_previous_max; ++i) LoadOrReport(model, previous[i]);
}

// A broken artefact must not keep the others from being served. The event is best effort: without a catalog nothing could be restored.
void Registry::LoadOrReport(ModelEntry& model, const std::string& version) {
  VersionEntry* entry = model.Find(version);
  const Status status = entry == nullptr ? absl::NotFoundError(absl::StrCat("the catalog has no version ", version, " of ", model.name))
                                         : EnsureLoaded(*entry);
  if (status.ok()) return;
  const auto ignored =
      catalog_.Apply({}, {MakeEvent(clock_, model.name, "model.load_failed", version,
                                    absl::StrCat("version ", version, " could not be loaded: ", std::string(status.message())), "vigil")});
  (void)ignored;
}

namespace {

// Everything of one kind, page by page.
template <typename Visit>
Status VisitAll(Catalog& catalog, const char* kind, Visit visit) {
  constexpr size_t kPage = 500;
  std::string after;
  while (true) {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<CatalogEntry> page, catalog.List(kind, "", after, kPage));
    for (const CatalogEntry& entry : page) VIGIL_RETURN_IF_ERROR(visit(entry));
    if (page.size() < kPage) return absl::OkStatus();
    after = page.back().key;
  }
}

}  // namespace

Status Registry::RestoreEntries() {
  std::map<std::string, std::unique_ptr<ModelEntry>, std::less<>> models;
  std::map<std::string, VersionEntry*> by_key;
  const auto model_of = [&](const std::string& name) -> ModelEntry& {
    std::unique_ptr<ModelEntry>& model = models[name];
    if (model == nullptr) model = std::make_unique<ModelEntry>();
    model->name = name;
    return *model;
  };
  VIGIL_RETURN_IF_ERROR(VisitAll(catalog_, kVersionKind, [&](const CatalogEntry& stored) -> Status {
    VIGIL_ASSIGN_OR_RETURN(StoredVersion version, VersionFromText(stored.value, absl::StrCat("version ", stored.key)));
    auto entry = std::make_unique<VersionEntry>();
    entry->facts = std::move(version.facts);
    entry->state = version.state;
    entry->epoch = stored.epoch;
    by_key[stored.key] = entry.get();
    model_of(entry->facts.model).versions.push_back(std::move(entry));
    return absl::OkStatus();
  }));
  VIGIL_RETURN_IF_ERROR(VisitAll(catalog_, kVersionSchemaKind, [&](const CatalogEntry& stored) -> Status {
    VIGIL_ASSIGN_OR_RETURN(Schema schema, SchemaFromText(stored.value, absl::StrCat("schema ", stored.key)));
    if (const auto found = by_key.find(stored.key); found != by_key.end())
      found->second->schema = std::make_shared<Schema>(std::move(schema));
    return absl::OkStatus();
  }));
  VIGIL_RETURN_IF_ERROR(VisitAll(catalog_, kVersionReferenceKind, [&](const CatalogEntry& stored) -> Status {
    VIGIL_ASSIGN_OR_RETURN(ReferenceProfile reference, ReferenceFromText(stored.value, absl::StrCat("reference ", stored.key)));
    if (const auto found = by_key.find(stored.key); found != by_key.end()) {
      found->second->reference = std::make_shared<ReferenceProfile>(std::move(reference));
    }
    return absl::OkStatus();
  }));
  VIGIL_RETURN_IF_ERROR(VisitAll(catalog_, kRoleKind, [&](const CatalogEntry& stored) -> Status {
    VIGIL_ASSIGN_OR_RETURN(StoredRole role, RoleFromText(stored.value, absl::StrCat("role ", stored.key)));
    role.assignment.epoch = stored.epoch;
    const size_t slash = stored.key.rfind('/');
    const std::optional<Role> which = ParseRole(std::string_view(stored.key).substr(slash + 1));
    if (slash == std::string::npos || !which) return absl::DataLossError(absl::StrCat("catalog: role ", stored.key, ": no such role"));
    model_of(stored.key.substr(0, slash)).role(*which) = std::move(role);
    return absl::OkStatus();
  }));
  VIGIL_RETURN_IF_ERROR(VisitAll(catalog_, kLabelKind, [&](const CatalogEntry& stored) -> Status {
    VIGIL_ASSIGN_OR_RETURN(StoredRole label, RoleFromText(stored.value, absl::StrCat("label ", stored.key)));
    label.assignment.epoch = stored.epoch;
    const size_t slash = stored.key.find('/');
    if (slash == std::string::npos) return absl::DataLossError(absl::StrCat("catalog: label ", stored.key, ": has no name"));
    model_of(stored.key.substr(0, slash)).labels[stored.key.substr(slash + 1)] = std::move(label.assignment);
    return absl::OkStatus();
  }));
  VIGIL_RETURN_IF_ERROR(VisitAll(catalog_, kTombstoneKind, [&](const CatalogEntry& stored) -> Status {
    ModelEntry& model = model_of(stored.key);
    model.removed = true;
    VIGIL_ASSIGN_OR_RETURN(model.retired_with_it, TombstoneFromText(stored.value, absl::StrCat("tombstone ", stored.key)));
    return absl::OkStatus();
  }));
  for (auto& [name, model] : models) {
    std::sort(model->versions.begin(), model->versions.end(), [](const auto& a, const auto& b) {
      // Numbers are given in order of registration. Times of creation are not comparable where event time and wall time meet.
      const auto order = [](const VersionFacts& f) {
        int64_t number = 0;
        const bool numbered = absl::SimpleAtoi(f.version, &number);
        return std::tuple(!numbered, numbered ? number : f.created, std::string_view(f.version));
      };
      return order(a->facts) < order(b->facts);
    });
  }
  for (auto& [name, model] : models) model->plan.epoch = model->role(Role::kChampion).assignment.epoch;
  std::lock_guard lock(mutex_);
  models_ = std::move(models);
  return absl::OkStatus();
}

// What keeps `version` in memory, in words; empty: nothing does.
std::string Registry::Needs(const ModelEntry& model, const std::string& version) const {
  for (Role role : kRoles) {
    if (model.role(role).assignment.version == version) return absl::StrCat("it is the ", std::string(RoleName(role)));
  }
  for (const TrafficArm& arm : model.plan.arms) {
    if (arm.version == version) return absl::StrCat("arm ", arm.arm, " of the traffic plan sends rows to it");
  }
  for (const std::string& shadow : model.plan.shadows) {
    if (shadow == version) return "it is a shadow of the traffic plan";
  }
  for (const auto& [label, assignment] : model.labels) {
    if (assignment.version == version) return absl::StrCat("the label ", label, " points to it");
  }
  return "";
}

// Lets go of what nothing needs any more; requests in flight on it keep it until they end.
void Registry::ReleaseUnneeded(ModelEntry& model) {
  const std::vector<std::string>& previous = model.role(Role::kChampion).previous;
  const auto is_warm = [&](const std::string& version) {
    for (size_t i = 0; !model.champion().empty() && i < previous.size() && i < options_.warm_previous_max; ++i) {
      if (previous[i] == version) return true;
    }
    return false;
  };
  std::lock_guard lock(mutex_);
  size_t loaded = 0;
  std::vector<VersionEntry*> idle;
  for (const auto& entry : model.versions) {
    if (entry->served == nullptr) continue;
    ++loaded;
    if (!Needs(model, entry->facts.version).empty()) continue;
    if (IsServable(entry->state) && is_warm(entry->facts.version)) continue;
    if (IsServable(entry->state) && entry->kept) {
      idle.push_back(entry.get());
    } else {
      Retire(*entry);
      --loaded;
    }
  }
  std::sort(idle.begin(), idle.end(), [](const VersionEntry* a, const VersionEntry* b) { return a->loaded_at < b->loaded_at; });
  for (size_t i = 0; i < idle.size() && loaded > options_.loaded_per_model_max; ++i, --loaded) {
    idle[i]->kept = false;
    Retire(*idle[i]);
  }
}

void Registry::AddToSnapshot(const ModelEntry& model, RegistrySnapshot* snapshot) const {
  if (model.removed) return snapshot->models.Erase(model.name);
  auto served = std::make_shared<ServedModel>();
  served->name = model.name;
  served->plan = model.plan;
  served->on_demand = options_.on_demand;
  for (const auto& entry : model.versions) {
    if (entry->served != nullptr) served->versions[entry->facts.version] = entry->served;
  }
  for (const auto& [label, assignment] : model.labels) {
    if (!assignment.version.empty()) served->labels.emplace(label, assignment.version);
  }
  served->champion_version = model.champion();
  const VersionEntry* champion = model.Find(model.champion());
  served->unloaded = champion != nullptr && champion->unloaded;
  served->champion = served->Find(model.champion());
  served->challenger = served->Find(model.role(Role::kChallenger).assignment.version);
  served->shadow = served->Find(model.role(Role::kShadow).assignment.version);
  AddFits(served.get());
  if (model.champion().empty() && served->versions.empty()) {
    snapshot->models.Erase(model.name);  // not served: requests hear that there is no such model
  } else {
    snapshot->models.Set(model.name, std::move(served));
  }
}

void Registry::Publish(const ModelEntry& model) {
  auto next = std::make_shared<RegistrySnapshot>(*snapshot_.Load());
  AddToSnapshot(model, next.get());
  snapshot_.Publish(std::move(next));
  ReapRetired();
}

void Registry::Reap() {
  std::lock_guard change_lock(change_mutex_);
  ReapRetired();
}

void Registry::ReapRetired() {
  // No snapshot of now holds them, so a count of one cannot grow again.
  std::vector<std::shared_ptr<const ServedVersion>> unused;  // destroyed without the lock
  {
    std::lock_guard lock(mutex_);
    const auto used = std::partition(retired_.begin(), retired_.end(), [](const auto& version) { return version.use_count() > 1; });
    unused.assign(std::make_move_iterator(used), std::make_move_iterator(retired_.end()));
    retired_.erase(used, retired_.end());
  }
  trim_is_due_ |= !unused.empty();
  unused.clear();
#ifdef __GLIBC__
  // A model is many small pieces: without this the machine sees little of it. It walks the whole heap, so where models come and go all the
  // time it is done now and then only.
  const int64_t now_ns = clock_.MonotonicNs();
  if (!trim_is_due_ || (options_.on_demand && now_ns - trimmed_ns_ < kTrimEveryNs)) return;
  malloc_trim(0);
  trimmed_ns_ = now_ns;
  trim_is_due_ = false;
#endif
}

// Needs mutex_ too. No request finds the version from the next snapshot on.
void Registry::Retire(VersionEntry& entry) {
  if (entry.served != nullptr) retired_.push_back(std::move(entry.served));
  entry.served = nullptr;
}

}  // namespace vigil
