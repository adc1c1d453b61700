#include "prediction/score.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace vigil {

void ScoringUnit::Gather(const float* values, size_t columns) {
  gathered.clear();
  for (uint32_t row : row_indices) gathered.insert(gathered.end(), values + row * columns, values + (row + 1) * columns);
}

StatusOr<ScoreState> ScoringUnit::Score(const float* matrix, size_t rows, int64_t deadline_ns) {
  const Signature& signature = version->loaded->signature();
  const std::string_view input = signature.inputs.empty() ? std::string_view("input") : std::string_view(signature.inputs[0].name);
  batch = Batch::FloatMatrix(matrix != nullptr ? matrix : gathered.data(), rows, signature.columns.size(), input);
  call.deadline_ns = deadline_ns;
  // Set once, not for each call: an answer's callback may begin the next one. A runtime may have moved it away.
  if (!call.done) call.done = [this](Status status) { owner->OnScored(*this, status); };
  return scorer->Score(batch, call, &outputs);
}

Status ScoringUnit::CheckOutputs() const {
  const std::string name = version->facts.model;
  if (outputs.tensors.empty()) return absl::InternalError(absl::StrCat("model ", name, " answered nothing"));
  const OwnedTensor& first = outputs.tensors[0];
  if (first.dtype == DType::kFloat32 && first.floats.size() == batch.rows() * width()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("model ", name, " version ", version->facts.version, " answered ", first.floats.size(), " ",
                                          std::string(DTypeName(first.dtype)), " for ", batch.rows(), " rows of ", width()));
}

ScorerCache::Entry& ScorerCache::Find(const ServedModel& model, const ServedVersion& version) {
  if (version.slot >= entries_.size()) entries_.resize(version.slot + 1);
  Entry& entry = entries_[version.slot];
  if (entry.version.get() == &version) return entry;
  // The model's own handle: a request's may pin a whole snapshot.
  has_new_ = true;
  entry.idle.clear();
  entry.version = model.versions.at(version.facts.version);
  entry.rules = std::make_unique<RowRules>(version.schema.get(), version.loaded->signature());
  return entry;
}

const RowRules& ScorerCache::Rules(const ServedModel& model, const ServedVersion& version) { return *Find(model, version).rules; }

std::unique_ptr<ScoringUnit> ScorerCache::Acquire(const ServedModel& model, const ServedVersion& version, ScoringOwner* owner) {
  Entry& entry = Find(model, version);
  if (entry.idle.empty()) entry.idle.push_back(std::make_unique<ScoringUnit>(entry.version, version.loaded->NewScorer()));
  std::unique_ptr<ScoringUnit> unit = std::move(entry.idle.back());
  entry.idle.pop_back();
  unit->owner = owner;
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
