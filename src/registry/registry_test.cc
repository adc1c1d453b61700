#include "registry/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/paths.h"
#include "registry/registry_catalog.h"
#include "registry/testing/sum_model.h"
#include "storage/testing/fake_catalog.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Message(const Status& status) { return std::string(status.message()); }

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() : loaders_(testing::SumLoaders(behaviour_)) {
    Start();
    for (int i = 1; i <= 9; ++i) testing::WriteSumModel(File(i), static_cast<float>(i));
  }
  std::string File(int i) { return dir_.file("m" + std::to_string(i) + ".sum"); }
  void Start() {
    registry_ = std::make_unique<Registry>(
        catalog_, clock_, loaders_,
        [this](const ServedVersion& version) -> StatusOr<uint32_t> {
          if (!registrar_failure_.ok()) return registrar_failure_;
          return 100 + version.slot;
        },
        options_);
  }
  void Restart() {
    registry_.reset();
    Start();
    ASSERT_TRUE(registry_->Restore().ok());
  }
  StatusOr<std::shared_ptr<const ServedVersion>> Add(int i, bool make_champion = false, const std::string& version = "") {
    VersionFacts facts;
    facts.model = "fraud";
    facts.version = version;
    facts.uri = File(i);
    facts.created_by = "test";
    return registry_->Register(facts, LoadOptions{}, nullptr, nullptr, make_champion);
  }
  std::shared_ptr<const ServedModel> Model() { return registry_->snapshot().Load()->models.at("fraud"); }
  std::vector<std::string> Loaded() {
    std::vector<std::string> names;
    for (const auto& entry : Model()->versions) names.push_back(entry.first);
    return names;
  }
  std::string Champion() { return Model()->champion == nullptr ? "none" : Model()->champion->facts.version; }
  std::vector<std::string> Kinds(size_t limit) {
    std::vector<std::string> kinds;
    const auto events = catalog_.Timeline("fraud", 0, limit);
    for (const TimelineEvent& event : events.value()) kinds.push_back(event.kind + " " + event.subject);
    return kinds;
  }
  TimelineEvent LastEvent() {
    const auto events = catalog_.Timeline("fraud", 0, 1);
    return events.value().at(0);
  }

  testing::TempDir dir_;
  testing::SumBehaviour behaviour_;
  testing::FakeCatalog catalog_;
  FakeClock clock_{1'000'000};
  std::vector<std::unique_ptr<ModelLoader>> loaders_;
  RegistryOptions options_;
  Status registrar_failure_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(RegistryTest, TheFirstVersionIsNumberedRegisteredAndChampion) {
  const auto version = Add(1, true);
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ((*version)->facts.version, "1");
  EXPECT_EQ((*version)->facts.format, "sum");
  EXPECT_EQ((*version)->facts.digest.size(), 64u);
  EXPECT_EQ((*version)->facts.created, 1'000'000);
  EXPECT_EQ((*version)->log_schema, 100 + (*version)->slot);
  EXPECT_EQ(Champion(), "1");
  EXPECT_EQ(Model()->plan.epoch, registry_->GetRole("fraud", Role::kChampion)->epoch);
  EXPECT_THAT(Kinds(9), ElementsAre("role.changed 1", "model.registered 1"));
  EXPECT_EQ((*registry_->Version("fraud", "1")).state, VersionState::kRegistered);
  EXPECT_THAT(registry_->Models(), ElementsAre("fraud"));
}

