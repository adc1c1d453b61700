#include "registry/registry.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/plan_validation.h"
#include "registry/registry_state.h"
#include "registry/version_states.h"

namespace vigil {

// Names become catalog keys, URL segments and folder names.
Status CheckName(const std::string& name, const char* what) {
  bool ok = !name.empty() && name.size() <= kModelNameBytesMax && name[0] != '.';
  for (char c : name)
    ok = ok && static_cast<unsigned char>(c) > ' ' && c != 127 && std::string_view("/\\?#%\"'<>").find(c) == std::string_view::npos;
  if (ok) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " name \"", name.substr(0, kModelNameBytesMax), "\": 1 to ", kModelNameBytesMax,
                                                 " bytes without spaces and / \\ ? # % \" ' < >, not starting with a dot"));
}

Status CheckNames(const VersionFacts& facts) {
  VIGIL_RETURN_IF_ERROR(CheckName(facts.model, "model"));
  return facts.version.empty() ? absl::OkStatus() : CheckName(facts.version, "version");
}

void WriteAttachments(const VersionFacts& facts, const Schema* schema, const ReferenceProfile* reference,
                      std::vector<CatalogWrite>* writes) {
  const std::string key = CatalogKey(facts.model, facts.version);
  if (schema != nullptr) writes->push_back({kVersionSchemaKind, key, SchemaToText(*schema), CatalogWrite::kAnyEpoch});
  if (reference != nullptr) writes->push_back({kVersionReferenceKind, key, ReferenceToText(*reference), CatalogWrite::kAnyEpoch});
}

std::string AbsoluteUri(const std::string& uri) {
  if (uri.find("://") != std::string::npos) return uri;
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(uri, error);
  return error ? uri : path.lexically_normal().string();
}

std::shared_ptr<const ServedVersion> ServedModel::Find(std::string_view version) const {
  const auto found = versions.find(version);
  return found == versions.end() ? nullptr : found->second;
}

Registry::Registry(Catalog& catalog, const Clock& clock, const std::vector<std::unique_ptr<ModelLoader>>& loaders,
                   SchemaRegistrar registrar, RegistryOptions options)
    : catalog_(catalog),
      clock_(clock),
      loaders_(loaders),
      registrar_(std::move(registrar)),
      options_(std::move(options)),
      snapshot_([this] {
        auto first = std::make_shared<RegistrySnapshot>();
        first->default_model = options_.default_model;
        return first;
      }()),
      demand_(options_.on_demand ? options_.load_threads : 0, options_.load_waiters_max,
              [this](const DemandQueue::Key& key) { return LoadOnDemand(key); }) {}

Registry::~Registry() = default;

StatusOr<Registry::ModelEntry*> Registry::FindModel(const std::string& model) const {
  if (const auto found = models_.find(model); found != models_.end()) return found->second.get();
  std::vector<std::string> names;
  for (const auto& entry : models_) names.push_back(entry.first);
  return absl::NotFoundError(absl::StrCat("no model is called ", model, DidYouMean(model, names)));
}

StatusOr<Registry::VersionEntry*> Registry::FindVersion(const ModelEntry& model, const std::string& version) const {
  if (VersionEntry* entry = model.Find(version)) return entry;
  std::vector<std::string> names;
  for (const auto& entry : model.versions) names.push_back(entry->facts.version);
  std::string known;
  for (const std::string& name : names) absl::StrAppend(&known, known.empty() ? "; it has " : ", ", name);
  return absl::NotFoundError(absl::StrCat("model ", model.name, " has no version ", version, DidYouMean(version, names), known));
}

