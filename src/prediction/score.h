// The fourth stage: one scoring call on one version, and the scorers that a serving thread keeps between requests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "monitoring/text_codes.h"
#include "prediction/validate.h"
#include "registry/registry.h"
#include "runtime/input_tensors.h"

namespace vigil {

struct ScoringUnit;

// Whoever uses a unit.
class ScoringOwner {
 public:
  virtual ~ScoringOwner() = default;
  // A runtime that answers later has. On the pipeline's thread.
  virtual void OnScored(ScoringUnit& unit, const Status& status) = 0;
};

// A scorer with everything that must stay in place until it has answered. Used by one call at a time.
struct ScoringUnit {
  ScoringUnit(std::shared_ptr<const ServedVersion> served, std::unique_ptr<Scorer> made)
      : version(std::move(served)), scorer(std::move(made)) {
    call.doubles = true;  // answers come in the signature's types
  }
  ScoringUnit(const ScoringUnit&) = delete;
  ScoringUnit& operator=(const ScoringUnit&) = delete;

  // Scores `rows`, or those of them that `row_indices` numbers when there are any, read as `fit` says. kLater: `owner` will be told, and
  // what `rows` views must stay until then.
  StatusOr<ScoreState> Score(const TableRows& rows, int64_t deadline_ns);
  // Checks what has been answered and reads the scores; INTERNAL when it is not what the signature says.
  Status CheckOutputs();
  const TableShape& shape() const { return version->loaded->table(); }
  // Score numbers a row.
  size_t width() const { return shape().score.width; }
  // rows × width, after CheckOutputs.
  const float* scores_data() const { return shape().single_output ? outputs.tensors[0].floats.data() : scores.data(); }

  const std::shared_ptr<const ServedVersion> version;
  const std::unique_ptr<Scorer> scorer;
  ScoringOwner* owner = nullptr;
  const VersionFit* fit = nullptr;  // the caller sets it and keeps it; null: the rows are the version's own table
  ScoreCall call;                   // the caller sets call.post
  const Batch* whole = nullptr;     // the caller sets it: tensors instead of rows, for a model that no table fits
  Outputs outputs;
  Batch batch;
  std::vector<uint32_t> row_indices;  // of the request; empty: all of them
  InputTensors inputs;
  std::vector<float> gathered;  // of a model that takes one matrix
  std::vector<float> scores;    // where they are not an output as it came
};

// Keeps, for each loaded version, its rules and the units that nobody uses now. One thread.
class ScorerCache {
 public:
  // The rules of the target's version over the table that its requests are read into. They stay until Keep.
  const RowRules& Rules(const PredictTarget& target);
  // How monitoring counts the version's texts. The codes stay until Keep.
  const TextCodes& Codes(const ServedModel& model, const ServedVersion& version);
  std::unique_ptr<ScoringUnit> Acquire(const ServedModel& model, const ServedVersion& version, ScoringOwner* owner);
  void Release(std::unique_ptr<ScoringUnit> unit);
  // Gives back what belongs to versions that `snapshot` no longer has.
  void Keep(const RegistrySnapshot& snapshot);
  // Whether Keep has something to look at that it has not seen.
  bool has_new() const { return has_new_; }
  // Destroys units that came back after their version had gone. Not within a runtime's callback, which may be such a unit's own.
  void Sweep() { gone_.clear(); }

 private:
  struct Entry {
    std::shared_ptr<const ServedVersion> version;
    std::unique_ptr<RowRules> rules;
    std::shared_ptr<const TableShape> plan_table;  // a plan's, wider than the version's own
    std::unique_ptr<RowRules> plan_rules;
    std::unique_ptr<TextCodes> codes;
    std::vector<std::unique_ptr<ScoringUnit>> idle;
  };
  Entry& Find(const ServedModel& model, const ServedVersion& version);

  static constexpr size_t kIdleUnitsMax = 4;  // a version; more only while that many calls wait for a runtime
  std::vector<Entry> entries_;                // by ServedVersion::slot
  std::vector<std::unique_ptr<ScoringUnit>> gone_;
  bool has_new_ = false;
};

}  // namespace vigil