TEST_F(RegistryTest, WithoutMakeChampionTheModelIsThereButNotReady) {
  ASSERT_TRUE(Add(1).ok());
  EXPECT_EQ(Champion(), "none");
  EXPECT_EQ(registry_->GetRole("fraud", Role::kChampion).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RegistryTest, TheSameDigestIsTheSameVersionAndAnotherDigestIsRefused) {
  ASSERT_TRUE(Add(1, true).ok());
  const auto again = Add(1, true);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->facts.version, "1");
  EXPECT_EQ((*again)->slot, 0u);
  EXPECT_EQ(registry_->Versions("fraud")->size(), 1u);
  const Status other = Add(2, false, "1").status();
  EXPECT_EQ(other.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(Message(other), HasSubstr("another artefact"));
  EXPECT_EQ((*Add(2))->facts.version, "2");
  EXPECT_EQ((*Add(3, false, "2018-07"))->facts.version, "2018-07");
  EXPECT_EQ((*Add(4))->facts.version, "3");
  EXPECT_EQ(behaviour_.models_alive, 4);
}

TEST_F(RegistryTest, AMovedArtefactIsFoundWhereItIsNow) {
  ASSERT_TRUE(Add(1, true).ok());
  testing::WriteSumModel(dir_.file("moved.sum"), 1);
  VersionFacts facts;
  facts.model = "fraud";
  facts.uri = dir_.file("moved.sum");
  ASSERT_TRUE(registry_->Register(facts, LoadOptions{}, nullptr, nullptr, true).ok());
  std::filesystem::remove(File(1));
  Restart();
  EXPECT_EQ(Champion(), "1");
  EXPECT_EQ(registry_->Version("fraud", "1")->facts.uri, dir_.file("moved.sum"));
}

TEST_F(RegistryTest, AFailedLoadNeverReplacesAGoodOne) {
  ASSERT_TRUE(Add(1, true).ok());
  const auto before = registry_->snapshot().Load();
  std::ofstream(File(2)) << "sum broken";
  EXPECT_EQ(Add(2, true).status().code(), absl::StatusCode::kInvalidArgument);
  registrar_failure_ = absl::UnavailableError("no log");
  EXPECT_EQ(Add(3, true).status().code(), absl::StatusCode::kUnavailable);
  registrar_failure_ = absl::OkStatus();
  catalog_.FailWith(absl::ResourceExhaustedError("disk full"));
  EXPECT_EQ(Add(3, true).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(registry_->snapshot().Load(), before);
  EXPECT_EQ(behaviour_.models_alive, 1);
  catalog_.FailWith(absl::OkStatus());
  EXPECT_EQ((*Add(3))->facts.version, "2");
}

TEST_F(RegistryTest, NamesThatCannotBeKeysOrFoldersAreRefused) {
  for (const char* name : {"", "a/b", "..", "a b", "x%2f", "q?"}) {
    VersionFacts facts;
    facts.model = name;
    facts.uri = File(1);
    EXPECT_EQ(registry_->Register(facts, LoadOptions{}, nullptr, nullptr, true).status().code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
  VersionFacts remote;
  remote.model = "m";
  remote.uri = "s3://bucket/model.json";
  EXPECT_EQ(registry_->Register(remote, LoadOptions{}, nullptr, nullptr, true).status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(RegistryTest, PromotionIsACompareAndSetThatKeepsTheFormerChampionWarm) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  const int64_t epoch = registry_->GetRole("fraud", Role::kChampion)->epoch;
  const Status stale = registry_->SetRole("fraud", Role::kChampion, "2", epoch + 1, "me", "").status();
  EXPECT_EQ(stale.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Champion(), "1");
  const auto set = registry_->SetRole("fraud", Role::kChampion, "2", epoch, "me", "better");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->epoch, epoch + 1);
  EXPECT_EQ(set->by, "me");
  EXPECT_EQ(Champion(), "2");
  EXPECT_THAT(Loaded(), ElementsAre("1", "2"));
  EXPECT_EQ(registry_->SetRole("fraud", Role::kChampion, "1", epoch, "me", "").status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "")->epoch, epoch + 1)
      << "already so: nothing happens";
  const TimelineEvent event = LastEvent();
  EXPECT_EQ(event.summary, "version 2 is champion after 1: better");
  EXPECT_THAT(event.detail, HasSubstr("\"epoch\":2"));
}

TEST_F(RegistryTest, SomebodyElsesWriteToTheCatalogIsNeverOverwritten) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  catalog_.BeforeNextApply([this] {
    ASSERT_TRUE(
        catalog_.Apply({{kRoleKind, "fraud/champion", RoleToText({{"1", 0, 5, "them", ""}, {}}), CatalogWrite::kAnyEpoch}}, {}).ok());
  });
  EXPECT_EQ(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Champion(), "1");
}

TEST_F(RegistryTest, OnlyTheWarmFormerChampionStaysInMemory) {
  ASSERT_TRUE(Add(1, true).ok());
  for (int i = 2; i <= 4; ++i) {
    ASSERT_TRUE(Add(i).ok());
    ASSERT_TRUE(registry_->SetRole("fraud", Role::kChampion, std::to_string(i), Registry::kAnyEpoch, "me", "").ok());
  }
  EXPECT_THAT(Loaded(), ElementsAre("3", "4"));
  EXPECT_EQ(behaviour_.models_alive, 2);
}

TEST_F(RegistryTest, RollbackIsOneStepAndNeedsNoLoad) {
  ASSERT_TRUE(Add(1, true).ok());
  EXPECT_EQ(registry_->Rollback("fraud", "me", "").status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Add(2).ok());
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").ok());
  std::filesystem::remove(File(1));
  const int loads = behaviour_.loads;
  const auto back = registry_->Rollback("fraud", "me", "worse");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->version, "1");
  EXPECT_EQ(Champion(), "1");
  EXPECT_EQ(behaviour_.loads, loads);
  EXPECT_THAT(Loaded(), ElementsAre("1"));
  EXPECT_EQ(Kinds(1)[0], "role.rolled_back 1");
  EXPECT_EQ(registry_->Rollback("fraud", "me", "").status().code(), absl::StatusCode::kFailedPrecondition) << "one step, not to and fro";
}

TEST_F(RegistryTest, RollbackPassesOverWhatWasRejectedSince) {
  options_.warm_previous_max = 2;
  Start();
  ASSERT_TRUE(Add(1, true).ok());
  for (int i = 2; i <= 3; ++i) {
    ASSERT_TRUE(Add(i).ok());
    ASSERT_TRUE(registry_->SetRole("fraud", Role::kChampion, std::to_string(i), Registry::kAnyEpoch, "me", "").ok());
  }
  ASSERT_TRUE(registry_->SetState("fraud", "2", VersionState::kRejected, "me", "leaks").ok());
  EXPECT_THAT(Loaded(), ElementsAre("1", "3"));
  EXPECT_EQ(registry_->Rollback("fraud", "me", "")->version, "1");
}

TEST_F(RegistryTest, PromotingTheChallengerTakesItsOtherRolesInOneTransaction) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kChallenger, "2", 0, "me", "").ok());
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kShadow, "2", 0, "me", "").ok());
  EXPECT_EQ(Model()->shadow->facts.version, "2");
  catalog_.BeforeNextApply([this] { catalog_.BeforeNextApply([] { ADD_FAILURE() << "a second transaction"; }); });
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").ok());
  catalog_.BeforeNextApply(nullptr);
  EXPECT_EQ(Model()->challenger, nullptr);
  EXPECT_EQ(Model()->shadow, nullptr);
  EXPECT_EQ(registry_->GetRole("fraud", Role::kShadow).status().code(), absl::StatusCode::kNotFound);
  // A cleared role counts on; 0 still means "nobody has it".
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kShadow, "1", 0, "me", "").ok());
  EXPECT_EQ(registry_->GetRole("fraud", Role::kShadow)->epoch, 3);
  EXPECT_EQ(registry_->SetRole("fraud", Role::kChallenger, "2", Registry::kAnyEpoch, "me", "").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(RegistryTest, AClearedRoleGivesItsMemoryBack) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  const int64_t epoch = registry_->SetRole("fraud", Role::kChallenger, "2", 0, "me", "")->epoch;
  EXPECT_EQ(registry_->ClearRole("fraud", Role::kChallenger, epoch + 1, "me", "").code(), absl::StatusCode::kAborted);
  ASSERT_TRUE(registry_->ClearRole("fraud", Role::kChallenger, epoch, "me", "").ok());
  EXPECT_TRUE(registry_->ClearRole("fraud", Role::kChallenger, Registry::kAnyEpoch, "me", "").ok());
  EXPECT_THAT(Loaded(), ElementsAre("1"));
  EXPECT_EQ(behaviour_.models_alive, 1);
  EXPECT_FALSE(registry_->Version("fraud", "2")->loaded);
  // Back by name, loading it.
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").ok());
  EXPECT_EQ(Champion(), "2");
}

