// Registering what a repository holds without loading it: thousands of models a second, so that a start does not wait for them.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "registry/registry_state.h"
#include "runtime/file.h"

namespace vigil {
namespace {

constexpr size_t kHeadBytes = 4096;

}  // namespace

// What the loader would say the digest is: of a model that is one file, the file's. UNIMPLEMENTED for any other.
StatusOr<std::string> Registry::DigestOfFile(const std::string& file, int64_t* bytes) const {
  const Status other = absl::UnimplementedError("the digest is known once it has been loaded");
  if (file.empty()) return other;
  VIGIL_ASSIGN_OR_RETURN(const std::string head, ReadFileHead(file, kHeadBytes));
  const bool known = std::any_of(loaders_.begin(), loaders_.end(), [&](const auto& l) { return l->Recognises(file, head); });
  if (!known) return other;  // loading says best what is wrong with it
  VIGIL_ASSIGN_OR_RETURN(const std::string content, ReadModelFile(file));
  *bytes = static_cast<int64_t>(content.size());
  return Sha256Hex(content);
}

Status Registry::Declare(std::vector<DeclaredVersion> versions, size_t* failed) {
  size_t ignored = 0;
  if (failed == nullptr) failed = &ignored;
  size_t begin = 0;
  while (begin < versions.size()) {
    size_t end = begin;
    std::set<std::string_view> models;  // one version of each: the next is numbered by what the one before has become
    while (end < versions.size() && end - begin < kDeclareMax && models.insert(versions[end].facts.model).second) ++end;
    *failed = begin;
    size_t within = 0;
    const Status status = DeclareTogether(absl::MakeSpan(versions).subspan(begin, end - begin), &within);
    *failed = begin + within;
    VIGIL_RETURN_IF_ERROR(status);
    begin = end;
  }
  return absl::OkStatus();
}

Status Registry::DeclareTogether(absl::Span<DeclaredVersion> versions, size_t* failed) {
  std::vector<int64_t> bytes(versions.size());
  for (size_t& i = *failed = 0; i < versions.size(); ++i) {
    VersionFacts& facts = versions[i].facts;
    VIGIL_RETURN_IF_ERROR(CheckNames(facts));
    facts.uri = AbsoluteUri(facts.uri);
    StatusOr<std::string> digest = DigestOfFile(versions[i].file, &bytes[i]);
    if (absl::IsUnimplemented(digest.status())) continue;
    VIGIL_RETURN_IF_ERROR(digest.status());
    facts.digest = *std::move(digest);
  }
  struct Staged {
    ModelEntry* model;
    std::unique_ptr<ModelEntry> fresh_model;
    VersionEntry* entry;
    std::unique_ptr<VersionEntry> fresh_entry;
    VersionEntry next;  // what a known entry becomes
    Change change;
  };
  std::vector<size_t> to_load;
  {
    std::lock_guard change_lock(change_mutex_);
    std::vector<Staged> staged;
    std::vector<CatalogWrite> writes;
    std::vector<TimelineEvent> events;
    for (size_t& i = *failed = 0; i < versions.size(); ++i) {
      DeclaredVersion& declared = versions[i];
      if (declared.facts.digest.empty()) {
        to_load.push_back(i);
        continue;
      }
      Staged& one = staged.emplace_back();
      const auto known = models_.find(declared.facts.model);
      if (known == models_.end()) {
        one.fresh_model = std::make_unique<ModelEntry>();
        one.fresh_model->name = declared.facts.model;
      }
      one.model = one.fresh_model != nullptr ? one.fresh_model.get() : known->second.get();
      VIGIL_RETURN_IF_ERROR(Revive(*one.model, declared.facts.created_by));
      VIGIL_ASSIGN_OR_RETURN(one.entry, FindSame(*one.model, &declared.facts));
      const VersionFacts& facts = declared.facts;
      const VersionEntry* champion = one.model->Find(one.model->champion());
      const bool takes_over = one.entry == nullptr && champion != nullptr && declared.take_over;
      if (takes_over || (declared.make_champion && champion == nullptr)) {
        ChangeRole(*one.model, Role::kChampion, facts.version, false, facts.created_by,
                   champion == nullptr ? "first version of the model" : absl::StrCat("served from ", facts.uri), &one.change);
      }
      if (one.entry == nullptr) {
        one.fresh_entry = std::make_unique<VersionEntry>();
        VersionEntry& entry = *one.fresh_entry;
        entry.facts = facts;
        if (entry.facts.created == 0) entry.facts.created = clock_.NowUs();
        entry.schema = declared.schema;
        entry.reference = declared.reference;
        entry.epoch = 1;
        entry.bytes = bytes[i];
        one.change.writes.push_back(VersionWrite(entry.facts, entry.state, 0));
        WriteAttachments(entry.facts, entry.schema.get(), entry.reference.get(), &one.change.writes);
        one.change.events.insert(one.change.events.begin(),
                                 MakeEvent(clock_, facts.model, "model.registered", facts.version,
                                           absl::StrCat("version ", facts.version, " was registered"), facts.created_by));
      } else {
        one.next = *one.entry;
        Redescribe(declared, &one.next, &one.change);
      }
      writes.insert(writes.end(), one.change.writes.begin(), one.change.writes.end());
      events.insert(events.end(), one.change.events.begin(), one.change.events.end());
    }
    *failed = 0;
    if (!writes.empty() || !events.empty()) VIGIL_RETURN_IF_ERROR(catalog_.Apply(writes, events).status());
    auto next = std::make_shared<RegistrySnapshot>(*snapshot_.Load());
    for (Staged& one : staged) {
      Apply(*one.model, one.change);
      std::lock_guard lock(mutex_);
      if (one.fresh_entry != nullptr) {
        one.model->versions.push_back(std::move(one.fresh_entry));
      } else {
        if (one.next.slot != one.entry->slot) Retire(*one.entry);
        *one.entry = std::move(one.next);
      }
      ModelEntry& model = *one.model;
      if (one.fresh_model != nullptr) models_[model.name] = std::move(one.fresh_model);
      AddToSnapshot(model, next.get());
    }
    snapshot_.Publish(std::move(next));
    ReapRetired();
  }
  for (const size_t i : to_load) {
    *failed = i;
    DeclaredVersion& one = versions[i];
    const auto before = Versions(one.facts.model);
    VIGIL_ASSIGN_OR_RETURN(const auto version, Register(one.facts, LoadOptions{}, one.schema, one.reference, one.make_champion));
    const std::string& number = version->facts.version;
    const bool is_new = before.ok() && !before->empty() && std::none_of(before->begin(), before->end(), [&](const VersionRecord& record) {
                          return record.facts.version == number;
                        });
    if (one.take_over && is_new) {
      VIGIL_RETURN_IF_ERROR(
          SetRole(one.facts.model, Role::kChampion, number, kAnyEpoch, one.facts.created_by, absl::StrCat("served from ", one.facts.uri))
              .status());
    }
  }
  return absl::OkStatus();
}

// The same artefact again: where it is, and the schema and reference that it is held to from now on, when it is next loaded.
void Registry::Redescribe(const DeclaredVersion& declared, VersionEntry* next, Change* change) {
  const std::string key = CatalogKey(next->facts.model, next->facts.version);
  if (declared.facts.uri != next->facts.uri) {
    next->facts.uri = declared.facts.uri;
    change->writes.push_back(VersionWrite(next->facts, next->state, next->epoch));
    ++next->epoch;
    next->failure = absl::OkStatus();
  }
  const auto same_schema = [](const Schema* a, const Schema* b) {
    return a == b || (a != nullptr && b != nullptr && SchemaToText(*a) == SchemaToText(*b));
  };
  const bool other_reference = declared.reference != nullptr &&
                               (next->reference == nullptr || ReferenceToText(*declared.reference) != ReferenceToText(*next->reference));
  if (!same_schema(declared.schema.get(), next->schema.get())) {
    CatalogWrite write{kVersionSchemaKind, key, std::nullopt, CatalogWrite::kAnyEpoch};
    if (declared.schema != nullptr) write.value = SchemaToText(*declared.schema);
    change->writes.push_back(std::move(write));
    next->schema = declared.schema;
    next->slot.reset();
  }
  if (other_reference) {
    change->writes.push_back({kVersionReferenceKind, key, ReferenceToText(*declared.reference), CatalogWrite::kAnyEpoch});
    next->reference = declared.reference;
    next->slot.reset();
  }
  if (next->slot) return;
  next->served = nullptr;
  if (change->writes.empty()) return;
  change->events.push_back(MakeEvent(clock_, next->facts.model, "model.described", next->facts.version,
                                     absl::StrCat("version ", next->facts.version, " was found again"), declared.facts.created_by));
}

}  // namespace vigil
