#include "service/rollout_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/rollout_evidence.h"

namespace vigil {
namespace {

constexpr char kKind[] = "rollout";
constexpr char kPolicy[] = "rollout policy";
constexpr int64_t kIdleFactor = 6;

Task TaskOf(const Registry& registry, const std::string& model) {
  const auto snapshot = registry.snapshot().Load();
  const auto found = snapshot->models.find(model);
  if (found == snapshot->models.end() || found->second->champion == nullptr) return Task::kOther;
  return found->second->champion->loaded->signature().task;
}

}  // namespace

bool RolloutEnded(RolloutState state) {
  return state == RolloutState::kPromoted || state == RolloutState::kRolledBack || state == RolloutState::kFailed;
}

RolloutService::RolloutService(Registry& registry, const PredictionLog& log, Catalog& catalog, Journal& journal, const Clock& control_clock,
                               Options options)
    : registry_(registry), log_(log), catalog_(catalog), journal_(journal), clock_(control_clock), options_(options) {}

// A step's cohort begins with the first prediction that its plan routed. On an event clock the loop may still be judging an hour while
// later ones were served under the old plan.
TimeUs RolloutService::RoutedFrom(TimeUs now) const { return std::max(now, clock_.NowUs()); }

Status RolloutService::Restore() {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<CatalogEntry> entries, catalog_.List(kKind));
  std::lock_guard lock(mutex_);
  for (const CatalogEntry& entry : entries) {
    VIGIL_ASSIGN_OR_RETURN(const Json value, ParseJson(entry.value, absl::StrCat("catalog value rollout/", entry.key)));
    VIGIL_ASSIGN_OR_RETURN(Rollout rollout, Rollout::FromJson(value));
    if (RolloutEnded(rollout.state)) continue;
    if (EndedByHand(rollout, clock_.NowUs())) continue;
    Active& active = active_[rollout.id];
    active.rollout = std::move(rollout);
    if (const Status published = registry_.SetPlan(active.rollout.model, PlanFor(active.rollout)); !published.ok()) {
      active.rollout.state = RolloutState::kFailed;
      active.rollout.reason = absl::StrCat("could not be resumed after a restart: ", std::string(published.message()));
      VIGIL_RETURN_IF_ERROR(Save(active.rollout));
      active_.erase(entry.key);
    }
  }
  return absl::OkStatus();
}

StatusOr<std::string> RolloutService::NextId() {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<CatalogEntry> entries, catalog_.List(kKind, "", "", 1'000'000));
  return absl::StrFormat("r%06d", entries.size() + 1);
}

StatusOr<Rollout> RolloutService::Create(const std::string& model, const std::string& candidate, const RolloutOptions& options,
                                         const std::string& by, TimeUs now) {
  VIGIL_RETURN_IF_ERROR(ValidateRolloutOptions(options));
  VIGIL_ASSIGN_OR_RETURN(const VersionRecord record, registry_.Version(model, candidate));
  if (record.state == VersionState::kRejected || record.state == VersionState::kDeleted) {
    return absl::FailedPreconditionError(absl::StrCat("version ", candidate, " of ", model, " is ",
                                                      std::string(VersionStateName(record.state)),
                                                      "; a rollout needs one that passed the gate"));
  }
  VIGIL_ASSIGN_OR_RETURN(const RoleAssignment champion, registry_.GetRole(model, Role::kChampion));
  if (champion.version == candidate) {
    return absl::FailedPreconditionError(absl::StrCat("version ", candidate, " is already the champion of ", model));
  }
  std::lock_guard lock(mutex_);
  for (auto it = active_.begin(); it != active_.end();) {
    Rollout& other = it->second.rollout;
    if (other.model != model) {
      ++it;
    } else if (EndedByHand(other, now)) {
      it = active_.erase(it);
    } else {
      return absl::FailedPreconditionError(absl::StrCat("rollout ", it->first, " of ", model, " is under way; abort it first"));
    }
  }
  Rollout rollout;
  VIGIL_ASSIGN_OR_RETURN(rollout.id, NextId());
  rollout.model = model;
  rollout.candidate = candidate;
  rollout.champion = champion.version;
  rollout.champion_epoch = champion.epoch;
  rollout.options = options;
  rollout.started = rollout.step_started = now;
  rollout = Advance(std::move(rollout), RolloutEvidence{}, now);
  rollout.step_started = RoutedFrom(now);
  VIGIL_RETURN_IF_ERROR(Apply(rollout, by, now));
  active_[rollout.id] = Active{rollout, now, -1};
  return rollout;
}

