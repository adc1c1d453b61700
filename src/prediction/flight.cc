#include "prediction/flight.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "prediction/answers.h"

namespace vigil {

void Flight::Begin(const RequestContext& context, const PredictTarget& target, RowBatch& batch, int64_t started_ns, TimeUs received_us) {
  context_ = &context;
  target_ = &target;
  batch_ = &batch;
  started_ns_ = started_ns;
  received_us_ = received_us;
  only_arm_ = 0;
  row_arms_.clear();
  ids.clear();
  waiting_ = 0;
}

void Flight::Route(const RouteTable& routes, PredictionId first_id) {
  routes_ = routes;
  if (routes.is_single()) return;
  row_arms_.resize(batch_->rows);
  char id_text[PredictionId::kTextLength];
  for (size_t row = 0; row < batch_->rows; ++row) {
    std::string_view key = entity(row);
    if (key.empty()) {
      PredictionId{first_id.value + row}.Format(id_text);
      key = {id_text, sizeof(id_text)};
    }
    row_arms_[row] = static_cast<uint8_t>(routes.Pick(key));
  }
  // Most requests are one row: they keep the path that copies nothing.
  if (row_arms_.empty()) return;
  only_arm_ = row_arms_[0];
  // Tensors whose rows have sizes of their own are not taken apart: the whole request goes where its first row does.
  if (batch_->whole != nullptr) row_arms_.clear();
  if (std::all_of(row_arms_.begin(), row_arms_.end(), [this](uint8_t arm) { return arm == only_arm_; })) row_arms_.clear();
}

void Flight::RefuseMisfits() {
  const auto is_narrow = [](const RouteArm& arm) { return arm.fit != nullptr && !arm.fit->columns.narrow.empty(); };
  if (std::none_of(routes_.arms().begin(), routes_.arms().end(), is_narrow)) return;
  bool found = false;
  for (size_t row = 0; row < batch_->rows; ++row) {
    const RouteArm& arm = this->arm(arm_of(row));
    if (is_refused(row) || !is_narrow(arm)) continue;
    const TableShape& version = arm.version->loaded->table();
    const int column = FindMisfit(cleaned.rows(), row, arm.fit->columns, version);
    if (column < 0) continue;
    const auto at = static_cast<size_t>(column);
    RefuseRow(cleaned.rows(), row, arm.fit->columns.from[at],
              absl::StrCat(std::string(RuleName(Rule::kType)), " ", std::string(DTypeName(version.columns[at].dtype)), " of version ",
                           arm.version->facts.version),
              &validation);
    found = true;
  }
  if (found) SortErrors(&validation);
}

FlightGroup& Flight::group_of(size_t row) {
  return *std::find_if(groups_.begin(), groups_.end(), [arm = arm_of(row)](const FlightGroup& g) { return g.arm == arm; });
}

bool Flight::AreAlike() const {
  return std::all_of(groups_.begin(), groups_.end(), [this](const FlightGroup& g) {
    const VersionFit* fit = arm(g.arm).fit;
    return fit == nullptr || fit->answers.alike;
  });
}

ScoreState Flight::Score(ScorerCache& scorers, const std::function<void(std::function<void()>)>& post) {
  const auto refused = static_cast<size_t>(validation.refused_rows);
  if (refused == batch_->rows) return ScoreState::kDone;
  if (row_arms_.empty()) {
    ScoreGroup(scorers, only_arm_, refused == 0, post);
  } else {
    uint32_t present = 0;
    static_assert(kTrafficArmsMax <= 32);
    for (size_t row = 0; row < batch_->rows; ++row) {
      if (!is_refused(row)) present |= 1u << row_arms_[row];
    }
    for (size_t arm = 0; arm < routes_.arms().size(); ++arm) {
      if ((present >> arm & 1) != 0) ScoreGroup(scorers, arm, false, post);
    }
  }
  return waiting_ == 0 ? ScoreState::kDone : ScoreState::kLater;
}

void Flight::ScoreGroup(ScorerCache& scorers, size_t arm, bool all_rows, const std::function<void(std::function<void()>)>& post) {
  FlightGroup& group = groups_.emplace_back();
  group.arm = arm;
  group.unit = scorers.Acquire(*target_->model, *this->arm(arm).version, this);
  ScoringUnit& unit = *group.unit;
  unit.fit = this->arm(arm).fit;
  unit.call.post = post;
  unit.whole = batch_->whole;
  if (!all_rows) {
    for (size_t row = 0; row < batch_->rows; ++row) {
      if (!is_refused(row) && arm_of(row) == arm) unit.row_indices.push_back(static_cast<uint32_t>(row));
    }
  }
  const StatusOr<ScoreState> state = unit.Score(cleaned.rows(), context_->deadline_ns);
  if (state.ok() && *state == ScoreState::kLater) {
    ++waiting_;
    return;
  }
  group.status = state.ok() ? unit.CheckOutputs() : state.status();
}

void Flight::OnScored(ScoringUnit& unit, const Status& status) {
  for (FlightGroup& group : groups_) {
    if (group.unit.get() == &unit) group.status = status.ok() ? unit.CheckOutputs() : status;
  }
  if (--waiting_ == 0) owner_.OnLanded(*this);
}

Status Flight::failure() const {
  for (const FlightGroup& group : groups_) {
    if (!group.status.ok()) return group.status;
  }
  // Arms whose signatures leave a width open must still agree on it.
  for (size_t g = 1; g < groups_.size() && !shape().single_output && AreAlike(); ++g) {
    const ScoringUnit &a = *groups_[0].unit, &b = *groups_[g].unit;
    for (size_t i = 0; i < std::min(a.outputs.tensors.size(), b.outputs.tensors.size()); ++i) {
      if (a.outputs.tensors[i].size() / a.batch.rows() == b.outputs.tensors[i].size() / b.batch.rows()) continue;
      return absl::InternalError(absl::StrCat("versions ", a.version->facts.version, " and ", b.version->facts.version, " of model ",
                                              a.version->facts.model, " answer output ", a.outputs.tensors[i].name,
                                              " in different widths"));
    }
  }
  return absl::OkStatus();
}

absl::Span<const float> Flight::CollectScores() {
  const size_t width = this->width();
  if (groups_.size() == 1 && groups_[0].unit->row_indices.empty()) return {groups_[0].unit->scores_data(), batch_->rows * width};
  scores_.assign(batch_->rows * width, std::numeric_limits<float>::quiet_NaN());
  for (const FlightGroup& group : groups_) {
    const float* from = group.unit->scores_data();
    for (uint32_t row : group.unit->row_indices) {
      std::copy_n(from, width, scores_.data() + row * width);
      from += width;
    }
  }
  return scores_;
}

absl::Span<const OwnedTensor> Flight::CollectOutputs() {
  if (shape().single_output || groups_.empty()) return {};
  if (!AreAlike()) return ConvertOutputs();
  const Outputs& first = groups_[0].unit->outputs;
  if (groups_.size() == 1 && groups_[0].unit->row_indices.empty()) return first.tensors;
  ShapeAnswers(first, groups_[0].unit->batch.rows(), batch_->rows, &outputs_);
  for (const FlightGroup& group : groups_) {
    size_t from = 0;
    for (uint32_t row : group.unit->row_indices) CopyAnswerRow(group.unit->outputs, from++, group.unit->batch.rows(), row, &outputs_);
  }
  return outputs_;
}

// The answers of versions of another make in the form of the version asked for.
absl::Span<const OwnedTensor> Flight::ConvertOutputs() {
  ShapeAnswers(target_->version->loaded->signature(), batch_->rows, &outputs_);
  for (const FlightGroup& group : groups_) {
    const VersionFit* fit = arm(group.arm).fit;
    const ScoringUnit& unit = *group.unit;
    const size_t rows = unit.batch.rows();
    for (size_t from = 0; from < rows; ++from) {
      const size_t row = unit.row_indices.empty() ? from : unit.row_indices[from];
      if (fit == nullptr || fit->answers.alike) {
        CopyAnswerRow(unit.outputs, from, rows, row, &outputs_);
      } else {
        ConvertAnswerRow(shape(), fit->answers, unit.outputs.tensors, from, rows, row, batch_->rows, &outputs_);
      }
    }
  }
  return outputs_;
}

absl::Span<const std::string_view> Flight::CollectVersions() {
  if (groups_.size() < 2) return {};
  versions_.assign(batch_->rows, target_->version->facts.version);
  for (const FlightGroup& group : groups_) {
    for (uint32_t row : group.unit->row_indices) versions_[row] = arm(group.arm).version->facts.version;
  }
  return versions_;
}

std::string_view Flight::version() const {
  return groups_.size() == 1 ? arm(groups_[0].arm).version->facts.version : target_->version->facts.version;
}

void Flight::End(ScorerCache& scorers) {
  for (FlightGroup& group : groups_) scorers.Release(std::move(group.unit));
  groups_.clear();
  target_ = nullptr;
  done = nullptr;
}

}  // namespace vigil
