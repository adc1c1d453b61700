#include "prediction/score.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "prediction/answers.h"

namespace vigil {

StatusOr<ScoreState> ScoringUnit::Score(const TableRows& rows, int64_t deadline_ns) {
  const Signature& signature = version->loaded->signature();
  if (whole != nullptr) {
    batch = *whole;
  } else if (shape().matrix && (fit == nullptr || fit->columns.in_place)) {
    const size_t columns = shape().columns.size();
    const float* matrix = rows.values;
    if (!row_indices.empty()) {
      gathered.clear();
      for (uint32_t row : row_indices) gathered.insert(gathered.end(), rows.values + row * columns, rows.values + (row + 1) * columns);
      matrix = gathered.data();
    }
    batch = Batch::FloatMatrix(matrix, row_indices.empty() ? rows.rows : row_indices.size(), columns, signature.inputs[0].name);
  } else {
    const auto from = fit == nullptr || fit->columns.in_place ? absl::Span<const uint32_t>() : absl::MakeConstSpan(fit->columns.from);
    VIGIL_RETURN_IF_ERROR(inputs.Fill(signature, shape(), rows, row_indices, &batch, from));
  }
  call.deadline_ns = deadline_ns;
  // Set once, not for each call: an answer's callback may begin the next one. A runtime may have moved it away.
  if (!call.done) call.done = [this](Status status) { owner->OnScored(*this, status); };
  return scorer->Score(batch, call, &outputs);
}

Status ScoringUnit::CheckOutputs() {
  if (const Status status = CheckAnswer(version->loaded->signature(), shape(), outputs, batch.rows()); !status.ok()) {
    return Status(status.code(), absl::StrCat("model ", version->facts.model, " version ", version->facts.version, " ", status.message()));
  }
  if (!shape().single_output) ReadScores(shape(), outputs, batch.rows(), &scores);
  return absl::OkStatus();
}

ScorerCache::Entry& ScorerCache::Find(const ServedModel& model, const ServedVersion& version) {
  if (version.slot >= entries_.size()) entries_.resize(version.slot + 1);
  Entry& entry = entries_[version.slot];
  if (entry.version.get() == &version) return entry;
  // The model's own handle: a request's may pin a whole snapshot.
  has_new_ = true;
  entry.idle.clear();
  entry.version = model.versions.at(version.facts.version);
  entry.rules = std::make_unique<RowRules>(version.schema.get(), version.loaded->table());
  entry.codes = std::make_unique<TextCodes>(version.loaded->table(), entry.version->reference.get());
  return entry;
}

const RowRules& ScorerCache::Rules(const PredictTarget& target) {
  Entry& entry = Find(*target.model, *target.version);
  if (target.is_own_table() || &target.table() == &target.version->loaded->table()) return *entry.rules;
  if (entry.plan_table != target.model->table) {
    entry.plan_table = target.model->table;
    entry.plan_rules = std::make_unique<RowRules>(target.version->schema.get(), *entry.plan_table);
  }
  return *entry.plan_rules;
}

const TextCodes& ScorerCache::Codes(const ServedModel& model, const ServedVersion& version) { return *Find(model, version).codes; }

std::unique_ptr<ScoringUnit> ScorerCache::Acquire(const ServedModel& model, const ServedVersion& version, ScoringOwner* owner) {
  Entry& entry = Find(model, version);
  if (entry.idle.empty()) entry.idle.push_back(std::make_unique<ScoringUnit>(entry.version, version.loaded->NewScorer()));
  std::unique_ptr<ScoringUnit> unit = std::move(entry.idle.back());
  entry.idle.pop_back();
  unit->owner = owner;
  unit->fit = nullptr;
  unit->row_indices.clear();
  return unit;
}

void ScorerCache::Release(std::unique_ptr<ScoringUnit> unit) {
  Entry& entry = entries_[unit->version->slot];
  const bool keep = entry.version == unit->version && entry.idle.size() < kIdleUnitsMax;
  (keep ? entry.idle : gone_).push_back(std::move(unit));
}

void ScorerCache::Keep(const RegistrySnapshot& snapshot) {
  has_new_ = false;
  for (Entry& entry : entries_) {
    if (entry.version == nullptr) continue;
    const auto model = snapshot.models.find(entry.version->facts.model);
    if (model != snapshot.models.end()) {
      const auto version = model->second->versions.find(entry.version->facts.version);
      if (version != model->second->versions.end() && version->second == entry.version) continue;
    }
    entry = Entry();
  }
}

}  // namespace vigil