void RolloutService::Tick(TimeUs now, int64_t labels_seen) {
  std::lock_guard lock(mutex_);
  for (auto it = active_.begin(); it != active_.end();) {
    Active& active = it->second;
    // Hard limits and time limits need no new label, only a look now and then.
    const int64_t wait_us = options_.evaluate_every_us * (labels_seen != active.labels_seen ? 1 : kIdleFactor);
    const bool due = now - active.evaluated >= wait_us;
    if (!EndedByHand(active.rollout, now) && due) {
      active.evaluated = now;
      active.labels_seen = labels_seen;
      Step(active, now);
    }
    it = RolloutEnded(active.rollout.state) ? active_.erase(it) : std::next(it);
  }
}

void RolloutService::Step(Active& active, TimeUs now) {
  Rollout& current = active.rollout;
  auto evidence = GatherEvidence(log_, current, TaskOf(registry_, current.model), now);
  if (!evidence.ok()) {
    // No evidence is a hold, never a pass: the policy is simply not asked.
    if (current.reason != evidence.status().message()) {
      current.reason = std::string(evidence.status().message());
      journal_.Record(current.model, "rollout.no_evidence", current.id, absl::StrCat("rollout ", current.id, " waits: ", current.reason),
                      kPolicy, now);
    }
    return;
  }
  Rollout next = Advance(current, *evidence, now);
  const bool moved = next.state != current.state || next.step != current.step;
  if (!moved) {
    current = std::move(next);                                                     // running statistics
    if (const Status saved = Save(current); !saved.ok()) active.labels_seen = -1;  // ask again at the next tick
    return;
  }
  if (next.step != current.step || next.step_started != current.step_started) next.step_started = RoutedFrom(now);
  if (const Status applied = Apply(next, kPolicy, now); !applied.ok()) {
    next.state = RolloutState::kFailed;
    next.ended = now;
    next.reason = std::string(applied.message());
    journal_.Record(next.model, "rollout.failed", next.id, absl::StrCat("rollout ", next.id, " failed: ", next.reason), kPolicy, now);
    (void)registry_.SetPlan(next.model, TrafficPlan{.epoch = next.champion_epoch});  // a stale epoch means another plan is in force already
    (void)Save(next);
  }
  current = std::move(next);
}

// Publishes what the rollout's state wants and, for the two closing states, carries them to their end.
Status RolloutService::Apply(Rollout& rollout, const std::string& by, TimeUs now) {
  if (rollout.state == RolloutState::kPromoting || rollout.state == RolloutState::kRollingBack) return Finish(rollout, by, now);
  const StatusOr<RoleAssignment> challenger = registry_.GetRole(rollout.model, Role::kChallenger);
  if (!challenger.ok() || challenger->version != rollout.candidate) {
    VIGIL_RETURN_IF_ERROR(
        registry_
            .SetRole(rollout.model, Role::kChallenger, rollout.candidate, CatalogWrite::kAnyEpoch, by, absl::StrCat("rollout ", rollout.id))
            .status());
  }
  VIGIL_RETURN_IF_ERROR(registry_.SetPlan(rollout.model, PlanFor(rollout)));
  VIGIL_RETURN_IF_ERROR(Save(rollout));
  journal_.Record(
      rollout.model, absl::StrCat("rollout.", std::string(RolloutStateName(rollout.state))), rollout.id,
      absl::StrCat("rollout ", rollout.id, " of version ", rollout.candidate, ": ", std::string(RolloutStateName(rollout.state)),
                   rollout.reason.empty() ? "" : absl::StrCat(" (", rollout.reason, ")")),
      by, now, DumpJson(rollout.ToJson()));
  return absl::OkStatus();
}

Status RolloutService::Finish(Rollout& rollout, const std::string& by, TimeUs now) {
  const bool promote = rollout.state == RolloutState::kPromoting;
  if (promote) {
    // Bound to the champion that the evidence was against: a stale epoch fails the rollout instead of the newer champion.
    VIGIL_RETURN_IF_ERROR(
        registry_.SetRole(rollout.model, Role::kChampion, rollout.candidate, rollout.champion_epoch, by, rollout.reason).status());
  } else {
    VIGIL_RETURN_IF_ERROR(registry_.SetPlan(rollout.model, TrafficPlan{.epoch = rollout.champion_epoch}));
  }
  if (const Status cleared = registry_.ClearRole(rollout.model, Role::kChallenger, CatalogWrite::kAnyEpoch, by, rollout.reason);
      !cleared.ok() && !absl::IsNotFound(cleared)) {
    return cleared;
  }
  rollout.state = promote ? RolloutState::kPromoted : RolloutState::kRolledBack;
  rollout.ended = now;
  VIGIL_RETURN_IF_ERROR(Save(rollout));
  journal_.Record(rollout.model, promote ? "rollout.promoted" : "rollout.rolled_back", rollout.id,
                  absl::StrCat("version ", rollout.candidate, promote ? " promoted: " : " rolled back: ", rollout.reason), by, now,
                  DumpJson(rollout.ToJson()));
  return absl::OkStatus();
}

