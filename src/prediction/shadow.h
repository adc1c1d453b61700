// Shadow versions: copies of the rows that were answered, scored unseen at the end of the turn within a share of the thread's time,
// and logged beside their live twins. What does not fit the buffer or the budget is skipped and counted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "prediction/answers.h"
#include "prediction/log.h"
#include "prediction/score.h"

namespace vigil {

// One answered row, by views.
struct ShadowRow {
  TableRows received;       // as logged
  TableRows cleaned;        // as scored; may be the same
  size_t row = 0;           // of both
  bool is_cleaned = false;  // they differ, perhaps
  size_t request_rows = 1;  // answered together with it
  TimeUs time = 0;
  std::string_view id;  // the live record's, or its prediction id where the caller gave none: how the twins are paired
  std::string_view entity;
};

// One thread.
class ShadowStage {
 public:
  ShadowStage(const PipelineOptions& options, const Clock& clock, ScorerCache& scorers, RowRecorder& recorder, LiveCounters& counters);
  ~ShadowStage();

  // `version` and how it reads the rows, `fit`, are of `model`. Copies the row.
  void Add(const std::shared_ptr<const ServedModel>& model, const ServedVersion& version, const VersionFit* fit, const ShadowRow& row);
  // How a runtime that answers later reaches this thread: the first that a request brings is kept.
  void OfferPost(const std::function<void(std::function<void()>)>& post) {
    if (!post_ && post) post_ = post;
  }
  // Scores what was added.
  void Run();

 private:
  struct Rows;  // of one shadow version
  Rows& OpenRows(const std::shared_ptr<const ServedModel>& model, const ServedVersion& version, const VersionFit* fit);
  void Continue(Rows& rows);
  bool ScoreNext(Rows& rows);
  void Record(Rows& rows, const Status& status);
  void Finish(Rows& rows);
  bool HasBudget();

  static constexpr size_t kChunkRows = 256;  // between looks at the budget

  const PipelineOptions& options_;
  const Clock& clock_;
  ScorerCache& scorers_;
  RowRecorder& recorder_;
  LiveCounters& counters_;
  std::function<void(std::function<void()>)> post_;
  std::vector<std::unique_ptr<Rows>> open_;     // filled during this turn
  std::vector<std::unique_ptr<Rows>> running_;  // being scored, or waiting for a runtime
  std::vector<std::unique_ptr<Rows>> idle_;     // empty, with their memory
  FeatureReader features_;
  std::vector<double> answer_numbers_;
  std::vector<std::string_view> answer_texts_;
  int64_t buffered_bytes_ = 0;
  int64_t budget_ns_ = 0;  // may go below zero: the last chunk's overdraft
  int64_t refilled_ns_ = 0;
};

}  // namespace vigil