TEST_F(RegistryTest, AFailedPromotionLeavesEverythingAsItWas) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  ASSERT_TRUE(registry_->Unload("fraud", "2").ok());
  catalog_.FailWith(absl::UnavailableError("disk"));
  EXPECT_EQ(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(Champion(), "1");
  EXPECT_EQ(behaviour_.models_alive, 1) << "what was loaded for it is given back";
  catalog_.FailWith(absl::OkStatus());
  testing::WriteSumModel(File(2), 77);  // another artefact under the same name
  const Status changed = registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").status();
  EXPECT_EQ(changed.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(changed), HasSubstr("as registered"));
  EXPECT_EQ(Champion(), "1");
}

TEST_F(RegistryTest, PlansAreBoundToTheChampionsEpoch) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  TrafficPlan plan = Model()->plan;
  plan.experiment = "r1";
  plan.salt = "r1";
  plan.arms = {{"2", "canary", 0, 0.1}, {"1", "champion", 0.1, 1}};
  ASSERT_TRUE(registry_->SetPlan("fraud", plan).ok());
  EXPECT_EQ(Model()->plan.arms.size(), 2u);
  EXPECT_EQ(Kinds(1)[0], "traffic.changed r1");
  catalog_.BeforeNextApply([] { ADD_FAILURE() << "the same plan again is no news"; });
  EXPECT_TRUE(registry_->SetPlan("fraud", plan).ok());
  catalog_.BeforeNextApply(nullptr);
  // Serving versions cannot be taken away.
  EXPECT_EQ(registry_->SetState("fraud", "2", VersionState::kRejected, "me", "").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(registry_->Unload("fraud", "2").code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").ok());
  EXPECT_TRUE(Model()->plan.arms.empty()) << "a new champion takes all traffic";
  EXPECT_EQ(registry_->SetPlan("fraud", plan).code(), absl::StatusCode::kAborted);
  plan.epoch = Model()->plan.epoch;
  EXPECT_TRUE(registry_->SetPlan("fraud", plan).ok());
  plan.arms[0].version = "7";
  EXPECT_EQ(registry_->SetPlan("fraud", plan).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RegistryTest, TrafficCanAlwaysBeWithdrawn) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  TrafficPlan plan = Model()->plan;
  plan.salt = "r1";
  plan.arms = {{"2", "canary", 0, 0.1}, {"1", "champion", 0.1, 1}};
  ASSERT_TRUE(registry_->SetPlan("fraud", plan).ok());
  catalog_.FailWith(absl::ResourceExhaustedError("disk full"));
  plan.arms = {{"2", "canary", 0, 0.5}, {"1", "champion", 0.5, 1}};
  EXPECT_FALSE(registry_->SetPlan("fraud", plan).ok());
  EXPECT_EQ(Model()->plan.arms[0].end, 0.1);
  plan.arms.clear();
  EXPECT_EQ(registry_->SetPlan("fraud", plan).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Model()->plan.arms.empty());
}

TEST_F(RegistryTest, StatesFollowTheirMachine) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  using S = VersionState;
  const auto set = [&](const char* version, S state) { return registry_->SetState("fraud", version, state, "me", "why").code(); };
  EXPECT_EQ(set("2", S::kValidating), absl::StatusCode::kOk);
  EXPECT_EQ(set("2", S::kValidating), absl::StatusCode::kOk);
  EXPECT_EQ(set("2", S::kUploading), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(set("2", S::kRejected), absl::StatusCode::kOk);
  EXPECT_FALSE(registry_->Version("fraud", "2")->loaded);
  EXPECT_EQ(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(set("2", S::kValidated), absl::StatusCode::kOk) << "a person may overrule the gate";
  EXPECT_EQ(set("1", S::kRetired), absl::StatusCode::kFailedPrecondition) << "the champion serves";
  EXPECT_EQ(set("2", S::kDeleted), absl::StatusCode::kOk);
  EXPECT_EQ(set("2", S::kRegistered), absl::StatusCode::kFailedPrecondition);
  // The tombstone stays: its number is never given again, and the same artefact is a new version.
  Restart();
  EXPECT_EQ(registry_->Version("fraud", "2")->state, S::kDeleted);
  EXPECT_EQ((*Add(2))->facts.version, "3");
  EXPECT_EQ(Add(5, false, "2").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Add(2, false, "2").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RegistryTest, ARestartRestoresRolesAndTheWarmFormerChampion) {
  ASSERT_TRUE(Add(1, true).ok());
  for (int i = 2; i <= 5; ++i) ASSERT_TRUE(Add(i).ok());
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").ok());
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kChallenger, "3", 0, "me", "").ok());
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kShadow, "4", 0, "me", "").ok());
  const RoleAssignment champion = *registry_->GetRole("fraud", Role::kChampion);
  Restart();
  EXPECT_THAT(Loaded(), ElementsAre("1", "2", "3", "4"));
  EXPECT_EQ(Model()->champion->facts.version, "2");
  EXPECT_EQ(Model()->challenger->facts.version, "3");
  EXPECT_EQ(Model()->shadow->facts.version, "4");
  EXPECT_EQ(registry_->GetRole("fraud", Role::kChampion)->epoch, champion.epoch);
  EXPECT_EQ(registry_->GetRole("fraud", Role::kChampion)->since, champion.since);
  EXPECT_EQ(Model()->plan.epoch, champion.epoch);
  EXPECT_EQ(registry_->Rollback("fraud", "me", "")->version, "1");
}

