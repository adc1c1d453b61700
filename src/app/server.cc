#include "app/server.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "alerting/notifiers/log.h"
#include "alerting/notifiers/webhook.h"
#include "app/base_path_list.h"
#include "app/engine_file.h"
#include "app/memory_left.h"
#include "app/metrics_sources.h"
#include "app/model_sources.h"
#include "app/model_watch.h"
#include "app/state_lock.h"
#include "app/unused_snapshots.h"
#include "app/version_labels.h"
#include "app/version_views.h"
#include "app/wiring.h"
#include "blobs/snapshots.h"
#include "blobs/uri.h"
#include "frontends/grpc/grpc_frontend.h"
#include "frontends/rest/rest_handler.h"
#include "net/client.h"
#include "prediction/pipeline.h"
#include "registry/registry.h"
#include "service/control_loop.h"
#include "service/local_operations.h"
#include "service/predict_service.h"
#include "service/profile_file.h"
#include "storage/whole_file.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace vigil {
namespace {

class RunningServer final : public Server {
 public:
  explicit RunningServer(const ServerConfig& config) : config_(config), in_force_(config.effective.value) {}
  ~RunningServer() override { Stop(); }

  Status Build() {
    VIGIL_RETURN_IF_ERROR(lock_.Take(config_.state_dir));
    VIGIL_RETURN_IF_ERROR(OpenStorage());
    VIGIL_RETURN_IF_ERROR(FetchModels());
    BuildRegistry();
    VIGIL_RETURN_IF_ERROR(registry_->Restore());
    VIGIL_RETURN_IF_ERROR(AddModels());
    VIGIL_RETURN_IF_ERROR(BuildLoop());
    RemoveUnusedSnapshots(*registry_, config_.models, *snapshots_);
    VIGIL_RETURN_IF_ERROR(StartHttp());
    loop_->Start();
    registry_->LoadWhenIdle();
    for (const auto& watch : watches_) watch->Start();
    return absl::OkStatus();
  }

  StatusOr<SettingsChange> Reload(const ServerConfig& given) override {
    ServerConfig next = given;
    VIGIL_RETURN_IF_ERROR(ResolveAsBefore(&next.models));
    VIGIL_RETURN_IF_ERROR(ExpandRepositories(&next.models));
    for (const ModelConfig& model : next.models) {  // rules name columns, which only a loaded model tells
      if (config_.registry.on_demand && !model.columns.empty()) registry_->Load(model.name).IgnoreError();
    }
    SettingsChange change = CompareSettings(in_force_, next.effective.value);
    std::vector<std::pair<const ModelConfig*, std::shared_ptr<const Schema>>> models;
    const auto snapshot = registry_->snapshot().Load();
    for (const ModelConfig& model : next.models) {
      const auto served = snapshot->models.find(model.name);
      if (served == snapshot->models.end() || served->second->champion == nullptr) continue;  // added: at the next start
      VIGIL_ASSIGN_OR_RETURN(std::shared_ptr<const Schema> schema,
                             SchemaFromRules(served->second->champion->loaded->table(), model.columns, model.name));
      models.emplace_back(&model, std::move(schema));
    }
    if (change.live.empty()) return change;
    // From here on only the catalog can fail, and what it refuses is not in force.
    for (const auto& [model, schema] : models) VIGIL_RETURN_IF_ERROR(registry_->SetSchema(model->name, schema, "configuration"));
    for (const ModelConfig& model : next.models) {
      if (snapshot->models.find(model.name) == snapshot->models.end()) continue;
      SetPolicies(model);
      VIGIL_RETURN_IF_ERROR(ApplyVersionLabels(*registry_, model));
    }
    for (const auto& [model, schema] : models) {
      std::lock_guard lock(sources_mutex_);
      if (const auto source = sources_.find(model->name); source != sources_.end()) source->second.columns = model->columns;
    }
    SetNotifiers(next);
    loop_->SetAlertRules(next.alert_rules);
    in_force_ = WithLiveSettings(in_force_, next.effective.value);
    journal_->Record("", "configuration.changed", "", absl::StrCat("configuration read again: ", absl::StrJoin(change.live, ", ")),
                     "SIGHUP");
    return change;
  }

  int http_port() const override { return http_->port(); }
  int grpc_port() const override { return http_->grpc_port(); }
  Operations& operations() override { return *operations_; }

