// The monitor's state as bytes (docs/formats/monitor-state.md): a magic, a format version, versions one after another, a checksum.
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "monitoring/live_monitor.h"
#include "monitoring/packed_counts.h"

namespace vigil {
namespace {

constexpr std::string_view kMagic = "VGLMON\r\n";
constexpr uint64_t kStateVersion = 1;
constexpr int64_t kCountMax = int64_t{1} << 48;
constexpr size_t kDormantMax = 10'000;

void AppendSigned(std::string* out, int64_t value) { AppendVarint(out, ZigZag(value)); }
bool TakeSigned(std::string_view* in, int64_t* value) {
  uint64_t bits = 0;
  if (!TakeVarint(in, &bits)) return false;
  *value = UnZigZag(bits);
  return true;
}
void AppendDouble(std::string* out, double value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  AppendVarint(out, bits);
}
bool TakeDouble(std::string_view* in, double* value) {
  uint64_t bits = 0;
  if (!TakeVarint(in, &bits)) return false;
  std::memcpy(value, &bits, sizeof bits);
  return true;
}
// A mark is an index of a window, or INT64_MIN: far enough from the ends that arithmetic with it never overflows.
bool TakeMark(std::string_view* in, int64_t* mark) {
  return TakeSigned(in, mark) && (*mark == INT64_MIN || (*mark > -kWindowTimeMax / kMinuteUs && *mark < kWindowTimeMax / kMinuteUs));
}
bool TakeCount(std::string_view* in, int64_t* count) { return TakeSigned(in, count) && *count >= 0 && *count <= kCountMax; }

void AppendConceptState(const ConceptState& state, const std::map<int64_t, ConceptPoint>& days, std::string* out) {
  AppendSigned(out, state.next_hour);
  AppendSigned(out, state.first_hour);
  AppendSigned(out, state.labels);
  AppendSigned(out, state.errors);
  AppendVarint(out, state.error_bin);
  AppendText(out, state.cusum ? state.cusum->Serialize() : "");
  AppendVarint(out, state.alarmed);
  AppendVarint(out, days.size());
  for (const auto& [day, point] : days) {
    AppendSigned(out, day);
    AppendSigned(out, point.labels);
    AppendSigned(out, point.errors);
    AppendDouble(out, point.peak);
    AppendDouble(out, point.baseline);
    AppendVarint(out, point.alarm);
  }
}

bool TakeConceptState(std::string_view* in, ConceptState* state, std::map<int64_t, ConceptPoint>* days) {
  uint64_t error_bin = 0, count = 0;
  std::string_view cusum;
  if (!TakeMark(in, &state->next_hour) || !TakeMark(in, &state->first_hour) || !TakeCount(in, &state->labels) ||
      !TakeCount(in, &state->errors) || !TakeVarint(in, &error_bin) || error_bin > 4096 || !TakeText(in, &cusum)) {
    return false;
  }
  state->error_bin = error_bin;
  if (!cusum.empty()) {
    auto parsed = stats::BernoulliCusum::Parse(cusum);
    if (!parsed.ok()) return false;
    state->cusum = *std::move(parsed);
  }
  uint64_t alarmed = 0;
  if (!TakeVarint(in, &alarmed) || !TakeVarint(in, &count)) return false;
  state->alarmed = alarmed != 0;
  for (uint64_t i = 0; i < count; ++i) {
    int64_t day = 0;
    uint64_t alarm = 0;
    ConceptPoint point;
    if (!TakeMark(in, &day) || !TakeCount(in, &point.labels) || !TakeCount(in, &point.errors) || !TakeDouble(in, &point.peak) ||
        !TakeDouble(in, &point.baseline) || !TakeVarint(in, &alarm) || point.labels == 0) {
      return false;
    }
    point.alarm = alarm != 0;
    (*days)[day] = point;
  }
  return true;
}

}  // namespace

void WatchedVersion::AppendTo(std::string* out) const {
  AppendVarint(out, layout_->fingerprint());
  AppendVarint(out, labels_.fingerprint());
  for (const WindowMap& map : windows_) map.AppendTo(out);
  for (const WindowMap& map : label_windows_) map.AppendTo(out);
  for (const int64_t next : next_) AppendSigned(out, next);
  AppendSigned(out, next_day_);
  AppendVarint(out, changed_days_.size());
  for (const int64_t day : changed_days_) AppendSigned(out, day);
  AppendPacked(out, baseline_);
  AppendSigned(out, baseline_first_day_);
  AppendVarint(out, baseline_whole_);
  AppendConceptState(concept_, concept_days_, out);
}

bool WatchedVersion::AddFrom(std::string_view in) {
  uint64_t layout = 0, labels = 0, changed = 0, whole = 0;
  if (!TakeVarint(&in, &layout) || !TakeVarint(&in, &labels) || layout != layout_->fingerprint() || labels != labels_.fingerprint())
    return false;
  WatchedVersion read(info_, options_);
  for (WindowMap& map : read.windows_) {
    if (!map.AddFrom(&in, layout_->width(), layout_->counts_width())) return false;
  }
  for (WindowMap& map : read.label_windows_) {
    if (!map.AddFrom(&in, labels_.width(), labels_.signed_from())) return false;
  }
  for (int64_t& next : read.next_) {
    if (!TakeMark(&in, &next)) return false;
  }
  if (!TakeMark(&in, &read.next_day_) || !TakeVarint(&in, &changed)) return false;
  for (uint64_t i = 0; i < changed; ++i) {
    int64_t day = 0;
    if (!TakeMark(&in, &day)) return false;
    read.changed_days_.insert(day);
  }
  read.baseline_.assign(labels_.width(), 0);
  if (!AddPacked(&in, absl::MakeSpan(read.baseline_)) || !TakeMark(&in, &read.baseline_first_day_) || !TakeVarint(&in, &whole))
    return false;
  for (size_t i = 0; i < read.baseline_.size(); ++i) {
    if (read.baseline_[i] > kCountMax || read.baseline_[i] < (i < labels_.signed_from() ? 0 : -kCountMax)) return false;
  }
  read.baseline_whole_ = whole != 0;
  if (read.baseline_first_day_ == INT64_MIN) read.baseline_.clear();
  if (!TakeConceptState(&in, &read.concept_, &read.concept_days_) || !in.empty()) return false;
  Merge(&read);
  return true;
}

// Windows add up. Of what is not a sum (marks, baseline, detector) the one that has come further stays.
void WatchedVersion::Merge(WatchedVersion* other) {
  const auto add = [](const WindowMap& from, WindowMap* to) {
    std::vector<int64_t> values;
    for (const int64_t index : from.Indices(INT64_MIN, INT64_MAX)) {
      values.assign(from.width(), 0);
      from.AddTo(index, absl::MakeSpan(values));
      const absl::Span<int64_t> into = to->Open(index);
      for (size_t i = 0; i < into.size(); ++i) into[i] += values[i];
    }
    to->Pack();
  };
  for (size_t i = 0; i < windows_.size(); ++i) add(other->windows_[i], &windows_[i]);
  for (size_t i = 0; i < label_windows_.size(); ++i) add(other->label_windows_[i], &label_windows_[i]);
  for (size_t i = 0; i < next_.size(); ++i) next_[i] = std::max(next_[i], other->next_[i]);
  next_day_ = std::max(next_day_, other->next_day_);
  changed_days_.merge(other->changed_days_);
  if (other->baseline_whole_ || baseline_.empty()) {
    baseline_ = std::move(other->baseline_);
    baseline_first_day_ = other->baseline_first_day_;
    baseline_whole_ = other->baseline_whole_;
  }
  if (other->concept_.next_hour > concept_.next_hour) concept_ = std::move(other->concept_);
  concept_days_.merge(other->concept_days_);
}

std::string LiveMonitor::Serialize() const {
  std::lock_guard lock(mutex_);
  Drain();
  std::string out(kMagic);
  AppendVarint(&out, kStateVersion);
  AppendVarint(&out, models_.size());
  for (const auto& [model, state] : models_) {
    AppendText(&out, model);
    AppendSigned(&out, state.next_day);
    AppendSigned(&out, state.next_hour);
  }
  AppendVarint(&out, versions_.size() + dormant_.size());
  std::string bytes;
  for (const auto& [name, version] : versions_) {
    bytes.clear();
    version->AppendTo(&bytes);
    AppendText(&out, name.first);
    AppendText(&out, name.second);
    AppendText(&out, bytes);
  }
  for (const auto& [name, dormant] : dormant_) {
    AppendText(&out, name.first);
    AppendText(&out, name.second);
    AppendText(&out, dormant);
  }
  const uint64_t checksum = StableHash(out);
  out.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return out;
}

Status LiveMonitor::Restore(std::string_view state) {
  const auto broken = [](const std::string& what) { return absl::DataLossError(absl::StrCat("monitor state: ", what)); };
  uint64_t checksum = 0;
  if (state.size() < kMagic.size() + sizeof checksum || state.substr(0, kMagic.size()) != kMagic) return broken("not a monitor state");
  std::memcpy(&checksum, state.data() + state.size() - sizeof checksum, sizeof checksum);
  std::string_view in = state.substr(0, state.size() - sizeof checksum);
  if (StableHash(in) != checksum) return broken("checksum does not match");
  in.remove_prefix(kMagic.size());
  uint64_t format = 0, models = 0, versions = 0;
  if (!TakeVarint(&in, &format)) return broken("truncated");
  if (format != kStateVersion)
    return broken(absl::StrCat("format version ", format, " is not one this program reads (", kStateVersion, ")"));

  std::lock_guard lock(mutex_);
  std::map<std::string, std::pair<int64_t, int64_t>> marks;
  if (!TakeVarint(&in, &models)) return broken("truncated");
  for (uint64_t i = 0; i < models; ++i) {
    std::string_view model;
    int64_t next_day = 0, next_hour = 0;
    if (!TakeText(&in, &model) || !TakeMark(&in, &next_day) || !TakeMark(&in, &next_hour)) return broken("models are malformed");
    marks[std::string(model)] = {next_day, next_hour};
  }
  if (!TakeVarint(&in, &versions) || versions > kDormantMax) return broken("too many versions");
  std::map<Name, std::string_view> read;
  for (uint64_t i = 0; i < versions; ++i) {
    std::string_view model, version, bytes;
    if (!TakeText(&in, &model) || !TakeText(&in, &version) || !TakeText(&in, &bytes)) return broken("versions are malformed");
    read[{std::string(model), std::string(version)}] = bytes;
  }
  if (!in.empty()) return broken("bytes after the end");
  for (const auto& [model, mark] : marks) {
    models_[model].next_day = std::max(models_[model].next_day, mark.first);
    models_[model].next_hour = std::max(models_[model].next_hour, mark.second);
  }
  Status status;
  for (const auto& [name, bytes] : read) {
    const auto known = versions_.find(name);
    if (known == versions_.end()) {
      dormant_[name] = std::string(bytes);  // until the version is added
    } else if (!known->second->AddFrom(bytes)) {
      status.Update(broken(absl::StrCat("windows of ", name.first, " ", name.second, " are malformed or of another reference profile")));
    }
  }
  return status;
}

}  // namespace vigil