StatusOr<std::shared_ptr<const ServedVersion>> Registry::Register(VersionFacts facts, const LoadOptions& load,
                                                                  std::shared_ptr<const Schema> schema,
                                                                  std::shared_ptr<const ReferenceProfile> reference, bool make_champion) {
  VIGIL_RETURN_IF_ERROR(CheckNames(facts));
  facts.uri = AbsoluteUri(facts.uri);
  VIGIL_ASSIGN_OR_RETURN(std::shared_ptr<ServedVersion> served, LoadArtefact(facts, load));  // changes of other models go on meanwhile
  std::lock_guard change_lock(change_mutex_);
  facts.digest = served->facts.digest;
  facts.format = served->facts.format;

  const auto known = models_.find(facts.model);
  std::unique_ptr<ModelEntry> fresh;
  if (known == models_.end()) {
    fresh = std::make_unique<ModelEntry>();
    fresh->name = facts.model;
  }
  ModelEntry& model = fresh != nullptr ? *fresh : *known->second;
  VIGIL_RETURN_IF_ERROR(Revive(model, facts.created_by));
  VIGIL_ASSIGN_OR_RETURN(VersionEntry * entry, FindSame(model, &facts));

  Change change;
  const VersionEntry* champion = model.Find(model.champion());
  const bool broken = champion != nullptr && champion->served == nullptr && (!options_.on_demand || !champion->failure.ok());
  (void)MakeRoom(MemoryBytes(*served->loaded));
  if (make_champion && (champion == nullptr || (broken && champion != entry))) {
    ChangeRole(model, Role::kChampion, facts.version, false, facts.created_by,
               champion == nullptr ? "first version of the model" : absl::StrCat("champion ", model.champion(), " does not load"), &change);
  }
  if (entry == nullptr) {
    VIGIL_ASSIGN_OR_RETURN(entry, AddVersion(model, facts, std::move(served), std::move(schema), std::move(reference), std::move(change)));
  } else {
    VIGIL_RETURN_IF_ERROR(RefreshVersion(model, *entry, facts.uri, std::move(served), std::move(schema), std::move(reference), change));
  }
  if (fresh != nullptr) {
    std::lock_guard lock(mutex_);
    models_[fresh->name] = std::move(fresh);
  }
  ReleaseUnneeded(model);
  Publish(model);
  return entry->served;
}

// The registered version that `facts` speak of, or null: then facts->version is filled where it was empty.
StatusOr<Registry::VersionEntry*> Registry::FindSame(const ModelEntry& model, VersionFacts* facts) const {
  int64_t next = 1;
  VersionEntry* same = nullptr;
  for (const auto& other : model.versions) {
    int64_t number = 0;
    if (absl::SimpleAtoi(other->facts.version, &number) && number < INT64_MAX) next = std::max(next, number + 1);
    const bool is_it = facts->version.empty() ? other->facts.digest == facts->digest && other->state != VersionState::kDeleted
                                              : other->facts.version == facts->version;
    if (is_it) same = other.get();
  }
  if (facts->version.empty()) facts->version = same != nullptr ? same->facts.version : absl::StrCat(next);
  if (same == nullptr) return same;
  const std::string name = absl::StrCat("version ", facts->version, " of ", facts->model);
  if (same->facts.digest != facts->digest) {
    return absl::AlreadyExistsError(
        absl::StrCat(name, " is another artefact: it has digest ", same->facts.digest, ", this one ", facts->digest));
  }
  if (!IsServable(same->state)) {
    return absl::FailedPreconditionError(
        absl::StrCat(name, " is this artefact, and was ", std::string(VersionStateName(same->state)), " before"));
  }
  return same;
}

StatusOr<Registry::VersionEntry*> Registry::AddVersion(ModelEntry& model, VersionFacts facts, std::shared_ptr<ServedVersion> served,
                                                       std::shared_ptr<const Schema> schema,
                                                       std::shared_ptr<const ReferenceProfile> reference, Change change) {
  if (facts.created == 0) facts.created = clock_.NowUs();
  auto entry = std::make_unique<VersionEntry>();
  entry->facts = facts;
  entry->schema = std::move(schema);
  entry->reference = std::move(reference);
  entry->epoch = 1;
  entry->kept = true;
  VIGIL_RETURN_IF_ERROR(Attach(*entry, std::move(served)));
  change.writes.push_back(VersionWrite(facts, entry->state, 0));
  WriteAttachments(facts, entry->schema.get(), entry->reference.get(), &change.writes);
  change.events.insert(change.events.begin(), MakeEvent(clock_, facts.model, "model.registered", facts.version,
                                                        absl::StrCat("version ", facts.version, " was registered"), facts.created_by));
  VIGIL_RETURN_IF_ERROR(Commit(model, change));
  std::lock_guard lock(mutex_);
  model.versions.push_back(std::move(entry));
  return model.versions.back().get();
}

