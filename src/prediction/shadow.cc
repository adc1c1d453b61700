#include "prediction/shadow.h"

#include <algorithm>
#include <cmath>

#include "prediction/row_copy.h"

namespace vigil {

struct ShadowStage::Rows final : ScoringOwner {
  explicit Rows(ShadowStage& owner) : stage(owner) {}
  void OnScored(ScoringUnit&, const Status& status) override {
    stage.Record(*this, status);
    stage.Continue(*this);
  }

  struct Meta {
    TimeUs time;
    uint32_t id_bytes, entity_bytes;  // in `text`, one row after the other
    uint32_t request_rows;
  };
  ShadowStage& stage;
  std::shared_ptr<const ServedModel> model;  // pins version
  const ServedVersion* version = nullptr;
  const VersionFit* fit = nullptr;
  RowCopies received;
  RowCopies cleaned;  // empty: as received
  std::vector<Meta> meta;
  std::string text;
  int64_t bytes = 0;

  std::unique_ptr<ScoringUnit> unit;
  size_t next = 0, chunk = 0;  // rows done, rows being scored
  size_t text_next = 0;
  int64_t started_ns = 0;
};

ShadowStage::ShadowStage(const PipelineOptions& options, const Clock& clock, ScorerCache& scorers, RowRecorder& recorder,
                         LiveCounters& counters)
    : options_(options),
      clock_(clock),
      scorers_(scorers),
      recorder_(recorder),
      counters_(counters),
      budget_ns_(options.shadow_budget_us_per_s * 1000),
      refilled_ns_(clock.MonotonicNs()) {}

ShadowStage::~ShadowStage() = default;

ShadowStage::Rows& ShadowStage::OpenRows(const std::shared_ptr<const ServedModel>& model, const ServedVersion& version,
                                         const VersionFit* fit) {
  // Of a model that was published anew within the turn the rows may be kept otherwise.
  for (const auto& rows : open_) {
    if (rows->version == &version && rows->model == model) return *rows;
  }
  if (idle_.empty()) idle_.push_back(std::make_unique<Rows>(*this));
  open_.push_back(std::move(idle_.back()));
  idle_.pop_back();
  Rows& rows = *open_.back();
  rows.model = model;
  rows.version = &version;
  rows.fit = fit;
  return rows;
}

void ShadowStage::Add(const std::shared_ptr<const ServedModel>& model, const ServedVersion& version, const VersionFit* fit,
                      const ShadowRow& row) {
  const size_t bytes =
      sizeof(Rows::Meta) + RowCopies::Bytes(row.received, row.row) * (row.is_cleaned ? 2 : 1) + row.id.size() + row.entity.size();
  if (buffered_bytes_ + static_cast<int64_t>(bytes) > options_.shadow_buffer_bytes_max) {
    counters_.shadow_skipped.Add(1);
    return;
  }
  Rows& rows = OpenRows(model, version, fit);
  if (row.is_cleaned && rows.cleaned.rows() == 0) rows.cleaned = rows.received;
  if (row.is_cleaned || rows.cleaned.rows() != 0) rows.cleaned.Add(row.cleaned, row.row);
  rows.received.Add(row.received, row.row);
  rows.meta.push_back(
      {row.time, static_cast<uint32_t>(row.id.size()), static_cast<uint32_t>(row.entity.size()), static_cast<uint32_t>(row.request_rows)});
  rows.text.append(row.id).append(row.entity);
  rows.bytes += static_cast<int64_t>(bytes);
  buffered_bytes_ += static_cast<int64_t>(bytes);
}

void ShadowStage::Run() {
  while (!open_.empty()) {
    running_.push_back(std::move(open_.back()));
    open_.pop_back();
    Rows& rows = *running_.back();
    rows.unit = scorers_.Acquire(*rows.model, *rows.version, &rows);
    rows.unit->fit = rows.fit;
    rows.unit->call.post = post_;
    Continue(rows);
  }
}

void ShadowStage::Continue(Rows& rows) {
  while (ScoreNext(rows)) {
  }
}

// False when `rows` waits for a runtime, or is finished and not to be touched any more.
bool ShadowStage::ScoreNext(Rows& rows) {
  const size_t left = rows.meta.size() - rows.next;
  if (left == 0 || !HasBudget()) {
    counters_.shadow_skipped.Add(static_cast<int64_t>(left));
    Finish(rows);
    return false;
  }
  rows.chunk = std::min(kChunkRows, left);
  rows.started_ns = clock_.MonotonicNs();
  RowCopies& copies = rows.cleaned.rows() == 0 ? rows.received : rows.cleaned;
  const StatusOr<ScoreState> state = rows.unit->Score(copies.View(rows.next, rows.chunk), INT64_MAX);
  budget_ns_ -= clock_.MonotonicNs() - rows.started_ns;
  if (state.ok() && *state == ScoreState::kLater) return false;
  Record(rows, state.status());
  return true;
}

void ShadowStage::Record(Rows& rows, const Status& status) {
  const bool ok = status.ok() && rows.unit->CheckOutputs().ok();
  const size_t width = rows.unit->width();
  PredictionRecord record;
  record.schema = rows.version->log_schema;
  const double row_us = static_cast<double>(clock_.MonotonicNs() - rows.started_ns) * 1e-3 / static_cast<double>(rows.chunk);
  record.status = PredictionStatus::kShadow;
  record.arm = kShadowArm;
  const TableShape& shape = rows.unit->shape();
  const TableRows received = rows.received.View(rows.next, rows.chunk);
  const TextCodes& codes = scorers_.Codes(*rows.model, *rows.version);
  for (size_t i = 0; i < rows.chunk; ++i, ++rows.next) {
    const Rows::Meta& meta = rows.meta[rows.next];
    record.time = meta.time;
    // A live row's latency is its whole request's, so a shadow's is what scoring that request took of the chunk; begun microseconds
    // count, or a fast model's would be nothing.
    record.latency_us = static_cast<uint32_t>(std::min(std::ceil(row_us * meta.request_rows), 4294967295.0));
    record.id = std::string_view(rows.text).substr(rows.text_next, meta.id_bytes);
    record.entity = std::string_view(rows.text).substr(rows.text_next + meta.id_bytes, meta.entity_bytes);
    rows.text_next += meta.id_bytes + meta.entity_bytes;
    features_.Set(received, i, rows.fit, shape, &record);
    if (ok) {
      record.outputs = {rows.unit->scores_data() + i * width, width};
      if (!shape.single_output) {
        SplitAnswers(shape, rows.unit->outputs.tensors, i, rows.chunk, &answer_numbers_, &answer_texts_);
        record.answer_numbers = answer_numbers_;
        record.answer_texts = answer_texts_;
      }
    }
    recorder_.Record(record, rows.version->slot, ArmCode::kShadow, 0, codes);
  }
  (ok ? counters_.shadow_rows : counters_.shadow_failed).Add(static_cast<int64_t>(rows.chunk));
}

void ShadowStage::Finish(Rows& rows) {
  buffered_bytes_ -= rows.bytes;
  rows.bytes = 0;
  scorers_.Release(std::move(rows.unit));
  rows.model = nullptr;
  rows.version = nullptr;
  rows.fit = nullptr;
  rows.received.Clear();
  rows.cleaned.Clear();
  rows.meta.clear();
  rows.text.clear();
  rows.next = rows.text_next = 0;
  const auto at = std::find_if(running_.begin(), running_.end(), [&](const auto& other) { return other.get() == &rows; });
  idle_.push_back(std::move(*at));
  running_.erase(at);
}

// A bucket that fills with the budget's share of time and holds one second of it.
bool ShadowStage::HasBudget() {
  const int64_t now = clock_.MonotonicNs();
  const int64_t full_ns = options_.shadow_budget_us_per_s * 1000;
  const double earned = static_cast<double>(now - refilled_ns_) * 1e-9 * static_cast<double>(full_ns);
  budget_ns_ = static_cast<int64_t>(std::min(static_cast<double>(full_ns), static_cast<double>(budget_ns_) + earned));
  refilled_ns_ = now;
  return budget_ns_ > 0;
}

}  // namespace vigil
