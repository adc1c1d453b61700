#include "storage/log_schemas.h"

#include "absl/strings/str_cat.h"
#include "storage/log_format.h"

namespace vigil {
namespace {

std::string Key(const LogSchema& schema) { return absl::StrCat(schema.model, "/", schema.version); }

}  // namespace

Status LogSchemas::Load() {
  const StatusOr<std::string> file = files_.Read(path_);
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  if (!file.ok()) return file.status();
  const StatusOr<LogHeader> header = DecodeLogHeader(*file);
  if (!header.ok()) return Status(header.status().code(), absl::StrCat(path_, ": ", header.status().message()));
  FrameCursor cursor(*file);
  Frame frame;
  for (FrameCursor::Step step = cursor.Next(&frame); step != FrameCursor::Step::kEnd; step = cursor.Next(&frame)) {
    if (step == FrameCursor::Step::kTorn) break;  // an append that a crash broke off: its number was given to nobody
    if (step != FrameCursor::Step::kFrame) return absl::DataLossError(absl::StrCat(path_, " is damaged at byte ", frame.offset));
    VIGIL_ASSIGN_OR_RETURN(const LogSchema schema, DecodeSchema(frame.payload));
    Restore(schema);
  }
  return absl::OkStatus();
}

void LogSchemas::Restore(const LogSchema& schema) {
  std::lock_guard lock(mutex_);
  if (schemas_.size() < schema.number) schemas_.resize(schema.number);
  if (schemas_[schema.number - 1].number == 0) IndexLocked(schema);
  schemas_[schema.number - 1] = schema;
}

void LogSchemas::IndexLocked(const LogSchema& schema) { numbers_[Key(schema)].push_back(schema.number); }

bool LogSchemas::empty() const {
  std::lock_guard lock(mutex_);
  return schemas_.empty();
}

StatusOr<uint32_t> LogSchemas::Register(const LogSchema& schema) {
  if (!schema.redacted.empty() && schema.redacted.size() != schema.columns.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("schema of ", schema.model, ": ", schema.redacted.size(), " redaction marks for ", schema.columns.size(), " columns"));
  }
  if ((!schema.types.empty() && schema.types.size() != schema.columns.size()) || schema.answer_types.size() != schema.answers.size()) {
    return absl::InvalidArgumentError(absl::StrCat("schema of ", schema.model, ": ", schema.types.size(), " types for ",
                                                   schema.columns.size(), " columns, ", schema.answer_types.size(), " for ",
                                                   schema.answers.size(), " answers"));
  }
  std::lock_guard lock(mutex_);
  for (const uint32_t number : numbers_[Key(schema)]) {
    LogSchema& known = schemas_[number - 1];
    if (known.model != schema.model || known.version != schema.version || known.columns != schema.columns ||
        known.outputs != schema.outputs || known.types != schema.types || known.answers != schema.answers ||
        known.answer_types != schema.answer_types) {
      continue;
    }
    if (known.redacted != schema.redacted) {
      std::vector<uint8_t> before = std::exchange(known.redacted, schema.redacted);
      if (Status status = SaveLocked(); !status.ok()) {
        known.redacted = std::move(before);
        return status;
      }
      generation_.fetch_add(1, std::memory_order_release);
    }
    return known.number;
  }
  LogSchema added = schema;
  added.number = static_cast<uint32_t>(schemas_.size()) + 1;
  schemas_.push_back(std::move(added));
  if (Status status = AppendLocked(schemas_.back()); !status.ok()) {
    schemas_.pop_back();
    return status;
  }
  IndexLocked(schemas_.back());
  return static_cast<uint32_t>(schemas_.size());
}

StatusOr<LogSchema> LogSchemas::Find(uint32_t number) const {
  std::lock_guard lock(mutex_);
  if (number == 0 || number > schemas_.size() || schemas_[number - 1].number == 0) {
    return absl::NotFoundError(absl::StrCat("log schema ", number, " is not registered (", schemas_.size(), " are)"));
  }
  return schemas_[number - 1];
}

std::vector<uint8_t> LogSchemas::Matching(const std::string& model, const std::string& version) const {
  std::lock_guard lock(mutex_);
  std::vector<uint8_t> matching(schemas_.size() + 1, 0);
  for (const LogSchema& schema : schemas_) {
    matching[schema.number] =
        schema.number != 0 && (model.empty() || schema.model == model) && (version.empty() || schema.version == version);
  }
  return matching;
}

// What an append that fails leaves behind is overwritten with the rest of the file.
Status LogSchemas::AppendLocked(const LogSchema& schema) {
  if (file_ == nullptr) return SaveLocked();
  std::string frame;
  AppendFrame(&frame, EncodeSchema(schema));
  Status status = file_->WriteAt(file_bytes_, frame);
  if (status.ok()) status = file_->Sync();
  if (!status.ok()) {
    file_ = nullptr;
    return status;
  }
  file_bytes_ += static_cast<int64_t>(frame.size());
  return status;
}

Status LogSchemas::SaveLocked() {
  file_ = nullptr;
  std::string file = EncodeLogHeader({.kind = LogKind::kSchemas});
  for (const LogSchema& schema : schemas_) {
    if (schema.number != 0) AppendFrame(&file, EncodeSchema(schema));
  }
  VIGIL_RETURN_IF_ERROR(files_.Replace(path_, file));
  StatusOr<std::unique_ptr<WritableFile>> open = files_.Open(path_);
  if (open.ok()) file_ = *std::move(open);  // else it is written whole again next time
  file_bytes_ = static_cast<int64_t>(file.size());
  return absl::OkStatus();
}

}  // namespace vigil