Status Registry::SetSchema(const std::string& model_name, const std::shared_ptr<const Schema>& schema, const std::string& by) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  const auto text = [](const std::shared_ptr<const Schema>& s) { return s == nullptr ? std::string() : SchemaToText(*s); };
  const auto fits = [&](const std::vector<std::string>& columns) {
    return schema == nullptr || std::equal(columns.begin(), columns.end(), schema->columns.begin(), schema->columns.end(),
                                           [](const std::string& name, const ColumnRule& rule) { return rule.name == name; });
  };
  Change change;
  std::vector<std::pair<VersionEntry*, VersionEntry>> changed;
  for (const auto& entry : model->versions) {
    if (entry->served == nullptr || text(schema) == text(entry->schema) || !fits(entry->served->loaded->table().names)) continue;
    VersionEntry next = *entry;
    next.schema = schema;
    next.slot.reset();
    VIGIL_RETURN_IF_ERROR(Attach(next, std::make_shared<ServedVersion>(*entry->served)));
    CatalogWrite write{kVersionSchemaKind, CatalogKey(model_name, entry->facts.version), std::nullopt, CatalogWrite::kAnyEpoch};
    if (schema != nullptr) write.value = SchemaToText(*schema);
    change.writes.push_back(std::move(write));
    change.events.push_back(MakeEvent(
        clock_, model_name, "model.described", entry->facts.version,
        absl::StrCat("version ", entry->facts.version, schema == nullptr ? " has no schema any more" : " has another schema"), by));
    changed.emplace_back(entry.get(), std::move(next));
  }
  if (changed.empty()) return absl::OkStatus();
  VIGIL_RETURN_IF_ERROR(Commit(*model, change));
  {
    std::lock_guard lock(mutex_);
    for (auto& [entry, next] : changed) *entry = std::move(next);
  }
  Publish(*model);
  return absl::OkStatus();
}

// The same artefact again: it may be somewhere else now, and bring another schema or reference.
Status Registry::RefreshVersion(ModelEntry& model, VersionEntry& entry, const std::string& uri, std::shared_ptr<ServedVersion> served,
                                std::shared_ptr<const Schema> schema, std::shared_ptr<const ReferenceProfile> reference, Change change) {
  if (schema != nullptr && entry.schema != nullptr && SchemaToText(*schema) == SchemaToText(*entry.schema)) schema = nullptr;
  if (reference != nullptr && entry.reference != nullptr && ReferenceToText(*reference) == ReferenceToText(*entry.reference)) {
    reference = nullptr;
  }
  VersionEntry next = entry;  // what the entry becomes once the catalog has it
  next.kept = true;
  if (uri != entry.facts.uri) {
    next.facts.uri = uri;
    change.writes.push_back(VersionWrite(next.facts, entry.state, entry.epoch));
    next.epoch = entry.epoch + 1;
  }
  if (schema != nullptr || reference != nullptr) {
    WriteAttachments(entry.facts, schema.get(), reference.get(), &change.writes);
    change.events.push_back(MakeEvent(
        clock_, model.name, "model.described", entry.facts.version,
        absl::StrCat("version ", entry.facts.version, " has another ", schema == nullptr ? "reference profile" : "schema"), "vigil"));
    if (schema != nullptr) next.schema = std::move(schema);
    if (reference != nullptr) next.reference = std::move(reference);
    next.slot.reset();
    next.served = nullptr;
  }
  if (next.served == nullptr) VIGIL_RETURN_IF_ERROR(Attach(next, std::move(served)));
  VIGIL_RETURN_IF_ERROR(Commit(model, change));
  std::lock_guard lock(mutex_);
  entry = std::move(next);
  return absl::OkStatus();
}

}  // namespace vigil