TEST_F(RegistryTest, VersionsKeepTheirOrderWhateverClockDatedThem) {
  const char* const numbers[] = {"8", "9", "10", "11"};
  for (int i = 0; i < 4; ++i) {
    VersionFacts facts;
    facts.model = "fraud";
    facts.version = numbers[i];
    facts.uri = File(i + 1);
    facts.created = 1000 - i;  // such as event time after a first version dated by the wall clock
    ASSERT_TRUE(registry_->Register(facts, LoadOptions{}, nullptr, nullptr, false).ok());
  }
  Restart();
  std::vector<std::string> order;
  const auto records = registry_->Versions("fraud");
  for (const VersionRecord& record : records.value()) order.push_back(record.facts.version);
  EXPECT_THAT(order, ElementsAre("8", "9", "10", "11"));
}

TEST_F(RegistryTest, ABrokenChampionIsReportedAtStartAndReplacedByTheNextRegistration) {
  ASSERT_TRUE(Add(1, true).ok());
  testing::WriteSumModel(File(1), 42);
  Restart();
  EXPECT_EQ(Champion(), "none");
  EXPECT_EQ(Kinds(1)[0], "model.load_failed 1");
  EXPECT_EQ(registry_->Load("fraud").code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Add(1, true).ok());
  EXPECT_EQ(Champion(), "2");
  EXPECT_THAT(LastEvent().summary, HasSubstr("champion 1 does not load"));
}