// A person who moves the champion takes away the rollout's plan, which is of one epoch, and its comparison.
bool RolloutService::EndedByHand(Rollout& rollout, TimeUs now) {
  const StatusOr<RoleAssignment> champion = registry_.GetRole(rollout.model, Role::kChampion);
  if (!champion.ok() || champion->epoch == rollout.champion_epoch) return false;
  Rollout ended = rollout;
  ended.state = champion->version == rollout.candidate ? RolloutState::kPromoted : RolloutState::kFailed;
  ended.ended = std::max(now, rollout.step_started);  // an event clock stands still after a restart
  ended.reason = absl::StrCat("version ", champion->version, " was made champion by ", champion->by, " meanwhile");
  const StatusOr<RoleAssignment> challenger = registry_.GetRole(rollout.model, Role::kChallenger);
  if (challenger.ok() && challenger->version == rollout.candidate &&
      !registry_.ClearRole(rollout.model, Role::kChallenger, challenger->epoch, kPolicy, ended.reason).ok()) {
    return false;  // asked again at the next tick
  }
  if (!Save(ended).ok()) return false;
  rollout = std::move(ended);
  journal_.Record(rollout.model, absl::StrCat("rollout.", std::string(RolloutStateName(rollout.state))), rollout.id,
                  absl::StrCat("rollout ", rollout.id, " ended: ", rollout.reason), kPolicy, now, DumpJson(rollout.ToJson()));
  return true;
}

Status RolloutService::Save(const Rollout& rollout) {
  CatalogWrite write{kKind, rollout.id, DumpJson(rollout.ToJson()), CatalogWrite::kAnyEpoch};
  return catalog_.Apply({write}).status();
}

Status RolloutService::Change(const std::string& model, const std::string& id, const std::string& kind, const std::string& by,
                              const std::function<void(Rollout&)>& change) {
  std::lock_guard lock(mutex_);
  const auto found = active_.find(id);
  if (found == active_.end() || found->second.rollout.model != model) {
    return absl::NotFoundError(absl::StrCat("no rollout ", id, " of ", model, " is under way"));
  }
  Rollout& rollout = found->second.rollout;
  if (EndedByHand(rollout, clock_.NowUs())) {
    const Status ended = absl::FailedPreconditionError(absl::StrCat("rollout ", id, " has ended: ", rollout.reason));
    active_.erase(found);
    return ended;
  }
  Rollout next = rollout;
  change(next);
  if (next.state != rollout.state) {
    VIGIL_RETURN_IF_ERROR(Apply(next, by, next.ended != 0 ? next.ended : next.step_started));
  } else {
    VIGIL_RETURN_IF_ERROR(Save(next));
    journal_.Record(model, absl::StrCat("rollout.", kind), id, absl::StrCat("rollout ", id, " ", kind, " by ", by), by);
  }
  rollout = std::move(next);
  if (RolloutEnded(rollout.state)) active_.erase(found);
  return absl::OkStatus();
}

Status RolloutService::Pause(const std::string& model, const std::string& id, const std::string& by) {
  return Change(model, id, "paused", by, [](Rollout& rollout) { rollout.paused = true; });
}

Status RolloutService::Resume(const std::string& model, const std::string& id, const std::string& by) {
  return Change(model, id, "resumed", by, [](Rollout& rollout) { rollout.paused = false; });
}

Status RolloutService::Abort(const std::string& model, const std::string& id, const std::string& by, TimeUs now) {
  return Change(model, id, "aborted", by, [&](Rollout& rollout) {
    rollout.state = RolloutState::kRollingBack;
    rollout.ended = now;
    rollout.reason = absl::StrCat("aborted by ", by);
  });
}

Status RolloutService::Promote(const std::string& model, const std::string& id, const std::string& by, TimeUs now) {
  return Change(model, id, "promoted", by, [&](Rollout& rollout) {
    rollout.state = RolloutState::kPromoting;
    rollout.ended = now;
    rollout.reason = absl::StrCat("promoted by ", by);
  });
}

StatusOr<std::vector<Rollout>> RolloutService::List(const std::string& model) const {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<CatalogEntry> entries, catalog_.List(kKind, "", "", 1'000'000));
  std::vector<Rollout> rollouts;
  for (const CatalogEntry& entry : entries) {
    VIGIL_ASSIGN_OR_RETURN(const Json value, ParseJson(entry.value, absl::StrCat("catalog value rollout/", entry.key)));
    VIGIL_ASSIGN_OR_RETURN(Rollout rollout, Rollout::FromJson(value));
    if (model.empty() || rollout.model == model) rollouts.push_back(std::move(rollout));
  }
  std::reverse(rollouts.begin(), rollouts.end());
  return rollouts;
}

bool RolloutService::Busy(const std::string& model) const {
  std::lock_guard lock(mutex_);
  return std::any_of(active_.begin(), active_.end(), [&](const auto& entry) { return entry.second.rollout.model == model; });
}

}  // namespace vigil
