// How the models are doing, from the serving path itself. Each serving thread adds integers to a sketch of its own; the control
// thread merges sealed windows exactly and computes findings. Labels join later, by prediction time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/status.h"
#include "domain/finding.h"
#include "domain/label.h"
#include "domain/profile.h"
#include "domain/schema.h"

namespace vigil {

// The one number that the score's distribution is watched by: the positive class's output (the last) of a binary model, the predicted
// class of a multiclass one, the first output of any other. NaN without outputs. Profiles are made with the same.
double ScoreOf(Task task, absl::Span<const float> outputs);

// What monitoring needs to know of a version before it can count its rows.
struct MonitoredVersion {
  std::string model;
  std::string version;
  uint32_t slot = 0;        // ServedVersion::slot
  uint32_t log_schema = 0;  // how labelled predictions name it
  Task task = Task::kBinary;
  int64_t output_width = 1;
  std::vector<std::string> columns;
  std::shared_ptr<const ReferenceProfile> reference;  // may be null: traffic and performance only
};

// One scored (or refused) row, as the serving path saw it.
struct Observation {
  uint32_t slot = 0;
  uint8_t arm = 0;  // 0 champion, 1 treatment, 2 shadow
  TimeUs time = 0;
  uint32_t latency_us = 0;
  bool refused = false;              // its values broke the schema
  bool failed = false;               // scoring it failed
  uint32_t cleaned = 0;              // cells that cleaning touched
  absl::Span<const float> features;  // as received
  absl::Span<const float> outputs;   // empty when refused
};

// One serving thread's sketch. Only that thread calls. No lock, no allocation when warm.
class MonitorWriter {
 public:
  virtual ~MonitorWriter() = default;
  virtual void Observe(const Observation& row) = 0;
  // The row's outlier score against the reference: mean over columns of -log2 of the share of its reference bin (missing counts as a
  // bin), NaN without a reference.
  virtual float OutlierScore(uint32_t slot, absl::Span<const float> features) const = 0;
  // Hands sealed windows to the merger; called at the end of a turn of the loop. Never waits: what cannot be handed over stays.
  // True when everything counted so far was handed over.
  virtual bool Seal() = 0;
};

enum class Window : uint8_t { kMinute, kHour, kDay };

struct MonitorOptions {
  int64_t minute_windows_max = 2 * 1440;
  int64_t hour_windows_max = 24 * 120;
  int64_t day_windows_max = 1200;
  int64_t lateness_us = 5 * kMinuteUs;          // a window closes this long after its end
  double significance = 0.01;                   // per day and version (an hour gets a 24th), over all columns (Benjamini-Hochberg)
  int64_t rows_min = 200;                       // windows with fewer rows are not tested for drift
  int64_t label_horizon_us = 7 * kDayUs;        // labels are expected by then: windows older than this are matured
  int64_t labels_min = 30;                      // matured windows with fewer labels give no performance finding
  double decision_threshold = 0.5;              // binary: score >= threshold is a positive
  double cusum_error_ratio = 2.0;               // the concept detector looks for errors growing by this factor
  double cusum_threshold = 11.512925464970229;  // ln(1e5)