TEST_F(RegistryTest, SchemaAndReferenceAreKeptAndMayBeReplaced) {
  auto schema = std::make_shared<Schema>();
  schema->columns.resize(2);
  schema->columns[0].name = "a";
  schema->columns[0].minimum = 0;
  schema->columns[1].name = "b";
  auto reference = std::make_shared<ReferenceProfile>();
  reference->rows = 5;
  reference->columns.resize(2);
  reference->columns[0].name = "a";
  reference->columns[1].name = "b";
  for (ColumnProfile& column : reference->columns) column.counts = {5};
  reference->columns[1].variation = 0.25;
  reference->columns[1].missing_high = 0.125;
  reference->outlier_threshold = 12.5;
  reference->outlier_high = 0.01;
  VersionFacts facts;
  facts.model = "fraud";
  facts.uri = File(1);
  const auto first = registry_->Register(facts, LoadOptions{}, schema, reference, true);
  ASSERT_TRUE(first.ok()) << first.status();
  Restart();
  ASSERT_NE(Model()->champion->schema, nullptr);
  EXPECT_EQ(Model()->champion->schema->columns[0].minimum, 0.0);
  EXPECT_EQ(Model()->champion->reference->rows, 5);
  EXPECT_EQ(Model()->champion->reference->columns[1].variation, 0.25) << "what drift must exceed";
  EXPECT_EQ(Model()->champion->reference->columns[1].missing_high, 0.125);
  EXPECT_EQ(Model()->champion->reference->outlier_threshold, 12.5);
  EXPECT_EQ(Model()->champion->reference->outlier_high, 0.01);
  const uint32_t slot = Model()->champion->slot;
  auto tighter = std::make_shared<Schema>(*schema);
  tighter->columns[0].minimum = 1;
  const auto again = registry_->Register(facts, LoadOptions{}, tighter, nullptr, true);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_NE((*again)->slot, slot) << "per-thread state of the old rules must not be used";
  EXPECT_EQ(Model()->champion->schema->columns[0].minimum, 1.0);
  EXPECT_EQ(Model()->champion->reference->rows, 5);
  Restart();
  EXPECT_EQ(Model()->champion->schema->columns[0].minimum, 1.0);
  tighter->columns[1].name = "c";
  const Status wrong = registry_->Register(facts, LoadOptions{}, tighter, nullptr, true).status();
  EXPECT_EQ(wrong.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(wrong), HasSubstr("column 1 is c; the model takes b there"));
  EXPECT_EQ(Model()->champion->schema->columns[0].minimum, 1.0);
}