  void Stop() override {
    if (stopped_) return;
    stopped_ = true;
    if (snapshots_ != nullptr) snapshots_->Stop();
    for (const auto& watch : watches_) watch->Stop();
    if (http_ != nullptr) http_->Drain();
    if (registry_ != nullptr) registry_->StopLoading();  // those that wait are answered on the loops, so they end first
    if (shared_ != nullptr) shared_->StopWorkers();
    pool_.reset();  // its tasks answer on the loops, so they end first
    http_.reset();
    if (loop_ != nullptr) loop_->Stop();
  }

 private:
  // Where the stream is, and where the control loop is in it; on a wall clock both are now.
  const Clock& stream_clock() const { return config_.event_clock ? static_cast<const Clock&>(event_clock_) : wall_clock_; }
  const Clock& control_clock() const { return config_.event_clock ? static_cast<const Clock&>(stepped_clock_) : wall_clock_; }

  Status OpenStorage() {
    VIGIL_ASSIGN_OR_RETURN(catalog_, OpenSqliteCatalog(config_.state_dir + "/catalog.db"));
    journal_ = std::make_unique<Journal>(*catalog_, control_clock());
    PredictionLogOptions options = config_.log;
    options.directory = config_.state_dir + "/log";
    VIGIL_ASSIGN_OR_RETURN(log_, PredictionLog::Open(options, stream_clock()));
    monitor_ = Monitor::Create(config_.monitor);
    return absl::OkStatus();
  }

  // What lies in stores is on this machine from here on: `path` is a snapshot's, `source` the address.
  Status FetchModels() {
    snapshots_ =
        std::make_unique<blobs::Snapshots>(config_.state_dir + "/models", config_.blobs, Environment(), wall_clock_, &OpenBlobStore);
    const size_t configured = config_.models.size();
    for (ModelConfig& model : base_paths_.Models()) config_.models.push_back(std::move(model));
    const std::map<std::string, std::string> last = LastFetched(*snapshots_, config_.models);
    VIGIL_RETURN_IF_ERROR(ResolveSources(*snapshots_, &config_.models, &fetched_, [this](const ModelConfig& model, const Status& why) {
      const std::string shown = blobs::Shown(model.path);
      LogWarning("store not reached, serving what was fetched last",
                 {{"model", model.name}, {"source", shown}, {"why", std::string(why.message())}});
      journal_->Record(model.name, "source.unreachable", shown,
                       absl::StrCat("served as last fetched, since the store cannot be read: ", std::string(why.message())), "vigil");
    }));
    config_.given.assign(config_.models.begin(), config_.models.begin() + static_cast<std::ptrdiff_t>(configured));
    std::vector<ModelConfig> all = config_.models;
    VIGIL_RETURN_IF_ERROR(ExpandRepositories(&config_.models));
    gone_ = GoneSince(last, all, config_.models);
    return absl::OkStatus();
  }

  // A configuration read again is held against what was fetched; what is new in it waits for the next start.
  Status ResolveAsBefore(std::vector<ModelConfig>* models) {
    std::lock_guard lock(sources_mutex_);
    std::erase_if(*models, [&](const ModelConfig& m) { return blobs::IsRemote(m.path) && fetched_.count(m.path) == 0; });
    for (ModelConfig& model : *models) {
      if (!blobs::IsRemote(model.path)) continue;
      model.source = model.path;
      model.path = fetched_.at(model.source).path;
    }
    return absl::OkStatus();
  }

  // A snapshot stays as long as a version that can be served is in it, or a source was last it.
  void BuildRegistry() {
    engines_ = std::make_unique<EngineFile>(config_.state_dir + "/engines", wall_clock_);
    loaders_ = MakeLoaders(config_.onnx, wall_clock_, &engines_->records());
    RegistryOptions options = config_.registry;
    options.default_model = config_.default_model;
    for (const ModelConfig& model : config_.models) {
      if (options.on_demand) break;  // what is loaded is loaded for requests there
      const auto versions = FindVersions(model);
      if (versions.ok()) options.loaded_per_model_max = std::max(options.loaded_per_model_max, versions->size() + 2);
    }
    registry_ = std::make_unique<Registry>(
        *catalog_, control_clock(), loaders_, [this](const ServedVersion& version) { return Attach(version); }, options);
  }

