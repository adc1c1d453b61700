// One request on its way through the stages, with the buffers that outlast a call when a runtime answers later.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "prediction/clean.h"
#include "prediction/route.h"
#include "prediction/score.h"

namespace vigil {

class Flight;

// Hears when the last of a flight's groups has been scored.
class FlightOwner {
 public:
  virtual ~FlightOwner() = default;
  virtual void OnLanded(Flight& flight) = 0;
};

// The rows of one request that one arm answers.
struct FlightGroup {
  size_t arm = 0;
  std::unique_ptr<ScoringUnit> unit;
  Status status;
  size_t recorded = 0;  // of its rows
};

// Reused from request to request.
class Flight final : public ScoringOwner {
 public:
  explicit Flight(FlightOwner& owner) : owner_(owner) {}

  // The request; everything must stay until the flight has landed.
  void Begin(const RequestContext& context, const PredictTarget& target, RowBatch& batch, int64_t started_ns, TimeUs received_us);
  const RequestContext& context() const { return *context_; }
  const PredictTarget& target() const { return *target_; }
  const RowBatch& batch() const { return *batch_; }
  int64_t started_ns() const { return started_ns_; }
  TimeUs received_us() const { return received_us_; }

  std::string_view entity(size_t row) const {
    return batch_->entities.empty() || batch_->entities[row].empty() ? context_->entity : batch_->entities[row];
  }
  std::string_view id(size_t row) const { return batch_->ids.empty() ? std::string_view() : batch_->ids[row]; }
  bool is_refused(size_t row) const { return !validation.refused.empty() && validation.refused[row] != 0; }
  size_t arm_of(size_t row) const { return row_arms_.empty() ? only_arm_ : row_arms_[row]; }
  const RouteArm& arm(size_t index) const { return routes_.arms()[index]; }

  // Gives each row its arm. A row without an entity is placed by its prediction id, `first_id` being the first row's.
  void Route(const RouteTable& routes, PredictionId first_id);
  // Refuses the rows whose arm's version has a column of a type that does not hold their value, as it would be were that the champion.
  void RefuseMisfits();
  // Hands every group to its scorer. kDone: all have answered (see failure()); kLater: the owner will be told.
  ScoreState Score(ScorerCache& scorers, const std::function<void(std::function<void()>)>& post);
  void OnScored(ScoringUnit& unit, const Status& status) override;

  // The first group's that failed, else OK.
  Status failure() const;
  absl::Span<const FlightGroup> groups() const { return groups_; }
  // Scores: rows × width, NaN in refused rows. Only when nothing failed.
  absl::Span<const float> CollectScores();
  // Every output, where the answer is more than the scores; else empty. Refused rows hold anything. After CollectScores.
  absl::Span<const OwnedTensor> CollectOutputs();
  const TableShape& shape() const { return target_->version->loaded->table(); }
  // What the rows are kept in.
  const TableShape& table() const { return target_->table(); }
  // The group that scored `row`, which was not refused.
  FlightGroup& group_of(size_t row);
  size_t width() const { return shape().score.width; }
  // One a row, empty when one version answered all; and that version (or the champion's).
  absl::Span<const std::string_view> CollectVersions();
  std::string_view version() const;

  // Gives the scorers back and lets go of the request.
  void End(ScorerCache& scorers);

  Validation validation;
  CleanRows cleaned;
  std::vector<PredictionId> ids;
  std::function<void(StatusOr<PredictResult>)> done;  // set when it lands later

 private:
  // Whether every arm that scored answers as the version asked for does.
  bool AreAlike() const;
  absl::Span<const OwnedTensor> ConvertOutputs();
  // Scores the rows of one arm: all of them, or those that are gathered.
  void ScoreGroup(ScorerCache& scorers, size_t arm, bool all_rows, const std::function<void(std::function<void()>)>& post);

  FlightOwner& owner_;
  const RequestContext* context_ = nullptr;
  const PredictTarget* target_ = nullptr;  // the caller keeps it
  RowBatch* batch_ = nullptr;
  int64_t started_ns_ = 0;
  TimeUs received_us_ = 0;
  RouteTable routes_;
  size_t only_arm_ = 0;
  std::vector<uint8_t> row_arms_;  // one a row; empty: all take only_arm_
  absl::InlinedVector<FlightGroup, 2> groups_;
  size_t waiting_ = 0;
  std::vector<float> scores_;
  std::vector<OwnedTensor> outputs_;
  std::vector<std::string_view> versions_;
};

}  // namespace vigil