TEST_F(RegistryTest, IdleRegistrationsArePushedOutByNewerOnes) {
  options_.loaded_per_model_max = 3;
  Start();
  ASSERT_TRUE(Add(1, true).ok());
  for (int i = 2; i <= 6; ++i) ASSERT_TRUE(Add(i).ok());
  EXPECT_THAT(Loaded(), ElementsAre("1", "5", "6"));
  EXPECT_EQ(behaviour_.models_alive, 3);
}

TEST_F(RegistryTest, AModelCanBeUnloadedAndLoadedAgain) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  EXPECT_EQ(registry_->Unload("fraud", "1").code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(registry_->Unload("fraud").ok());
  EXPECT_TRUE(Loaded().empty());
  EXPECT_EQ(Champion(), "none");
  EXPECT_TRUE(registry_->snapshot().Load()->models.at("fraud")->unloaded);
  EXPECT_EQ(behaviour_.models_alive, 0);
  ASSERT_TRUE(registry_->Load("fraud").ok());
  EXPECT_FALSE(registry_->snapshot().Load()->models.at("fraud")->unloaded);
  EXPECT_EQ(Champion(), "1");
  ASSERT_TRUE(registry_->Load("fraud", "2").ok());
  EXPECT_THAT(Loaded(), ElementsAre("1", "2"));
}