  // A shift smaller than this is not called drift however sure we are of it: PSI beyond its expectation under sampling noise.
  double drift_effect_min = 0.01;
  // Nor is one smaller than this many times what the reference's own days differ by (ColumnProfile::variation).
  double drift_variation_factor = 4;
  double share_effect_min = 0.005;              // the same for missing and out-of-range shares
  double outlier_effect_min = 0.05;             // and for the outlier share, which a few odd rows in a quiet hour must not move
  int64_t performance_rolling_us = 7 * kDayUs;  // daily metrics of rare classes are noisy: also judged over this
  int64_t concept_baseline_us = 7 * kDayUs;     // errors of a version's first matured time are what later ones are compared with;
  int64_t concept_labels_min = 2000;            // it lasts longer where this many labels
  int64_t concept_errors_min = 50;              // or errors need it
  size_t sketch_windows_max = 32;               // open minutes a writer; the oldest is sealed when another is needed
  size_t handover_bytes_max = 16 << 20;         // sealed and not yet merged, a writer; beyond it counts stay open in the sketch
  size_t open_windows_max = 64;                 // a version's windows held unpacked, a window length
};

struct SeriesQuery {
  std::string model;
  std::string version;    // empty: each version apart
  bool together = false;  // instead, all versions of the model as one (traffic and performance; shadows left out)
  std::string kind;       // "traffic", "quality", "drift", "performance", "concept"
  std::string column;     // empty: all
  std::string segment;    // "arm=champion", "arm=treatment" or an arm's own name, "arm=shadow"; empty: all arms
  Window window = Window::kHour;
  TimeUs from = INT64_MIN;
  TimeUs to = INT64_MAX;
  size_t points_max = 100'000;
};

// What monitoring itself could not count.
struct MonitorCounters {
  int64_t rows_unknown = 0;     // of a slot that no version has
  int64_t rows_shed = 0;        // a writer's hand-over was full for too long
  int64_t labels_unknown = 0;   // of a log schema that no version has
  int64_t labels_refused = 0;   // label is no number, or no class of the model
  int64_t windows_dropped = 0;  // oldest beyond the maxima
};

// Any thread may call everything but the writers.
class Monitor {
 public:
  virtual ~Monitor() = default;
  static std::unique_ptr<Monitor> Create(const MonitorOptions& options);

  // Added again, a version's windows go on; with another reference, whose bins they do not fit, they are dropped and it starts afresh.
  // INVALID_ARGUMENT when the reference is not one of the version's columns.
  virtual Status AddVersion(const MonitoredVersion& version) = 0;
  virtual std::unique_ptr<MonitorWriter> NewWriter() = 0;

  // A label joined to its prediction; `replaced` takes the earlier one back first. Also how rows scored elsewhere come in.
  virtual void AddLabelled(const LabelledPrediction& labelled) = 0;

  // Merges what the writers sealed, closes windows that ended before now - lateness, and returns the findings of those that closed (or
  // whose labels matured or changed) since the last call. `now` is the control clock's.
  virtual std::vector<Finding> Advance(TimeUs now) = 0;

  // Closed and open windows alike; computed from the merged counts when asked.
  virtual std::vector<Finding> Series(const SeriesQuery& query) const = 0;

  // The whole state as bytes, and back: windows survive a restart. Restore merges.
  virtual std::string Serialize() const = 0;
  virtual Status Restore(std::string_view state) = 0;
  virtual MonitorCounters counters() const { return {}; }
};

// A profile learned from rows: quantile bins of each numeric column (or categories, for a column of few whole numbers).
struct ProfileBuilderOptions {
  size_t bins = 32;
  size_t category_values_max = 20;  // a column of at most this many distinct whole numbers is categorical
  size_t text_values_max = 100;     // of a column of texts: the most frequent are categories, the rest one bin
  // Beyond this many rows edges and counts come from a uniform sample of that size; ranges, means and missing shares are of every row.
  int64_t sample_rows_max = 1'000'000;
  uint64_t seed = 1;  // of the sample
};

class ProfileBuilder {
 public:
  ProfileBuilder(std::vector<std::string> columns, const ProfileBuilderOptions& options);
  ~ProfileBuilder();
  // `score`, `label`: NaN when unknown. `time`: of the row, so that days can be told apart; 0: unknown, and the order of the rows stands
  // in for it.
  void Add(absl::Span<const float> features, double score, double label, TimeUs time = 0);
  // Makes `column` a column of texts, whose numbers in Add were codes: code i stands for texts[i], and any other for a text that is none of
  // them. Before Finish.
  void SetTexts(size_t column, std::vector<std::string> texts);
  ReferenceProfile Finish(std::string source);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The schema that a profile implies: every column nullable as it was, categories of categorical columns, ranges widened by
// `range_slack` of their width; every rule flags rather than rejects, so that a reference never turns traffic away by itself.
Schema SchemaFromProfile(const ReferenceProfile& profile, double range_slack = 0.5);

}  // namespace vigil
