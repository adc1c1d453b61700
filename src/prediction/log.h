// The last stage: every row, answered or refused, becomes a record of the prediction log, an observation of the monitor, and an id.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "monitoring/monitor.h"
#include "monitoring/text_codes.h"
#include "prediction/counters.h"
#include "prediction/route.h"
#include "storage/prediction_log.h"

namespace vigil {

// Ids for rows that no log numbers. The top bit of the segment is set, which a log's never is, so such an id finds no prediction.
class UnloggedIds {
 public:
  explicit UnloggedIds(uint64_t seed) : shard_(static_cast<uint32_t>(seed >> 54)), segment_(static_cast<uint32_t>(seed) | 0x200000u) {}
  PredictionId Next() {
    const PredictionId id = PredictionId::Make(shard_, segment_, ordinal_);
    if (++ordinal_ == 0) segment_ = (segment_ + 1) | 0x200000u;
    return id;
  }
  PredictionId Peek() const { return PredictionId::Make(shard_, segment_, ordinal_); }

 private:
  uint32_t shard_, segment_, ordinal_ = 0;
};

// One serving thread's. Both ends may be absent. A log that refuses never fails a prediction: it is counted.
class RowRecorder {
 public:
  // `id_seed`: of the ids of rows that are not logged.
  RowRecorder(PredictionLog* log, Monitor* monitor, const Clock& clock, uint64_t id_seed, LiveCounters& counters);

  // About the id that the next record gets; a guess while answers may overtake each other.
  PredictionId NextId() const;
  // Fills record.prediction_id. `codes` are the version's that has `slot`.
  void Record(PredictionRecord& record, uint32_t slot, ArmCode arm, uint32_t cleaned_cells, const TextCodes& codes);
  // The end of a turn. True while something waits to be written, so that another end of a turn must come within kLogWriteDelayNs.
  bool FlushIfDue(int64_t now_ns);
  void Flush();
  bool Seal();

 private:
  void OpenWriter();

  static constexpr int64_t kReopenNs = 1'000'000'000;  // between attempts to open a writer

  PredictionLog* const log_;
  const Clock& clock_;
  LiveCounters& counters_;
  UnloggedIds unlogged_;
  std::unique_ptr<LogWriter> writer_;
  int64_t reopen_ns_ = 0;
  std::unique_ptr<MonitorWriter> monitor_;
  std::vector<float> coded_;
};

}  // namespace vigil