  // A loaded version becomes known to the log and the monitor before any request can reach it.
  StatusOr<uint32_t> Attach(const ServedVersion& version) {
    VIGIL_ASSIGN_OR_RETURN(const uint32_t number, log_->RegisterSchema(LogSchemaOf(version)));
    VIGIL_RETURN_IF_ERROR(monitor_->AddVersion(MonitoredVersionOf(version, number)));
    return number;
  }

  Status AddModels() {
    for (const ModelConfig& model : config_.models) sources_[model.name] = model;
    // Also without models here: somebody must let go of what was unloaded.
    if (config_.watch_us > 0) {
      const auto tick = [this] {
        RemoveVanished("watch");
        WithdrawGone("watch");
        registry_->Reap();
        engines_->Flush().IgnoreError();
      };
      watches_.push_back(std::make_unique<ModelWatch>([this] { return ListSources(); }, config_.watch_us,
                                                      [this](const std::string& name) { RefreshModel(name); }, tick));
    }
    // A thread each, so that a store that hangs holds up no other.
    for (const auto& [uri, snapshot] : fetched_) {
      if (config_.poll_us == 0) break;
      const WatchedSource source{uri, [this, uri = uri] { return LookAtStore(uri); }, snapshot.revision};
      watches_.push_back(std::make_unique<ModelWatch>([source] { return ModelWatch::Sources{source}; }, config_.poll_us,
                                                      [this](const std::string& name) { RefreshSource(name); }, [] {}));
    }
    RemoveVanished("command line");
    WithdrawGone("command line");
    if (config_.registry.on_demand) VIGIL_RETURN_IF_ERROR(DeclareModels());
    for (const ModelConfig& model : config_.models) {
      if (!config_.registry.on_demand) VIGIL_RETURN_IF_ERROR(AddModel(model, "command line"));
      VIGIL_RETURN_IF_ERROR(ApplyVersionLabels(*registry_, model));
    }
    return absl::OkStatus();
  }

  // Everything that is there, without loading it.
  Status DeclareModels() {
    std::vector<DeclaredVersion> declared;
    for (const ModelConfig& model : config_.models) VIGIL_RETURN_IF_ERROR(Declared(model, "command line", &declared));
    std::vector<std::string> names;
    for (const DeclaredVersion& one : declared) names.push_back(one.facts.model);
    size_t failed = 0;
    if (const Status status = registry_->Declare(std::move(declared), &failed); !status.ok()) {
      return Status(status.code(), absl::StrCat("model ", names[failed], ": ", std::string(status.message())));
    }
    LogInfo("models known, loaded on demand", {{"models", absl::StrCat(config_.models.size())}});
    return absl::OkStatus();
  }

  Status Declared(const ModelConfig& model, const std::string& by, std::vector<DeclaredVersion>* declared) const {
    VIGIL_ASSIGN_OR_RETURN(const std::shared_ptr<const ReferenceProfile> reference, ReadProfileFile(model.reference));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<SourceVersion> versions, FindVersions(model));
    for (size_t i = 0; i < versions.size(); ++i) {
      DeclaredVersion one;
      one.facts = FactsOf(model, versions[i], by);
      if (model.columns.empty()) one.file = ModelFile(versions[i].path);
      VIGIL_ASSIGN_OR_RETURN(one.schema, ReadSchema(model, versions[i].path));
      one.reference = reference;
      one.make_champion = one.take_over = i == 0;
      declared->push_back(std::move(one));
    }
    return absl::OkStatus();
  }

  VersionFacts FactsOf(const ModelConfig& model, const SourceVersion& source, const std::string& by) const {
    VersionFacts facts;
    facts.model = model.name;
    facts.version = source.version;
    facts.uri = source.path;  // the registry makes a file's path absolute
    facts.created = wall_clock_.NowUs();
    facts.created_by = by;
    facts.trigger = "manual";
    return facts;
  }

  // What there is to watch: the models of the configuration, with those that repositories have got meanwhile and without those that have
  // gone from them. What cannot be read now is no change.
  ModelWatch::Sources ListSources() {
    std::vector<ModelConfig> now = config_.given;
    for (ModelConfig& model : base_paths_.Models()) now.push_back(std::move(model));
    std::erase_if(now,
                  [](const ModelConfig& m) { return !m.source.empty() || blobs::IsRemote(m.path); });  // stores have watches of their own
    const Status expanded = ExpandRepositories(&now);
    ModelWatch::Sources watched;
    std::lock_guard lock(sources_mutex_);
    if (expanded.ok()) {
      ReplaceLocal(std::move(now), &sources_);
    } else if (expanded.message() != expand_failure_) {
      LogWarning("repository not read, its models stay as they are", {{"why", std::string(expanded.message())}});
    }
    expand_failure_ = std::string(expanded.message());
    for (const auto& [name, model] : sources_) {
      if (model.source.empty()) watched.push_back({name, [path = model.path] { return SourceFingerprint(path); }, std::nullopt});
    }
    return watched;
  }