TEST_F(RegistryTest, AWithdrawnModelIsNotServedAndCanBeServedAgain) {
  const auto served = [&] {
    const auto snapshot = registry_->snapshot().Load();
    return snapshot->models.find("fraud") != snapshot->models.end();
  };
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  ASSERT_TRUE(Add(3).ok());
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "me", "").ok());
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kShadow, "3", Registry::kAnyEpoch, "me", "").ok());
  ASSERT_TRUE(registry_->Withdraw("fraud", "me", "no longer wanted").ok());
  EXPECT_FALSE(served());
  EXPECT_EQ(behaviour_.models_alive, 0) << "the warm former champion included";
  EXPECT_THAT(Kinds(2), ElementsAre("role.changed 3", "role.changed 2"));
  EXPECT_EQ(registry_->Versions("fraud")->size(), 3u);
  EXPECT_EQ(registry_->Withdraw("fraud", "me", "").code(), absl::StatusCode::kNotFound);
  Restart();
  EXPECT_FALSE(served());
  EXPECT_EQ(behaviour_.models_alive, 0);
  const auto again = Add(2, true);  // the same artefact is the version that it was
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->facts.version, "2");
  EXPECT_EQ(Champion(), "2");
  EXPECT_FALSE(registry_->GetRole("fraud", Role::kShadow).ok());
}

TEST_F(RegistryTest, AWithdrawalThatTheCatalogRefusesChangesNothing) {
  ASSERT_TRUE(Add(1, true).ok());
  catalog_.FailWith(absl::ResourceExhaustedError("disk full"));
  EXPECT_EQ(registry_->Withdraw("fraud", "me", "").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Champion(), "1");
}

TEST_F(RegistryTest, WhatAReaderStillHasIsDestroyedByTheRegistryOnceItLetsGo) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(Add(2).ok());
  Published<RegistrySnapshot>::Reader reader(registry_->snapshot());
  reader.Get();
  ASSERT_TRUE(registry_->Unload("fraud").ok());
  registry_->Reap();
  EXPECT_EQ(behaviour_.models_alive, 2) << "the reader's snapshot pins them";
  reader.Get();
  EXPECT_EQ(behaviour_.models_alive, 2) << "a reader never destroys a model";
  registry_->Reap();
  EXPECT_EQ(behaviour_.models_alive, 0);
}

TEST_F(RegistryTest, LoadsInTheIdleClassOnceItIsTold) {
  ASSERT_TRUE(Add(1, true).ok());
  EXPECT_EQ(behaviour_.load_policy, SCHED_OTHER) << "at the start nothing is served yet";
  registry_->LoadWhenIdle();
  ASSERT_TRUE(Add(2).ok());
  EXPECT_EQ(behaviour_.load_policy, SCHED_IDLE);
  behaviour_.load_policy = -1;
  ASSERT_TRUE(registry_->Unload("fraud", "2").ok());
  ASSERT_TRUE(registry_->SetRole("fraud", Role::kChampion, "2", Registry::kAnyEpoch, "test", "").ok());
  EXPECT_EQ(behaviour_.load_policy, SCHED_IDLE) << "a version that is known and was unloaded";
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER) << "the caller stays what it was";
}

TEST_F(RegistryTest, UnknownNamesAreAnsweredWithTheNearest) {
  ASSERT_TRUE(Add(1, true, "2018-07").ok());
  EXPECT_THAT(Message(registry_->Versions("frud").status()), HasSubstr("did you mean \"fraud\""));
  EXPECT_THAT(Message(registry_->Version("fraud", "2018-08").status()), HasSubstr("did you mean \"2018-07\""));
  EXPECT_EQ(registry_->SetPlan("nope", {}).code(), absl::StatusCode::kNotFound);
}

TEST_F(RegistryTest, AnUnreadableCatalogIsAnErrorAtStart) {
  ASSERT_TRUE(Add(1, true).ok());
  ASSERT_TRUE(catalog_.Apply({{kRoleKind, "fraud/champion", "{", CatalogWrite::kAnyEpoch}}, {}).ok());
  Start();
  EXPECT_EQ(registry_->Restore().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace vigil