  // Models that came from a repository and are not in it any more. One look is enough: names vanish at once, unlike contents.
  void RemoveVanished(const std::string& by) {
    std::vector<std::string> folders;
    std::set<std::string> present;
    {
      std::lock_guard lock(sources_mutex_);
      if (!expand_failure_.empty()) return;
      for (const auto& [name, model] : sources_) present.insert(name);
    }
    for (const ModelConfig& model : config_.given) {
      if (model.source.empty() && HoldsModels(model.path)) folders.push_back(FolderOf(model.path));
    }
    if (folders.empty()) return;
    for (const std::string& name : registry_->Models()) {
      if (present.count(name) != 0) continue;
      const auto versions = registry_->Versions(name);
      const bool came_from_one = versions.ok() && std::any_of(versions->begin(), versions->end(), [&](const VersionRecord& version) {
                                   return std::any_of(folders.begin(), folders.end(),
                                                      [&](const std::string& folder) { return version.facts.uri.starts_with(folder); });
                                 });
      if (!came_from_one) continue;
      Withdraw(name, by);
    }
  }

  // False: to be tried again.
  bool Withdraw(const std::string& name, const std::string& by) {
    const Status removed = registry_->Remove(name, by, "its files are gone from the repository");
    if (removed.ok()) LogInfo("model removed: its files are gone", {{"model", name}});
    if (removed.ok() || absl::IsNotFound(removed)) return true;  // one that never loaded is not known
    LogWarning("model not removed", {{"model", name}, {"why", std::string(removed.message())}});
    return false;
  }

  void WithdrawGone(const std::string& by) {
    std::lock_guard lock(gone_mutex_);
    std::erase_if(gone_, [&](const std::string& name) { return Withdraw(name, by); });
  }

  // Rules name columns, so only a model that has rules is looked into before it is registered.
  StatusOr<std::shared_ptr<const Schema>> ReadSchema(const ModelConfig& model, const std::string& path) const {
    if (model.columns.empty()) return std::shared_ptr<const Schema>();
    LoadOptions options;
    options.self_check = false;
    VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> probe, LoadModel(loaders_, path, options));
    return SchemaFromRules(probe->table(), model.columns, model.name);
  }

  // Everything that the model's source serves now. Of several versions those that load are served; the newest of them is the one that
  // may take over.
  Status AddModel(const ModelConfig& model, const std::string& by) {
    VIGIL_ASSIGN_OR_RETURN(const std::shared_ptr<const ReferenceProfile> reference, ReadProfileFile(model.reference));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<SourceVersion> versions, FindVersions(model));
    const auto role = registry_->GetRole(model.name, Role::kChampion);
    const std::string former = role.ok() ? role->version : "";
    Status failed;
    bool served = false;
    for (const SourceVersion& version : versions) {
      const Status added = AddVersion(model, version, reference, by, !served);
      served |= added.ok();
      if (added.ok()) continue;
      failed = added;
      const std::string what = version.version.empty() ? version.path : absl::StrCat("version ", version.version);
      LogWarning("version not served", {{"model", model.name}, {"what", what}, {"why", std::string(added.message())}});
      journal_->Record(model.name, "model.load_failed", version.version,
                       absl::StrCat(what, " could not be loaded: ", std::string(added.message())), by);
    }
    if (!served) {
      // A champion of before goes on serving; a file that does not load is refused as it would be alone.
      const auto snapshot = registry_->snapshot().Load();
      const auto now = snapshot->models.find(model.name);
      const bool goes_on = !versions[0].version.empty() && now != snapshot->models.end() && now->second->champion != nullptr;
      return goes_on ? absl::OkStatus() : failed;
    }
    UnloadOthers(model, versions, former);
    return absl::OkStatus();
  }

  // An artefact that the catalog knows keeps its roles as they are (a retrained champion stays champion); a new one takes over, since
  // somebody put it there.
  Status AddVersion(const ModelConfig& model, const SourceVersion& source, const std::shared_ptr<const ReferenceProfile>& reference,
                    const std::string& by, bool may_take_over) {
    const auto known = registry_->Versions(model.name);
    VIGIL_ASSIGN_OR_RETURN(const std::shared_ptr<const Schema> schema, ReadSchema(model, source.path));
    const VersionFacts facts = FactsOf(model, source, by);
    VIGIL_ASSIGN_OR_RETURN(const auto version, registry_->Register(facts, LoadOptions{}, schema, reference, may_take_over));
    // Column rules are the model's, so a retrained champion is held to what the configuration says now.
    VIGIL_RETURN_IF_ERROR(registry_->SetSchema(model.name, schema, "configuration"));
    const bool seen = known.ok() && std::any_of(known->begin(), known->end(),
                                                [&](const VersionRecord& v) { return v.facts.version == version->facts.version; });
    if (may_take_over && !seen && known.ok() && !known->empty()) {
      VIGIL_RETURN_IF_ERROR(registry_
                                ->SetRole(model.name, Role::kChampion, version->facts.version, CatalogWrite::kAnyEpoch, by,
                                          absl::StrCat("served from ", source.path))
                                .status());
    }
    LogInfo("model ready", {{"model", model.name}, {"version", version->facts.version}, {"engine", version->loaded->info().engine}});
    return absl::OkStatus();
  }

  // With a slash at its end; of a snapshot the part that each snapshot of a source has.
  std::string FolderOf(const std::string& path) const {
    std::string folder = std::filesystem::absolute(path).lexically_normal().string();
    if (snapshots_->Holds(folder)) folder = snapshots_->Within(folder);
    if (!folder.ends_with('/')) folder += '/';
    return folder;
  }

  // Versions of a numbered folder that its policy no longer chooses leave the memory, but for the former champion, which a rollback wants,
  // and those that have a role or traffic.
  void UnloadOthers(const ModelConfig& model, const std::vector<SourceVersion>& versions, const std::string& former) {
    if (versions[0].version.empty()) return;
    const auto known = registry_->Versions(model.name);
    if (!known.ok()) return;
    const std::string folder = FolderOf(model.path);
    for (const VersionRecord& record : *known) {
      const bool chosen =
          std::any_of(versions.begin(), versions.end(), [&](const SourceVersion& v) { return v.version == record.facts.version; });
      if (!record.loaded || chosen || record.facts.version == former || !FolderOf(record.facts.uri).starts_with(folder)) continue;
      if (registry_->Unload(model.name, record.facts.version).ok()) {
        LogInfo("version unloaded: no longer chosen", {{"model", model.name}, {"version", record.facts.version}});
      }
    }
  }

  // What a source holds now.
  Status Refresh(const ModelConfig& model, const std::string& by = "watch") {
    if (config_.registry.on_demand) {
      std::vector<DeclaredVersion> declared;
      VIGIL_RETURN_IF_ERROR(Declared(model, by, &declared));
      VIGIL_RETURN_IF_ERROR(registry_->Declare(std::move(declared)));
    } else {
      VIGIL_RETURN_IF_ERROR(AddModel(model, by));
    }
    return ApplyVersionLabels(*registry_, model);
  }

  // A base path whose entry is new or has changed. The versions that its policy chooses are those that serve, the newest by default.
  Status ServeBasePath(const ModelConfig& model, const std::string& by) {
    {
      std::lock_guard lock(sources_mutex_);
      sources_[model.name] = model;
    }
    VIGIL_ASSIGN_OR_RETURN(const std::vector<SourceVersion> versions, FindVersions(model));
    Status served = Refresh(model, by);
    const auto role = registry_->GetRole(model.name, Role::kChampion);
    if (!role.ok() || versions[0].version.empty()) return served;
    SetPolicies(model);
    const bool chosen = std::any_of(versions.begin(), versions.end(), [&](const SourceVersion& v) { return v.version == role->version; });
    const auto champion = registry_->Version(model.name, role->version);
    const bool is_retrained = champion.ok() && !FolderOf(champion->facts.uri).starts_with(FolderOf(model.path));
    if (chosen || is_retrained) return served;
    VIGIL_RETURN_IF_ERROR(registry_
                              ->SetRole(model.name, Role::kChampion, versions[0].version, CatalogWrite::kAnyEpoch, by,
                                        absl::StrCat("the version policy is ", model.versions.empty() ? "latest" : model.versions))
                              .status());
    if (!config_.registry.on_demand) UnloadOthers(model, versions, "");
    return served;
  }

  Status ServeBasePaths(const std::vector<BasePathModel>& models, const std::string& by) {
    const auto is_configured = [this](const std::string& name) {
      const auto listed = base_paths_.Models();
      const auto has = [&](const std::vector<ModelConfig>& in) {
        return std::any_of(in.begin(), in.end(), [&](const ModelConfig& m) { return m.name == name; });
      };
      std::lock_guard lock(sources_mutex_);
      return !has(listed) && (has(config_.models) || sources_.count(name) != 0);
    };
    const auto remove = [this](const std::string& name, const std::string& who) {
      {
        std::lock_guard lock(sources_mutex_);
        sources_.erase(name);
      }
      const Status removed = registry_->Remove(name, who, "not in the list of models any more");
      return absl::IsNotFound(removed) ? absl::OkStatus() : removed;  // it never could be served
    };
    return base_paths_.Change(
        models, by, {is_configured, [this](const ModelConfig& m, const std::string& who) { return ServeBasePath(m, who); }, remove});
  }

  // On the watch's thread. What fails is told and leaves serving as it is.
  void RefreshModel(const std::string& name) {
    ModelConfig model;
    {
      std::lock_guard lock(sources_mutex_);
      model = sources_.at(name);
    }
    const bool is_new = !registry_->GetRole(name, Role::kChampion).ok();
    if (const Status added = Refresh(model); added.ok()) {
      if (is_new) SetPolicies(model);
    } else {
      LogWarning("changed model not served, the old one stays", {{"model", name}, {"why", std::string(added.message())}});
    }
  }

  // 0 when the store does not answer, told once until it does again.
  uint64_t LookAtStore(const std::string& uri) {
    const StatusOr<uint64_t> revision = snapshots_->Look(uri);
    std::lock_guard lock(sources_mutex_);
    const bool was_lost = lost_.count(uri) != 0;
    if (revision.ok() == !was_lost || absl::IsCancelled(revision.status())) return revision.value_or(0);
    const std::string shown = blobs::Shown(uri), why(revision.status().message());
    if (revision.ok()) {
      lost_.erase(uri);
      LogInfo("source can be read again", {{"source", shown}});
      journal_->Record("", "source.reachable", shown, absl::StrCat(shown, " can be read again"), "watch");
    } else {
      lost_.insert(uri);
      LogWarning("source cannot be read, what is served stays", {{"source", shown}, {"why", why}});
      journal_->Record("", "source.unreachable", shown, absl::StrCat("source cannot be read, what is served stays: ", why), "watch");
    }
    return revision.value_or(0);
  }

  // On a store's watch's thread: every model of the source, those that are new in it and those that are gone from it. A source that cannot
  // be read whole leaves all of them as they are.
  void RefreshSource(const std::string& uri) {
    std::vector<ModelConfig> given = config_.given;
    const auto entry = std::find_if(given.begin(), given.end(), [&](const ModelConfig& model) { return model.source == uri; });
    const StatusOr<blobs::Snapshot> snapshot = snapshots_->Fetch(uri, entry->sha256);
    if (absl::IsCancelled(snapshot.status())) return;
    SourceModels models;
    Status read = snapshot.status();
    {
      std::lock_guard lock(sources_mutex_);
      if (snapshot.ok()) {
        StatusOr<SourceModels> expanded = ExpandSource(std::move(given), uri, snapshot->path, sources_);
        read = expanded.status();
        if (expanded.ok()) models = *std::move(expanded);
      }
      if (read.ok()) {
        for (const std::string& name : models.gone) sources_.erase(name);
        std::lock_guard gone_lock(gone_mutex_);
        for (const ModelConfig& model : models.now) std::erase(gone_, model.name);
        gone_.insert(gone_.end(), models.gone.begin(), models.gone.end());
        for (const ModelConfig& model : models.now) sources_[model.name] = model;
        fetched_[uri] = *snapshot;
      }
    }
    if (!read.ok()) {
      const std::string shown = blobs::Shown(uri), why(read.message());
      journal_->Record("", "source.unreadable", shown, absl::StrCat("changed, and its models stay as they are: ", why), "watch");
      LogWarning("changed source not served, its models stay as they are", {{"source", shown}, {"why", why}});
    }
    for (const ModelConfig& model : models.now) RefreshModel(model.name);
    WithdrawGone("watch");
    RemoveUnusedSnapshots(*registry_, config_.models, *snapshots_);
  }

  StatusOr<LocalOperationsParts::Artefact> FetchArtefact(const std::string& uri) {
    VIGIL_ASSIGN_OR_RETURN(ResolvedPlace place, ResolvePlace(*snapshots_, uri));
    return LocalOperationsParts::Artefact{std::move(place.path), std::move(place.pin)};
  }

  static std::unique_ptr<Notifier> MakeWebhook(const std::string& url, const std::string& external_url) {
    const size_t slash = url.find('/', url.find("://") + 3);
    WebhookOptions options;
    options.receiver = url;
    options.target = slash == std::string::npos ? "/" : url.substr(slash);
    options.external_url = external_url;
    return std::make_unique<WebhookNotifier>(options, net::HttpClient::Create(url.substr(0, slash)));
  }

  // A webhook that stays keeps what it has still to send.
  void SetNotifiers(const ServerConfig& config) {
    std::vector<std::unique_ptr<Notifier>> former;  // ended after the lock is let go: a notifier may be waiting for its receiver
    std::lock_guard lock(notifiers_mutex_);
    former.swap(notifiers_);
    const bool same_url = config.external_url == external_url_;
    external_url_ = config.external_url;
    notifiers_.push_back(std::make_unique<LogNotifier>(
        [](Severity severity, std::string_view line) { Log(severity == Severity::kInfo ? LogLevel::kInfo : LogLevel::kWarning, line); }));
    for (const std::string& url : config.webhooks) {
      const auto kept = std::find_if(former.begin(), former.end(), [&](const auto& n) { return n != nullptr && n->name() == url; });
      notifiers_.push_back(same_url && kept != former.end() ? std::move(*kept) : MakeWebhook(url, config.external_url));
    }
  }

  void SetPolicies(const ModelConfig& model) {
    retraining_->SetPolicy(model.name, model.policy);
    loop_->SetRolloutOptions(model.name, model.policy.rollout, model.policy.rollout_automatic);
  }

  Status BuildLoop() {
    SetNotifiers(config_);
    RetrainingService::Options retraining;
    retraining.directory = config_.state_dir + "/jobs";
    retraining.trainer = {ProgramPath(), "train"};
    retraining_ = std::make_unique<RetrainingService>(*registry_, *log_, *catalog_, *journal_, loaders_, retraining);
    rollouts_ = std::make_unique<RolloutService>(*registry_, *log_, *catalog_, *journal_, stream_clock(), RolloutService::Options{});
    alerts_ = std::make_unique<AlertEngine>(config_.alert_rules);
    ControlLoopOptions options;
    options.wait_for_jobs = config_.event_clock;
    options.state_file = config_.state_dir + "/monitor.state";
    loop_ = std::make_unique<ControlLoop>(
        *monitor_, *alerts_, *retraining_, *rollouts_, *log_, *catalog_, *journal_, stream_clock(),
        config_.event_clock ? &stepped_clock_ : nullptr,
        [this](const std::vector<Alert>& group, bool resolved) {
          std::lock_guard lock(notifiers_mutex_);
          for (const auto& notifier : notifiers_) {
            if (const Status sent = notifier->Notify(group, resolved); !sent.ok()) {
              LogWarning("notification refused", {{"notifier", std::string(notifier->name())}, {"why", std::string(sent.message())}});
            }
          }
        },
        options);
    for (const ModelConfig& model : config_.models) SetPolicies(model);
    VIGIL_RETURN_IF_ERROR(retraining_->Restore());
    VIGIL_RETURN_IF_ERROR(rollouts_->Restore());
    return loop_->Restore();
  }

  Status StartHttp() {
    operations_ = NewLocalOperations(LocalOperationsParts{
        *registry_, config_.log_enabled ? log_.get() : nullptr, *monitor_, *catalog_, *loop_, *retraining_, *rollouts_, *journal_,
        wall_clock_, control_clock(), stream_clock(), config_.event_clock, [this](const std::string& uri) { return FetchArtefact(uri); },
        [this] { return PipelineTotals(); }, [this] { return http_ == nullptr ? net::ServerCounters{} : http_->counters(); },
        [] { return MemoryLeftBytes(); },
        [this](const std::vector<BasePathModel>& models, const std::string& by) { return ServeBasePaths(models, by); }});
    AddMetricSources(metrics_, *operations_, *loop_);
    pool_ = std::make_unique<OffloadPool>(OffloadOptions{});
    RestOptions options;
    options.version = VIGIL_VERSION;
    options.load_wait_ms_max = config_.load_wait_us / 1000;
    options.vertex = config_.vertex;
    options.seed = static_cast<uint64_t>(wall_clock_.NowUs()) ^ (static_cast<uint64_t>(getpid()) << 40);
    shared_ = std::make_unique<RestShared>(*operations_, *pool_, metrics_, wall_clock_, options);
    VIGIL_ASSIGN_OR_RETURN(descriptors_, DescriptorIndex::Read(kGrpcDescriptorSet));
    VIGIL_ASSIGN_OR_RETURN(http_, net::HttpServer::Start(config_.net, MakeFrontendFactory(*shared_, descriptors_, [this](net::EventLoop&) {
                                                           return MakePredict();
                                                         })));
    return absl::OkStatus();
  }

  std::unique_ptr<PredictService> MakePredict() {
    PipelineOptions options;
    options.log = config_.log_enabled;
    options.event_clock = config_.event_clock;
    auto pipeline = std::make_unique<Pipeline>(*registry_, config_.log_enabled ? log_.get() : nullptr, monitor_.get(), wall_clock_,
                                               config_.event_clock ? &event_clock_ : nullptr, options);
    auto service = NewPredictService(*registry_, std::move(pipeline));
    std::lock_guard lock(predict_mutex_);
    predict_.push_back(service.get());
    return service;
  }

  PipelineCounters PipelineTotals() {
    PipelineCounters total;
    std::lock_guard lock(predict_mutex_);
    if (stopped_) return total;
    for (const PredictService* service : predict_) AddCounters(service->counters(), &total);
    return total;
  }

  ServerConfig config_;  // as it was at the start; constant from FetchModels on
  BasePathList base_paths_{config_.base_paths};
  Json in_force_;  // its settings with what Reload took over
  bool stopped_ = false;
  StateLock lock_;
  SystemClock wall_clock_;
  EventClock event_clock_;
  SteppedClock stepped_clock_{event_clock_};
  Metrics metrics_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<PredictionLog> log_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<EngineFile> engines_;
  std::vector<std::unique_ptr<ModelLoader>> loaders_;
  std::unique_ptr<blobs::Snapshots> snapshots_;
  std::unique_ptr<Registry> registry_;
  std::mutex notifiers_mutex_;
  std::vector<std::unique_ptr<Notifier>> notifiers_;  // guarded by notifiers_mutex_; they only enqueue
  std::string external_url_;                          // theirs
  std::unique_ptr<RetrainingService> retraining_;
  std::unique_ptr<RolloutService> rollouts_;
  std::unique_ptr<AlertEngine> alerts_;
  std::unique_ptr<ControlLoop> loop_;
  std::unique_ptr<Operations> operations_;
  std::unique_ptr<OffloadPool> pool_;
  std::unique_ptr<RestShared> shared_;
  DescriptorIndex descriptors_;
  std::mutex predict_mutex_;
  std::vector<const PredictService*> predict_;  // one a loop, owned by its handler
  std::unique_ptr<net::HttpServer> http_;
  std::mutex sources_mutex_;
  std::map<std::string, ModelConfig> sources_;      // as the watch loads them; guarded by sources_mutex_
  std::string expand_failure_;                      // why repositories could not be read last; empty: they could; likewise guarded
  std::map<std::string, blobs::Snapshot> fetched_;  // by address; guarded by sources_mutex_
  std::mutex gone_mutex_;
  std::vector<std::string> gone_;                     // models that left their stores and are not withdrawn yet; guarded by gone_mutex_
  std::set<std::string> lost_;                        // addresses whose store did not answer; guarded by sources_mutex_
  std::vector<std::unique_ptr<ModelWatch>> watches_;  // last: their threads use the rest
};

Status WritePortFile(const std::string& path, const Server& server) {
  return WriteFileAtomically(
      path, absl::StrCat("{\"pid\":", getpid(), ",\"http\":", server.http_port(), ",\"grpc\":", server.grpc_port(), "}\n"));
}

}  // namespace

StatusOr<std::unique_ptr<Server>> Server::Start(const ServerConfig& config) {
  auto server = std::make_unique<RunningServer>(config);
  VIGIL_RETURN_IF_ERROR(server->Build());
  if (!config.port_file.empty()) VIGIL_RETURN_IF_ERROR(WritePortFile(config.port_file, *server));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace vigil
